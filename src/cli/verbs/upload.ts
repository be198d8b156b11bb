import { type FileHandle, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { ChangeResult } from '../../client/results.ts';
import { sideBySide } from '../../client/side-by-side.ts';
import type { Source } from '../../client/transfer.ts';
import { checkFree, create as createFile, currentBase, put } from '../../client/verbs/upload.ts';
import { asMeshError, MeshError } from '../../core/errors.ts';
import type { FilePath, VersionKey } from '../../core/ids.ts';
import { checkPath, isSealedName, quote, SEALED_SUFFIX } from '../../core/path.ts';
import { jointly } from '../joint-progress.ts';
import { FileSource } from '../local-file.ts';
import { isFolder, refuseOneName, type TreeFile, walkTree } from '../local-tree.ts';
import { shownText } from '../output.ts';
import type { Parsed } from '../parse.ts';
import { SEAL_OPTIONS, sealingOf } from '../sealing/seal-options.ts';
import type { Sealing } from '../sealing/sealing.ts';
import { isGiven, keepSpooled, openNameless, spool } from '../standard-input.ts';
import { readSize } from '../values.ts';
import { optionText, type VerbCommand, type VerbContext, wordAt } from '../verb.ts';
import { tellChanges } from './change-words.ts';

/** Files uploaded at once: enough to hide the wait for copies, and few enough for a peer's disk. Range 1–16. */
const UPLOADS_MAX = 8;
const STANDARD_INPUT = 0;
/** How skipped files are told: above, a line counts the rest. */
const SKIPPED_TOLD_MAX = 10;

export const create: VerbCommand = {
  name: 'create',
  words: 'NAME [FILE]',
  count: { min: 1, max: 2 },
  describe: 'make a new file from FILE, from piped input, or empty; a name that exists is refused',
  options: {},
  examples: ['create notes.txt', 'create docs/report.pdf ~/report.pdf'],
  also: ['new', 'touch'],
  async run(context, line) {
    const path = checkPath(wordAt(line, 0));
    const { source, input } = await sourceOfCreate(context, path, line.words[1]);
    try {
      const result = await createFile(context.session, path, source, context.options);
      return tellChanges(context, 'created', [result], false);
    } catch (thrown) {
      throw input === undefined ? thrown : await withKept(context, input, thrown, false);
    } finally {
      await source.close();
    }
  },
};

export const upload: VerbCommand = {
  name: 'upload',
  words: 'FILE|FOLDER|- ...',
  count: { min: 1, max: Number.POSITIVE_INFINITY },
  describe: 'store files or folders: new ones, or the next version of what is there',
  options: {
    to: { describe: 'name in the mesh; a folder when it ends in a slash or several things are uploaded', value: 'PATH' },
    striped: { describe: 'spread it in parts over the peers, whatever its size' },
    'stripe-over': { describe: 'the same for files of that size and more, such as 1GiB', value: 'SIZE' },
    ...SEAL_OPTIONS,
  },
  details:
    '"-" is standard input, and needs --to. An upload that was cut short goes on where it was: give the same command again.',
  examples: [
    'upload film.mp4',
    'upload photos --to holidays/2026',
    'upload *.pdf --to papers/',
    'upload - --to dump.sql',
    'upload --seal report.pdf --for bob',
  ],
  also: ['put', 'add', 'push'],
  async run(context, line) {
    const to = optionText(line, 'to');
    const way = { stripeOver: stripeOverOf(line), sealing: await sealingOf(context, line) };
    if (line.words.includes('-')) return await uploadInput(context, line.words, to, way);
    const { files: found, several } = await filesOf(context, line.words, to);
    const files = several ? found : found.map((one) => (one.path === to ? { ...one, path: plainNameOf(to, way) } : one));
    // Every name is checked before the first byte goes out.
    for (const { path } of files) checkPath(nameOf(path, way));
    refuseOneName(files);
    const progress = jointly(context.options.progress, await sizesOf(files, way));
    const joint = { ...context, options: { ...context.options, progress } };
    const results = await sideBySide(files, UPLOADS_MAX, (one) => uploadFile(joint, one, way));
    return tellChanges(context, 'stored', results, several);
  },
};

/** How files are stored. */
interface Way {
  /** Files of so many bytes and more are striped; undefined: those that no single peer has room for. */
  readonly stripeOver: number | undefined;
  /** Undefined: they are not sealed. */
  readonly sealing: Sealing | undefined;
}

/** `input`: what came from standard input; absent: it came from elsewhere. */
async function sourceOfCreate(
  context: VerbContext,
  path: FilePath,
  file: string | undefined,
): Promise<{ source: FileSource; input?: FileHandle }> {
  if (file !== undefined && file !== '-') return { source: await FileSource.open(file, context.cutter) };
  if (context.inShell && file === '-') throw new MeshError('usage', 'in the shell nothing can be read from standard input');
  const isPiped = file === '-' || (!context.inShell && isGiven(STANDARD_INPUT));
  if (!isPiped) return { source: await FileSource.spooled(await openNameless()) };
  // Before a byte is read: what comes may take hours, and comes no second time.
  await checkFree(context.session, path, context.options);
  const input = await spool(process.stdin, context.options.signal);
  return { source: await FileSource.spooled(input), input };
}

/** As of Way. */
function stripeOverOf(line: Parsed): number | undefined {
  const size = optionText(line, 'stripe-over');
  if (!line.options.has('striped')) return size === undefined ? undefined : readSize(size, '--stripe-over');
  if (size !== undefined) throw new MeshError('usage', '--striped spreads every file: with it --stripe-over says nothing');
  return 0;
}

async function uploadInput(context: VerbContext, words: readonly string[], to: string | undefined, way: Way): Promise<number> {
  if (context.inShell) throw new MeshError('usage', 'in the shell nothing can be read from standard input');
  if (words.length > 1) throw new MeshError('usage', '"-" is uploaded alone');
  if (to === undefined || to.endsWith('/'))
    throw new MeshError('usage', 'what comes from standard input needs a name: --to NAME');
  const name = plainNameOf(to, way);
  const path = checkPath(nameOf(name, way));
  // Before a byte is read: what comes may take hours, and follows what was there when it began.
  const base = await currentBase(context.session, path, context.options);
  const handle = await spool(process.stdin, context.options.signal);
  const source = await FileSource.spooled(handle);
  try {
    return tellChanges(context, 'stored', [await putSource(context, name, source, way, base)], false);
  } catch (thrown) {
    throw await withKept(context, handle, thrown, way.sealing !== undefined);
  } finally {
    await source.close();
  }
}

/** What came from standard input comes no second time: whatever kept it from being stored, its error says where it lies. */
async function withKept({ options }: VerbContext, handle: FileHandle, thrown: unknown, isToBeSealed: boolean): Promise<unknown> {
  if (options.signal?.aborted === true || (await handle.stat()).size === 0) return thrown;
  const { code, message } = asMeshError(thrown);
  return new MeshError(code, `${message}; ${await keptWords(handle, isToBeSealed)}`, { cause: thrown });
}

async function keptWords(handle: FileHandle, isToBeSealed: boolean): Promise<string> {
  try {
    const file = await keepSpooled(handle);
    return isToBeSealed ? `what was read is kept, not sealed, in ${file}` : `what was read is kept in ${file}`;
  } catch (thrown) {
    return `what was read could not be kept: ${asMeshError(thrown).message}`;
  }
}

/** What the words name, as single files with their names in the mesh. */
async function filesOf(
  context: VerbContext,
  words: readonly string[],
  to: string | undefined,
): Promise<{ files: TreeFile[]; several: boolean }> {
  const files: TreeFile[] = [];
  let several = words.length > 1;
  for (const word of words) {
    const folder = await isFolder(word).catch((thrown) => notThere(thrown, words, word, to));
    several ||= folder;
    // `.` and `..` have no name of their own here, but the folders they mean do.
    const own = basename(resolve(word)).normalize('NFC');
    const into = to === undefined ? '' : to.replace(/\/+$/, '');
    if (into !== '') checkPath(into);
    const path = to === undefined ? own : to.endsWith('/') || words.length > 1 ? joined(into, own) : into;
    if (!folder) files.push({ file: word, path });
    else files.push(...(await treeOf(context, word, path)));
  }
  return { files, several };
}

/** Many commands take a name behind the thing: whoever wrote it so is told where the name goes. */
function notThere(thrown: unknown, words: readonly string[], word: string, to: string | undefined): never {
  if (to !== undefined || words.length !== 2 || word !== words[1]) throw thrown;
  const { message, code } = asMeshError(thrown);
  throw new MeshError(code, `${message}; a name in the mesh is given by --to ${quote(word)}`, { cause: thrown });
}

async function treeOf(context: VerbContext, folder: string, path: string): Promise<readonly TreeFile[]> {
  const { files, skipped } = await walkTree(folder, path);
  for (const { file, reason } of skipped.slice(0, SKIPPED_TOLD_MAX)) {
    context.screen.note(`left out: ${shownText(file)} (${reason})`);
  }
  if (skipped.length > SKIPPED_TOLD_MAX) context.screen.note(`left out: ${skipped.length - SKIPPED_TOLD_MAX} more`);
  if (files.length === 0)
    throw new MeshError('usage', `there is no file to store in ${quote(folder)}: empty folders are not kept`);
  return files;
}

/** As they are now, by their names in the mesh: only for the progress. */
async function sizesOf(files: readonly TreeFile[], way: Way): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const { file, path } of files) {
    const facts = await stat(file).catch(() => undefined);
    sizes.set(checkPath(nameOf(path, way)), facts?.size ?? 0);
  }
  return sizes;
}

