import { z } from 'zod';
import { isAvailable } from '../client/results.ts';
import type { Session } from '../client/session.ts';
import { findEntry, listEntries, listFolder, notFound } from '../client/verbs/listing.ts';
import { readContent } from '../client/verbs/reading.ts';
import { baseName, checkPath, folderOf } from '../core/path.ts';
import type { Entry, ShownContent } from '../wire/calls.ts';
import { BodyWriter } from './body-writer.ts';
import { attachmentOf } from './content-types.ts';
import { WebFailure } from './failures.ts';
import { inTurn } from './owners.ts';
import { type Call, type Route, route } from './route.ts';
import { Turns } from './turns.ts';
import { type ZipFile, ZipWriter, zipBytes } from './zip.ts';

/** Files of one archive: each is remembered until its end. Range 1,000–100,000. */
const FILES_MAX = 20_000;
/** Archives sent at once, and those that wait; of one address or account half of them. */
const ARCHIVES = { atOnce: 4, ofOne: 2, waiting: 16, waitingOfOne: 8 };
/** In the archive it tells what could not be had. */
const MISSING_NAME = 'not in this archive.txt';

const queryShape = z.object({ path: z.union([z.string().max(1200), z.array(z.string().max(1200)).min(1).max(200)]) });

/** What goes into an archive, and what cannot. */
export interface Packing {
  readonly items: Item[];
  readonly missing: string[];
}

/** The name in the archive, and where it comes from; the list of what is missing is at hand. */
interface Item extends ZipFile {
  /** As the file is named in the mesh. */
  readonly whole: string;
  readonly from?: { readonly path: Entry['path']; readonly content: ShownContent };
  readonly bytes?: Uint8Array;
}

/** Folders and several files as one archive. */
export function zipRoutes(): Route[] {
  const turns = new Turns(ARCHIVES);
  return [
    route({
      method: 'GET',
      url: '/api/v1/zip',
      summary: 'Folders or files ("path", repeatable; empty for all) as one zip archive, stored as they are.',
      answers: 'bytes',
      query: queryShape,
      run: (call) => inTurn(turns, call, () => sendArchive(call)),
    }),
  ];
}

async function sendArchive({ session, query, reply, options }: Call<z.infer<typeof queryShape>>): Promise<void> {
  const names = [query.path].flat().map((name) => name.replace(/\/+$/, ''));
  const packing: Packing = { items: [], missing: [] };
  for (const name of names) {
    const before = packing.items.length + packing.missing.length;
    await pack(entriesNamed(session, name, options), name, packing);
    if (name !== '' && packing.items.length + packing.missing.length === before) throw notFound(name);
  }
  const { missing } = packing;
  const items = namedApart(packing.items);
  if (missing.length > 0) {
    const bytes = Buffer.from(`These files could not be had, for none of their holders is here now:\n${missing.join('\n')}\n`);
    items.push({ name: MISSING_NAME, whole: '', size: bytes.length, modifiedMs: Date.now(), bytes });
  }
  const [only] = names;
  const title = names.length === 1 && only !== undefined && only !== '' ? baseName(only) : 'filemesh';
  const writer = new BodyWriter(reply, session.clock, 200, {
    'content-type': 'application/zip',
    'content-disposition': attachmentOf(`${title}.zip`),
    'content-length': zipBytes(items),
    'cache-control': 'no-store',
  });
  const zip = new ZipWriter((bytes) => writer.write(bytes));
  try {
    for (const item of items) {
      await zip.begin(item);
      if (item.bytes !== undefined) await zip.write(item.bytes);
      else if (item.from !== undefined) {
        const { path, content } = item.from;
        await readContent(session, path, content, { offset: 0, length: content.size }, (bytes) => zip.write(bytes), options);
      }
      await zip.end();
    }
    await zip.finish();
    writer.end();
  } catch (thrown) {
    writer.fail(thrown);
  }
}

/** What a name stands for, page by page: a file, else the files of a folder; the empty name for all. */
async function* entriesNamed(session: Session, name: string, options: Call['options']): AsyncGenerator<Entry> {
  if (name === '') return yield* listEntries(session, {}, options);
  const path = checkPath(name);
  const entry = await findEntry(session, path, options);
  if (entry !== undefined && entry.contents.length > 0) yield entry;
  else yield* listFolder(session, path, options);
}

/** Packs what a name stands for, under names that begin with its last component. Rejects as soon as there are too many. */
export async function pack(entries: AsyncIterable<Entry>, name: string, { items, missing }: Packing): Promise<void> {
  const folder = name === '' ? '' : folderOf(name);
  const cut = folder === '' ? 0 : folder.length + 1;
  for await (const entry of entries) {
    for (const content of entry.contents) {
      if (items.length + missing.length >= FILES_MAX)
        throw new WebFailure(400, 'usage', `an archive takes ${FILES_MAX} files; take smaller folders`);
      const shown = content.shownPath.slice(cut);
      if (!isAvailable(content)) missing.push(shown);
      else {
        const { shownPath: whole, size, modified: modifiedMs } = content;
        items.push({ name: shown, whole, size, modifiedMs, from: { path: entry.path, content } });
      }
    }
  }
}

/** Each file once, and none under the name of another: where two of several folders are called alike, all have their whole paths. */
export function namedApart(items: readonly Item[]): Item[] {
  const apart = [...new Map(items.map((item) => [item.whole, item])).values()];
  const areAlike = new Set(apart.map(({ name }) => name)).size < apart.length;
  return areAlike ? apart.map((item) => ({ ...item, name: item.whole })) : apart;
}
