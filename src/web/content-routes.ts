import { z } from 'zod';
import { keptCopy, readOlder } from '../client/verbs/history.ts';
import { findEntry, presentEntry } from '../client/verbs/listing.ts';
import { readContent, type Take } from '../client/verbs/reading.ts';
import type { FilePath } from '../core/ids.ts';
import { checkPath, quote } from '../core/path.ts';
import type { Range } from '../core/range.ts';
import type { Entry, ShownContent } from '../wire/calls.ts';
import { BodyWriter } from './body-writer.ts';
import { answerOf, dateOf, tagOf } from './conditional.ts';
import { attachmentOf, typeOf } from './content-types.ts';
import { WebFailure } from './failures.ts';
import { inTurn, ownersOf } from './owners.ts';
import { type Call, type Route, route } from './route.ts';
import type { RouteRooms } from './routes.ts';
import { CONTENT_POLICY } from './safety.ts';
import { readSpooled, requestBody, type Spool, spooledSource, writeAll } from './spool.ts';
import { prepareStore } from './storing.ts';
import { Turns } from './turns.ts';

/** Contents sent at once, each with up to 8 MiB on its way, and those that wait; of one address or account half of them. Range 4–64. */
const SENDS = { atOnce: 16, ofOne: 8, waiting: 64, waitingOfOne: 32 };
/** Bytes of an older content sent at once. */
const OLDER_PIECE_BYTES = 1024 * 1024;

const query = z.object({
  /** BLAKE3 of the content meant, or its beginning: one of several, or an older one that is still kept. */
  version: z
    .string()
    .regex(/^[0-9a-f]{4,64}$/)
    .optional(),
  /** To be shown, not saved. */
  inline: z.string().optional(),
});
type Query = z.infer<typeof query>;

/** The content that is meant, and how it is read. */
interface Wanted {
  readonly path: FilePath;
  readonly content: Pick<ShownContent, 'hash' | 'size' | 'modified'>;
  /** Gives the bytes of a range, in order and proved. */
  read(range: Range, take: Take): Promise<void>;
}

/** The contents of files. */
export function contentRoutes({ spool }: RouteRooms): Route[] {
  const turns = new Turns(SENDS);
  return [
    route({
      method: 'GET',
      url: '/files/*',
      summary: 'The content of a file: ranges, conditions, and "version" for one of several, or an older one that is still kept.',
      answers: 'bytes',
      query,
      run: (call) => inTurn(turns, call, () => sendContent(call, spool)),
    }),
    route({
      method: 'HEAD',
      url: '/files/*',
      summary: 'The same without the content.',
      answers: 'nothing',
      query,
      run: async (call) => {
        const { path, content } = await wantedContent(call, spool);
        const { status, headers } = headOf(call, path, content);
        call.reply.hijack();
        call.reply.raw.writeHead(status, { ...(call.reply.getHeaders() as Record<string, string>), ...headers }).end();
      },
    }),
    route({
      method: 'PUT',
      url: '/files/*',
      summary:
        'Stores a new file, or the next version of one. If-None-Match: * only a new one; If-Match only after that content.',
      answers: 'change',
      takesBytes: true,
      run: (call) => takeContent(call, spool),
    }),
  ];
}

async function sendContent(call: Call<Query>, spool: Spool): Promise<void> {
  const { session, reply } = call;
  const { path, content, read } = await wantedContent(call, spool);
  const { status, headers, range } = headOf(call, path, content);
  const writer = new BodyWriter(reply, session.clock, status, headers);
  try {
    if (range !== undefined) await read(range, (bytes) => writer.write(bytes));
    writer.end();
  } catch (thrown) {
    writer.fail(thrown);
  }
}

/** Rejects with 404, or 409 where there are several. */
async function wantedContent(call: Call<Query>, spool: Spool): Promise<Wanted> {
  const { session, rest, query, options } = call;
  const { version } = query;
  if (version === undefined) return wantedOf(call, await presentEntry(session, rest, options));
  const entry = await findEntry(session, checkPath(rest), options);
  const contents = entry?.contents.filter(({ hash }) => hash.startsWith(version)) ?? [];
  if (entry === undefined || contents.length === 0) return await olderContent(call, checkPath(rest), version, spool);
  return wantedOf(call, { path: entry.path, contents });
}

