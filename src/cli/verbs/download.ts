import { sideBySide } from '../../client/side-by-side.ts';
import type { Incoming, Sink } from '../../client/transfer.ts';
import { type Downloaded, download as downloadFile } from '../../client/verbs/download.ts';
import { selectEntries } from '../../client/verbs/listing.ts';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { Entry } from '../../wire/calls.ts';
import { EXIT_CONFLICT, EXIT_DONE } from '../exit-codes.ts';
import { FileSink } from '../local-file.ts';
import { type LocalPlace, localPlace } from '../local-place.ts';
import { counted, shownSize, shownText } from '../output.ts';
import { OutputSink } from '../standard-output.ts';
import { agrees, optionText, type VerbCommand, type VerbContext, wordAt } from '../verb.ts';

/** Files downloaded at once. Range 1–16. */
const DOWNLOADS_MAX = 4;

export const download: VerbCommand = {
  name: 'download',
  words: 'NAME|FOLDER|PATTERN',
  count: { min: 1, max: 1 },
  describe: 'save files here, every byte checked; all versions where there is a conflict',
  options: {
    to: { describe: 'file or folder to save to; "-": standard output', value: 'FILE|FOLDER|-' },
    force: { describe: 'replace files that are here' },
  },
  async run(context, line) {
    const name = wordAt(line, 0);
    const to = optionText(line, 'to');
    if (to === '-' && context.json) throw new MeshError('usage', '--json and --to - both want standard output');
    const entries = await selectEntries(context.session, name, context.options);
    if (to === '-') return await toOutput(context, name, entries);
    const place = await localPlace(name, entries, to);
    const force = line.options.has('force');
    // Questions come one after the other.
    const limit = context.ask === undefined ? DOWNLOADS_MAX : 1;
    const done = await sideBySide(entries, limit, (entry) => toFiles(context, entry, place, force));
    return tell(context, name, done);
  },
};

async function toFiles(context: VerbContext, entry: Entry, place: LocalPlace, force: boolean): Promise<Downloaded> {
  const open = (incoming: Incoming): Promise<Sink> => openFile(context, place.fileOf(incoming), incoming, force);
  return await downloadFile(context.session, entry, open, context.options);
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

async function toOutput(context: VerbContext, name: string, entries: readonly Entry[]): Promise<number> {
  const entry = entries[0];
  if (entry === undefined || entries.length > 1)
    throw new MeshError('usage', `${quote(name)} is several files: only one fits on standard output`);
  if (entry.contents.length > 1) {
    throw new MeshError(
      'conflict',
      `${quote(entry.path)} has several versions, so nothing was written; save them with --to FOLDER, or "resolve" first`,
    );
  }
  await downloadFile(context.session, entry, (incoming) => OutputSink.open(context.screen, incoming), context.options);
  return EXIT_DONE;
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
    context.screen.note(`conflict: ${shownText(one.path)} has several versions; "filemesh resolve" ends that`);
    for (const origin of one.missing)
      context.screen.note(`  the version of ${shownText(origin)} cannot be had now: its holders are away`);
  }
  return conflicts.length > 0 ? EXIT_CONFLICT : EXIT_DONE;
}
