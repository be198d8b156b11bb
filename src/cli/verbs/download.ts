import { sideBySide } from '../../client/side-by-side.ts';
import type { Incoming, Sink } from '../../client/transfer.ts';
import { type Downloaded, download as downloadFile } from '../../client/verbs/download.ts';
import { findEntry, selectEntries } from '../../client/verbs/listing.ts';
import { MeshError } from '../../core/errors.ts';
import { checkPath, faultOfPath, foldCase, quote, SEALED_SUFFIX } from '../../core/path.ts';
import type { Entry } from '../../wire/calls.ts';
import { EXIT_CONFLICT, EXIT_DONE } from '../exit-codes.ts';
import { jointly } from '../joint-progress.ts';
import { FileSink } from '../local-file.ts';
import { type LocalPlace, localPlace } from '../local-place.ts';
import { counted, shownSize, shownText } from '../output.ts';
import type { Parsed } from '../parse.ts';
import { peerFolderAround } from '../peer-folder.ts';
import { OpeningSink } from '../sealing/opening-sink.ts';
import { Openings, openedPath } from '../sealing/openings.ts';
import { keysOf, OPEN_OPTIONS } from '../sealing/seal-options.ts';
import { OutputSink } from '../standard-output.ts';
import { agrees, optionText, type VerbCommand, type VerbContext, wordAt } from '../verb.ts';
import { typed } from '../words.ts';

/** Files downloaded at once. Range 1–16. */
const DOWNLOADS_MAX = 4;

export const download: VerbCommand = {
  name: 'download',
  words: 'NAME|FOLDER|PATTERN',
  count: { min: 1, max: 1 },
  describe: 'save files here, every byte checked',
  options: {
    to: { describe: 'file or folder to save to; "-": standard output', value: 'FILE|FOLDER|-' },
    force: { describe: 'replace files that are here' },
    ...OPEN_OPTIONS,
  },
  details:
    'Of a file in conflict all versions are saved. Where there is no NAME, but a sealed NAME.age, that one is opened. A download that was cut short goes on where it was: give the same command again.',
  examples: [
    'download film.mp4',
    'download photos --to ~/Pictures/',
    "download 'papers/*.pdf' --to .",
    'download notes.txt --to -',
  ],
  also: ['get', 'fetch', 'pull', 'cat'],
  async run(context, line) {
    const to = optionText(line, 'to');
    if (to === '-' && context.json) throw new MeshError('usage', '--json and --to - both want standard output');
    const openings = await openingsOf(context, line);
    const { name, entries } = await selected(context, wordAt(line, 0));
    if (to === '-') return await toOutput(context, name, entries, openings);
    const place = await localPlace(name, entries, to);
    const force = line.options.has('force');
    // Questions come one after the other.
    const limit = context.ask === undefined ? DOWNLOADS_MAX : 1;
    const others = entries.length > 1 ? entries : [];
    const taken = new Set(others.map(({ path }) => foldCase(place.fileOf({ path }))));
    const sizes = entries.flatMap(({ contents }) => contents.map(({ shownPath, size }) => [shownPath, size] as const));
    const options = { ...context.options, progress: jointly(context.options.progress, new Map(sizes)) };
    const way = { place, taken, force, openings };
    const done = await sideBySide(entries, limit, (entry) => toFiles({ ...context, options }, entry, way));
    return tell(context, name, done);
  },
};

/** How files are saved. */
interface Way {
  readonly place: LocalPlace;
  /** Files, case-folded, that others of the same download are saved as. */
  readonly taken: ReadonlySet<string>;
  readonly force: boolean;
  /** Undefined: sealed files are saved as they are. */
  readonly openings: Openings | undefined;
}

/** Undefined: what is sealed stays so. */
async function openingsOf(context: VerbContext, line: Parsed): Promise<Openings | undefined> {
  if (!line.options.has('sealed')) return new Openings(context.session, await keysOf(context, line), context.options);
  if (!line.options.has('passphrase') && !line.options.has('identity')) return undefined;
  throw new MeshError('usage', '--sealed opens nothing: with it --passphrase and --identity say nothing');
}

/** What is called so; where there is none, the sealed file of what is wanted. */
async function selected(context: VerbContext, name: string): Promise<{ name: string; entries: readonly Entry[] }> {
  try {
    return { name, entries: await selectEntries(context.session, name, context.options) };
  } catch (thrown) {
    const sealed = `${name}${SEALED_SUFFIX}`;
    const isMissing = thrown instanceof MeshError && thrown.code === 'not-found' && faultOfPath(sealed) === undefined;
    const entry = isMissing ? await findEntry(context.session, checkPath(sealed), context.options) : undefined;
    if (entry === undefined || entry.contents.length === 0) throw thrown;
    return { name: sealed, entries: [entry] };
  }
}