function wantedOf({ session, options }: Call<Query>, { path, contents }: Pick<Entry, 'path' | 'contents'>): Wanted {
  const [content] = contents;
  if (content === undefined || contents.length > 1) {
    const words = `${quote(path)} has several versions; ?version= names one, /api/v1/where lists them`;
    throw new WebFailure(409, 'conflict', words);
  }
  return { path, content, read: (range, take) => readContent(session, path, content, range, take, options) };
}

/** What the file was before, or before it was deleted: it comes whole and is proved here, then what is wanted of it is sent. */
async function olderContent(
  { session, who, options }: Call<Query>,
  path: FilePath,
  version: string,
  spool: Spool,
): Promise<Wanted> {
  const copy = await keptCopy(session, path, version, options);
  if (copy.manifest !== undefined) {
    const words = `that older version of ${quote(path)} is kept in parts by several peers; /api/v1/restore brings it back`;
    throw new WebFailure(409, 'conflict', words);
  }
  const read = ({ offset, length }: Range, take: Take): Promise<void> =>
    spool.lend(who?.user, copy.size, async (handle, claim) => {
      const write = (at: number, bytes: Uint8Array): Promise<void> =>
        writeAll(handle, bytes, at).then(() => claim.came(bytes.length));
      await readOlder(session, path, copy, write, options);
      const end = offset + length;
      for (let at = offset; at < end; at += OLDER_PIECE_BYTES) {
        await take(await readSpooled(handle, at, Math.min(OLDER_PIECE_BYTES, end - at)));
      }
    });
  return { path, content: copy, read };
}

/** How it is answered; `range` undefined: without bytes. */
function headOf({ request, reply, query }: Call<Query>, path: string, content: Wanted['content']) {
  const { hash, size, modified: modifiedMs } = content;
  const { headers } = request;
  const answer = answerOf(
    {
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
      ifModifiedSince: headers['if-modified-since'],
      ifRange: headers['if-range'] as string | undefined,
      range: headers.range,
    },
    { hash, size, modifiedMs },
  );
  const { type, isShown } = typeOf(path);
  const isInline = query.inline !== undefined && isShown;
  reply.header('content-security-policy', CONTENT_POLICY);
  const common = {
    etag: tagOf(hash),
    'last-modified': dateOf(modifiedMs),
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
  };
  if (answer.status === 304 || answer.status === 412) return { status: answer.status, headers: common, range: undefined };
  if (answer.status === 416) {
    return { status: 416, headers: { ...common, 'content-range': `bytes */${size}`, 'content-length': 0 }, range: undefined };
  }
  const shown = { ...common, 'content-type': type, 'content-disposition': isInline ? 'inline' : attachmentOf(path) };
  if (answer.status === 200)
    return { status: 200, headers: { ...shown, 'content-length': size }, range: { offset: 0, length: size } };
  const { offset, length } = answer.range;
  const part = { 'content-length': length, 'content-range': `bytes ${offset}-${offset + length - 1}/${size}` };
  return { status: 206, headers: { ...shown, ...part }, range: answer.range };
}

async function takeContent(call: Call, spool: Spool) {
  const { request, reply, rest, session, options } = call;
  const path = checkPath(rest);
  const { headers } = request;
  if (headers['content-range'] !== undefined)
    throw new WebFailure(400, 'usage', 'a part of a file is not put; /tus/ takes uploads in parts');
  if ((headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new WebFailure(415, 'usage', 'the bytes are to come as they are, not encoded');
  const wish = { ifNoneMatch: headers['if-none-match'], ifMatch: headers['if-match'] };
  const storing = await prepareStore(session, path, wish, options);
  const said = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  return await spool.lend(call.who?.user, said, async (handle, claim) => {
    const size = await spool.take(requestBody(request), { handle, offset: 0, size: said, owners: ownersOf(call), claim });
    const made = await storing.with(spooledSource(handle, size));
    reply.code(storing.isNew ? 201 : 200).header('etag', tagOf(made.version));
    return made;
  });
}
