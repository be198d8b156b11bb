import { MeshError } from '../../core/errors.ts';
import { isPattern } from '../../core/glob.ts';
import type { FilePath } from '../../core/ids.ts';
import { checkPath, pathNamed, quote } from '../../core/path.ts';
import { type Entry, LIST_ENTRIES_MAX } from '../../wire/calls.ts';
import type { Session } from '../session.ts';
import type { VerbOptions } from '../transfer.ts';

/** Which entries are wanted. */
export interface ListQuery {
  /** A glob; absent: all. */
  readonly pattern?: string | undefined;
  /** Deleted names instead of present ones. */
  readonly deleted?: boolean;
  /** Only names with several contents. */
  readonly conflicts?: boolean;
}

/** The entries in path order, page by page; a failover in between goes on where the last page ended. */
export async function* listEntries(session: Session, query: ListQuery, options: Pick<VerbOptions, 'signal'> = {}) {
  yield* listAfter(session, '', query, options);
}

/** The entries of one folder and below; with `deleted` the deleted ones. */
export async function* listFolder(
  session: Session,
  folder: FilePath,
  options: Pick<VerbOptions, 'signal'> = {},
  deleted = false,
) {
  const prefix = `${folder}/`;
  for await (const entry of listAfter(session, prefix, { deleted }, options)) {
    // The order is by code units, so the folder's names stand together.
    if (!entry.path.startsWith(prefix)) return;
    yield entry;
  }
}

/** How people name the folder they are in, or all there is. */
const ALL_HERE = /^(?:\.?\/|\.)$/;

/** What a person named: a file, else the files of a folder, else those a pattern fits. Rejects with `not-found`. */
export async function selectEntries(session: Session, name: string, options: Pick<VerbOptions, 'signal'> = {}): Promise<Entry[]> {
  const path = pathOf(name);
  if (path !== undefined) {
    const named = await entriesOf(session, path, options);
    if (named.length > 0) return named;
  }
  const fitting = isPattern(name) ? await collected(listEntries(session, { pattern: name }, options)) : [];
  if (fitting.length > 0) return fitting;
  if (ALL_HERE.test(name))
    throw new MeshError('bad-name', `${quote(name)} is no name in the mesh; '*' in quotes names all files`);
  if (path === undefined && !isPattern(name)) checkPath(name);
  throw notFound(name);
}

/** What bears exactly that name: the file, else the files of the folder; empty when there is neither. */
export async function entriesOf(session: Session, path: FilePath, options: Pick<VerbOptions, 'signal'> = {}): Promise<Entry[]> {
  const entry = await findEntry(session, path, options);
  return entry !== undefined && entry.contents.length > 0 ? [entry] : await collected(listFolder(session, path, options));
}

/** The entry of a name, without contents when it is deleted; undefined when it never was. */
export async function findEntry(
  session: Session,
  path: FilePath,
  options: Pick<VerbOptions, 'signal'> = {},
): Promise<Entry | undefined> {
  try {
    return (await session.call('locate', { path }, { ...options, subject: path })).reply;
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code === 'not-found') return undefined;
    throw thrown;
  }
}

/** The entry of a name that has contents now. Rejects with `not-found`. */
export async function presentEntry(session: Session, name: string, options: Pick<VerbOptions, 'signal'> = {}): Promise<Entry> {
  const path = pathNamed(name);
  const entry = await findEntry(session, path, options);
  if (entry !== undefined && entry.contents.length > 0) return entry;
  for await (const below of listFolder(session, path, options)) {
    throw new MeshError('usage', `${quote(path)} is a folder: name one of its files, such as ${quote(below.path)}`);
  }
  throw notFound(name);
}

export function notFound(name: string): MeshError {
  const words = isPattern(name) ? `no file in the mesh fits ${quote(name)}` : `there is no file ${quote(name)} in the mesh`;
  return new MeshError('not-found', `${words}; "filemesh show" lists what there is`);
}

/** The path a person's word names, a trailing slash of a folder allowed; undefined when it can be none. */
function pathOf(name: string): FilePath | undefined {
  try {
    return pathNamed(name);
  } catch {
    return undefined;
  }
}

async function* listAfter(session: Session, start: string, query: ListQuery, options: Pick<VerbOptions, 'signal'>) {
  let after = start;
  for (;;) {
    const ask = {
      after,
      limit: LIST_ENTRIES_MAX,
      deleted: query.deleted ?? false,
      conflicts: query.conflicts ?? false,
      ...(query.pattern === undefined ? {} : { pattern: query.pattern }),
    };
    const { reply } = await session.call('list', ask, { signal: options.signal });
    yield* reply.entries;
    if (!reply.more) return;
    if (reply.next <= after)
      throw new MeshError('protocol', 'a list of files does not go on; ask another peer with --peer HOST:PORT');
    after = reply.next;
  }
}

/** All of them in memory: for verbs that act on each. */
export async function collected(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const all: Entry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}