async function toFiles(context: VerbContext, entry: Entry, { place, taken, force, openings }: Way): Promise<Downloaded> {
  const closed = async (incoming: Incoming, reason: string): Promise<Sink> => {
    context.screen.note(`${shownText(entry.path)} ${reason}: it stays closed`);
    return await openFile(context, closedName(place.fileOf(incoming)), incoming, force);
  };
  const open = async (incoming: Incoming): Promise<Sink> => {
    const looked = await openings?.look(entry.path, incoming);
    if (looked === undefined) return await openFile(context, place.fileOf(incoming), incoming, force);
    if ('reason' in looked) return await closed(incoming, looked.reason);
    const plain = { ...incoming, size: looked.size, path: openedPath(incoming) };
    const file = place.fileOf(plain);
    if (taken.has(foldCase(file))) return await closed(incoming, `would be ${shownText(file)}, and so is another one`);
    await refuseShared(entry.path, file);
    return new OpeningSink(looked, await openFile(context, file, plain, force));
  };
  return await downloadFile(context.session, entry, open, context.options);
}

/** What is opened in a peer's folder would be stored by it in plain, for all to read. */
async function refuseShared(path: string, file: string): Promise<void> {
  const shared = await peerFolderAround(file);
  if (shared === undefined) return;
  throw new MeshError(
    'usage',
    `${quote(path)} is not opened in ${shared}: a peer stores in plain what lies there; --to names another place, --sealed keeps it closed`,
  );
}

/** What is sealed is never taken for what is in it: also where `--to` gave it that name. */
function closedName(file: string): string {
  return file.endsWith(SEALED_SUFFIX) ? file : `${file}${SEALED_SUFFIX}`;
}

/** A file that is here already is replaced with `--force`, or when the person in the shell agrees. */
async function openFile(context: VerbContext, file: string, incoming: Incoming, force: boolean): Promise<Sink> {
  try {
    return await FileSink.open(file, incoming, force);
  } catch (thrown) {
    const isThere = thrown instanceof MeshError && thrown.code === 'exists';
    if (!isThere || !context.inShell || context.ask === undefined) throw thrown;
    context.quiet();
    if (!(await agrees(context, `replace ${shownText(file)}?`))) throw thrown;
    return await FileSink.open(file, incoming, true);
  }
}

async function toOutput(
  context: VerbContext,
  name: string,
  entries: readonly Entry[],
  openings: Openings | undefined,
): Promise<number> {
  const entry = entries[0];
  if (entry === undefined || entries.length > 1)
    throw new MeshError('usage', `${quote(name)} is several files: only one fits on standard output`);
  if (entry.contents.length > 1) {
    throw new MeshError(
      'conflict',
      `${quote(entry.path)} has several versions, so nothing was written; save them with --to FOLDER, or "resolve" first`,
    );
  }
  const open = async (incoming: Incoming): Promise<Sink> => {
    const looked = await openings?.look(entry.path, incoming);
    if (looked === undefined) return await OutputSink.open(context.screen, incoming);
    if ('reason' in looked)
      throw new MeshError('not-allowed', `${quote(entry.path)} ${looked.reason}; --sealed writes it as it is`);
    return new OpeningSink(looked, await OutputSink.open(context.screen, looked));
  };
  await downloadFile(context.session, entry, open, context.options);
  return EXIT_DONE;
}

function resolveWords(path: string): string {
  return `"filemesh resolve ${shownText(typed(path))} --keep ORIGIN" or "--keep-both" ends that`;
}

function tell(context: VerbContext, name: string, done: readonly Downloaded[]): number {
  const result = {
    path: done.length === 1 ? (done[0]?.path ?? name) : name,
    files: done.flatMap((one) => one.files),
    bytes: done.reduce((sum, one) => sum + one.bytes, 0),
    from: [...new Set(done.flatMap((one) => one.from))],
  };
  const conflicts = done.filter((one) => one.conflict);
  if (context.json) context.screen.value(result);
  else if (done.length > 1) context.screen.print(`saved ${counted(result.files.length, 'file')}, ${shownSize(result.bytes)}`);
  else for (const file of result.files) context.screen.print(`saved ${shownText(file)}`);
  for (const one of conflicts) {
    context.screen.note(`conflict: ${shownText(one.path)} has several versions; ${resolveWords(one.path)}`);
    for (const origin of one.missing)
      context.screen.note(`  the version of ${shownText(origin)} cannot be had now: its holders are away`);
  }
  return conflicts.length > 0 ? EXIT_CONFLICT : EXIT_DONE;
}