async function uploadFile(context: VerbContext, { file, path }: TreeFile, way: Way): Promise<ChangeResult> {
  const source = await FileSource.open(file, context.cutter);
  try {
    return await putSource(context, path, source, way);
  } finally {
    await source.close();
  }
}

/** `from`: what it follows; absent: what is current now. */
async function putSource(
  context: VerbContext,
  name: string,
  source: Source,
  way: Way,
  from?: readonly VersionKey[],
): Promise<ChangeResult> {
  const path = checkPath(nameOf(name, way));
  const { sealing, stripeOver } = way;
  // Before all of it is read for its seal, too.
  const base = from ?? (await currentBase(context.session, path, context.options));
  if (sealing === undefined) return await put(context.session, path, source, { ...context.options, stripeOver, base });
  // In parts, however small: so no peer has even all the sealed bytes, and the load of a large one is shared.
  const sealedWay = { ...context.options, stripeOver: 0, base };
  return await sealing.with(path, source, (sealed) => put(context.session, path, sealed, sealedWay));
}

/** Whoever names the sealed file itself (`--to x.age`) means that name, and not `x.age.age`. */
function plainNameOf(to: string, { sealing }: Way): string {
  return sealing !== undefined && isSealedName(to) ? to.slice(0, -SEALED_SUFFIX.length) : to;
}

function nameOf(path: string, { sealing }: Way): string {
  return sealing === undefined ? path : `${path}${SEALED_SUFFIX}`;
}

function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
