import { type ShownChunk, type ShownFile, shownFile, type WhereResult, whereResult, withChunks } from '../../client/results.ts';
import { chunksOfEach } from '../../client/verbs/chunks.ts';
import { listEntries, presentEntry } from '../../client/verbs/listing.ts';
import { quote } from '../../core/path.ts';
import { type RunMask, runCount, runsIn } from '../../core/striping.ts';
import type { Entry, Holder, ShownContent } from '../../wire/calls.ts';
import { EXIT_CONFLICT, EXIT_DONE } from '../exit-codes.ts';
import { counted, shownAge, shownSize, shownTable, shownText } from '../output.ts';
import { page } from '../pager.ts';
import { type VerbCommand, wordAt } from '../verb.ts';

/** Digits of a chunk's hash: enough to tell those of one file apart; `--json` has all. */
const HASH_DIGITS_SHOWN = 16;
/** Peers with parts of a file that a line of the list names. */
const PARTED_NAMED_MAX = 3;

export const show: VerbCommand = {
  name: 'show',
  words: '[PATTERN]',
  count: { min: 0, max: 1 },
  describe: 'list the files: size, age, copies, where they are',
  options: { deleted: { describe: 'list what can be restored instead' } },
  examples: ['show', "show '*.mp4'", 'show photos/', 'show --deleted'],
  also: ['ls', 'list', 'dir'],
  async run(context, line) {
    const pattern = line.words[0];
    const deleted = line.options.has('deleted');
    const entries: Entry[] = [];
    for await (const entry of listEntries(context.session, { pattern, deleted }, context.options)) entries.push(entry);
    if (context.json) context.screen.value(entries.map(shownFile));
    else if (entries.length > 0)
      await page(context, deleted ? deletedTable(entries, Date.now()) : fileTable(entries, Date.now()));
    else context.screen.print(noneText(pattern, deleted));
    return EXIT_DONE;
  },
};

export const conflicts: VerbCommand = {
  name: 'conflicts',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'list the names that have several versions',
  options: {},
  examples: ['conflicts'],
  async run(context) {
    const files: ShownFile[] = [];
    for await (const entry of listEntries(context.session, { conflicts: true }, context.options)) files.push(shownFile(entry));
    if (context.json) context.screen.value(files);
    else if (files.length === 0) context.screen.print('no conflicts');
    else await page(context, conflictsText(files, Date.now()));
    return EXIT_DONE;
  },
};

export const where: VerbCommand = {
  name: 'where',
  words: 'NAME',
  count: { min: 1, max: 1 },
  describe: 'tell who holds a file, and what the loss of each would cost',
  options: { chunks: { describe: 'list its chunks too' } },
  examples: ['where film.mp4', 'where film.mp4 --chunks'],
  also: ['stat', 'info'],
  async run(context, line) {
    const entry = await presentEntry(context.session, wordAt(line, 0), context.options);
    const result = whereResult(entry);
    const isCut = line.options.has('chunks');
    const chunks = isCut ? await chunksOfEach(context.session, entry, context.options) : [];
    if (context.json) context.screen.value(isCut ? withChunks(result, chunks) : result);
    else if (!isCut) context.screen.print(whereText(result, entry, Date.now()));
    else
      await page(
        context,
        [whereText(result, entry, Date.now()), ...chunks.map((list, at) => chunksText(list, entry.contents[at]))].join('\n'),
      );
    return result.conflict ? EXIT_CONFLICT : EXIT_DONE;
  },
};

/** The list of files as a table, with a line that counts them. */
export function fileTable(entries: readonly Entry[], nowMs: number): string {
  const files = entries.map(shownFile);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const rows = files.map((file, index) => [
    shownText(file.path),
    shownSize(file.size),
    shownAge(Date.parse(file.modified), nowMs),
    `${file.copies}/${file.wanted}`,
    `${holdersText(entries[index])}${file.sealed === true ? '  sealed' : ''}${file.conflict ? '  conflict' : ''}${reachText(file)}`,
  ]);
  const summary = `${counted(files.length, 'file')}, ${shownSize(total)}`;
  return `${shownTable(['name', 'size', 'age', 'copies', 'where'], rows, [1, 2])}\n${summary}`;
}

function deletedTable(entries: readonly Entry[], nowMs: number): string {
  const rows = entries.map((entry) => [shownText(entry.path), shownAge(entry.deletedMs ?? 0, nowMs)]);
  return `${shownTable(['name', 'deleted'], rows, [1])}\n${counted(entries.length, 'deleted file')}`;
}

