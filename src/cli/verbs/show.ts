import { type ShownFile, shownFile, type WhereResult, whereResult } from '../../client/results.ts';
import { listEntries, presentEntry } from '../../client/verbs/listing.ts';
import { quote } from '../../core/path.ts';
import type { Entry } from '../../wire/calls.ts';
import { EXIT_CONFLICT, EXIT_DONE } from '../exit-codes.ts';
import { counted, shownAge, shownSize, shownTable, shownText } from '../output.ts';
import { page } from '../pager.ts';
import { type VerbCommand, wordAt } from '../verb.ts';

export const show: VerbCommand = {
  name: 'show',
  words: '[PATTERN]',
  count: { min: 0, max: 1 },
  describe: 'list the files: size, age, copies, where they are',
  options: { deleted: { describe: 'list what can be restored instead' } },
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
  async run(context) {
    const files: ShownFile[] = [];
    for await (const entry of listEntries(context.session, { conflicts: true }, context.options)) files.push(shownFile(entry));
    if (context.json) context.screen.value(files);
    else if (files.length === 0) context.screen.print('no conflicts');
    else await page(context, files.map(conflictText).join('\n'));
    return EXIT_DONE;
  },
};

export const where: VerbCommand = {
  name: 'where',
  words: 'NAME',
  count: { min: 1, max: 1 },
  describe: 'tell who holds a file, and what the loss of each would cost',
  options: {},
  async run(context, line) {
    const entry = await presentEntry(context.session, wordAt(line, 0), context.options);
    const result = whereResult(entry);
    if (context.json) context.screen.value(result);
    else context.screen.print(whereText(result, entry));
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
    `${holdersText(entries[index])}${file.conflict ? '  conflict' : ''}${file.available ? '' : '  unavailable'}`,
  ]);
  const summary = `${counted(files.length, 'file')}, ${shownSize(total)}`;
  return `${shownTable(['name', 'size', 'age', 'copies', 'where'], rows, [1, 2])}\n${summary}`;
}

function deletedTable(entries: readonly Entry[], nowMs: number): string {
  const rows = entries.map((entry) => [shownText(entry.path), shownAge(entry.deletedMs ?? 0, nowMs)]);
  return `${shownTable(['name', 'deleted'], rows, [1])}\n${counted(entries.length, 'deleted file')}`;
}

function noneText(pattern: string | undefined, deleted: boolean): string {
  return `no ${deleted ? 'deleted ' : ''}file${pattern === undefined ? 's' : ` fits ${quote(pattern)}`}`;
}

/** All known holders: those that are away count for nothing now. */
function holdersText(entry: Entry | undefined): string {
  const names = (entry?.contents ?? []).flatMap(({ holders }) =>
    holders.map(({ name, live }) => `${shownText(name)}${live ? '' : ' (away)'}`),
  );
  return [...new Set(names)].sort().join(', ');
}

function conflictText(file: ShownFile): string {
  const versions = (file.versions ?? []).map(
    (version) =>
      `  ${shownText(version.origin)}: ${shownSize(version.size)}, ${version.modified}, on ${version.holders.map(shownText).join(', ')}`,
  );
  return [shownText(file.path), ...versions].join('\n');
}

function whereText(result: WhereResult, entry: Entry): string {
  const head = `${shownText(result.path)}: ${shownSize(result.size)} from ${shownText(result.origin)}, ${result.copies} of ${result.wanted} copies`;
  const holders = entry.contents.flatMap((content) => content.holders);
  const losses = result.loss.map(({ peer, left }) => {
    if (holders.some(({ name, live }) => name === peer && !live)) return `  ${shownText(peer)}: is away`;
    return `  ${shownText(peer)}: without it ${left === 0 ? 'none is left' : `${left} left`}`;
  });
  const note = entry.note === undefined ? [] : [`  ${shownText(entry.note)}`];
  const conflict = result.conflict ? [conflictText(result)] : [];
  return [head, ...losses, ...note, ...conflict].join('\n');
}