/** The chunks of one content as a table, with a line that says whose they are; undefined: nobody can tell them now. */
export function chunksText(chunks: readonly ShownChunk[] | undefined, content: ShownContent | undefined): string {
  const name = shownText(content?.shownPath ?? '');
  if (chunks === undefined) return `${name}: its chunks are known to its holders only, and those are away`;
  const head = `${name}: ${counted(chunks.length, 'chunk')}`;
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined)
    return `${head}, ${shownSize(only.size)}, ${shortHash(only)}, on ${holdersOf(only)}`;
  const rows = chunks.map((chunk, index) => [
    `${index}`,
    `${chunk.offset}`,
    shownSize(chunk.size),
    shortHash(chunk),
    holdersOf(chunk),
  ]);
  return `${head}\n${shownTable(['chunk', 'offset', 'size', 'hash', 'where'], rows, [0, 1, 2])}`;
}

function shortHash({ hash }: ShownChunk): string {
  return hash.slice(0, HASH_DIGITS_SHOWN);
}

function holdersOf({ holders }: ShownChunk): string {
  return holders.map(shownText).join(', ');
}

function noneText(pattern: string | undefined, deleted: boolean): string {
  return `no ${deleted ? 'deleted ' : ''}file${pattern === undefined ? 's' : ` fits ${quote(pattern)}`}`;
}

function reachText({ available, incomplete, versions = [] }: ShownFile): string {
  if (!available) return incomplete === true ? '  incomplete' : '  unavailable';
  const away = versions.filter(({ unavailable }) => unavailable === true).length;
  return away === 0 ? '' : `  ${away} of ${counted(versions.length, 'version')} unavailable`;
}

/** All known holders: those that are away count for nothing now. Of many that have parts, how many: `where` names them. */
function holdersText(entry: Entry | undefined): string {
  const texts = (entry?.contents ?? []).flatMap(({ holders }) => {
    const parted = holders.filter(({ runs }) => runs !== undefined);
    const named = parted.length > PARTED_NAMED_MAX ? holders.filter(({ runs }) => runs === undefined) : holders;
    const names = named.map(({ name, live, runs }) => {
      const facts = [...(runs === undefined ? [] : ['part']), ...(live ? [] : ['away'])];
      return `${shownText(name)}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
    });
    return [...names.sort(), ...(parted.length > PARTED_NAMED_MAX ? [partedText(parted)] : [])];
  });
  return [...new Set(texts)].join(', ');
}

function partedText(holders: readonly Holder[]): string {
  const away = holders.filter(({ live }) => !live).length;
  return `in parts on ${holders.length} peers${away === 0 ? '' : ` (${away} away)`}`;
}

function conflictText(file: ShownFile, nowMs: number): string {
  const versions = (file.versions ?? []).map(({ origin, size, modified, holders, unavailable }) => {
    const where = `on ${holders.map(shownText).join(', ')}${unavailable === true ? ' (unavailable)' : ''}`;
    const facts = [shownSize(size), `age ${shownAge(Date.parse(modified), nowMs)}`, where];
    return `  ${shownText(origin)}: ${facts.join(', ')}`;
  });
  return [shownText(file.path), ...versions].join('\n');
}

/** The names in conflict with their versions, and how that is ended. */
export function conflictsText(files: readonly ShownFile[], nowMs: number): string {
  const sum = `${counted(files.length, 'conflict')}; "filemesh resolve NAME --keep ORIGIN" or "--keep-both" ends one`;
  return [...files.map((file) => conflictText(file, nowMs)), sum].join('\n');
}

export function whereText(result: WhereResult, entry: Entry, nowMs: number): string {
  const head = `${shownText(result.path)}: ${shownSize(result.size)} from ${shownText(result.origin)}, ${result.copies} of ${result.wanted} copies`;
  const holders = entry.contents.flatMap((content) => content.holders.map((holder) => ({ ...holder, size: content.size })));
  const losses = result.loss.map(({ peer, left }) => {
    const here = holders.filter(({ name }) => name === peer);
    const parts = here.flatMap(({ runs, size }) => (runs === undefined ? [] : [partsText(runs, size)]));
    const words = here.some(({ live }) => !live) ? 'is away' : `without it ${left === 0 ? 'none is left' : `${left} left`}`;
    return `  ${shownText(peer)}: ${[...parts, words].join(', ')}`;
  });
  const note = entry.note === undefined ? [] : [`  ${shownText(entry.note)}`];
  const conflict = result.conflict ? [conflictText(result, nowMs)] : [];
  return [head, ...losses, ...note, ...conflict].join('\n');
}

function partsText(runs: RunMask, size: number): string {
  return `has ${runsIn(runs).length} of ${runCount(size)} parts`;
}
