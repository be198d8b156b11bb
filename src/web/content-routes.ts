import { z } from 'zod';
import { type Copy, keptCopy } from '../client/verbs/history.ts';
import { findEntry, presentEntry } from '../client/verbs/listing.ts';
import { readContent } from '../client/verbs/reading.ts';
import type { FilePath } from '../core/ids.ts';
import { checkPath, quote } from '../core/path.ts';
import type { Entry, ShownContent } from '../wire/calls.ts';
import { BodyWriter } from './body-writer.ts';
import { answerOf, dateOf, tagOf } from './conditional.ts';
import { attachmentOf, typeOf } from './content-types.ts';
import { WebFailure } from './failures.ts';
import type { OlderContents, Read } from './older-contents.ts';
import { inTurn, keeperOf, ownersOf } from './owners.ts';
import { type Call, type Route, route } from './route.ts';
import type { RouteRooms } from './routes.ts';
import { CONTENT_POLICY } from './safety.ts';
import { requestBody, type Spool, spooledSource } from './spool.ts';
import { whileSeen } from './still-seen.ts';
import { prepareStore } from './storing.ts';
import { Turns } from './turns.ts';
import type { WebPeer } from './web-options.ts';

/** Contents sent at once, each with up to 8 MiB on its way, and those that wait; of one address or account half of them. Range 4–64. */
const SENDS = { atOnce: 16, ofOne: 8, waiting: 64, waitingOfOne: 32 };

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

/** The content that is meant: one that is there now, or an older one, that has to be brought. */
type Wanted =
  | { readonly path: FilePath; readonly content: ShownContent; readonly isOlder: false }
  | { readonly path: FilePath; readonly content: Copy; readonly isOlder: true };

/** The contents of files. */
export function contentRoutes({ duty, spool, older }: RouteRooms): Route[] {
  const sends = new Turns(SENDS);
  return [
    route({
      method: 'GET',
      url: '/files/*',
      summary: 'The content of a file: ranges, conditions, and "version" for one of several, or an older one that is still kept.',
      answers: 'bytes',
      query,
      run: (call) => sendFile(call, sends, older, duty.peer),
    }),
    route({
      method: 'HEAD',
      url: '/files/*',
      summary: 'The same without the content.',
      answers: 'nothing',
      query,
      run: async (call) => {
        const { status, headers } = headOf(call, await wantedBy(call));
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

async function sendFile(call: Call<Query>, sends: Turns, older: OlderContents, peer: WebPeer): Promise<void> {
  const now = (wanted: Wanted) => sendContent(call, wanted, readerOf(call, wanted));
  // What is current is looked for when its turn has come: it may change while others are sent.
  if (call.query.version === undefined) return await inTurn(sends, call, async () => now(await wantedBy(call)));
  const wanted = await wantedBy(call);
  const isAnswered = (headOf(call, wanted).range?.length ?? 0) === 0;
  if (!wanted.isOlder || isAnswered) return await inTurn(sends, call, () => now(wanted));
  const { path, content } = wanted;
  return await older.lend(call, path, content, (read) =>
    inTurn(sends, call, () => sendContent(call, wanted, whileSeen(read, peer, call, path))),
  );
}

async function sendContent(call: Call<Query>, wanted: Wanted, read: Read): Promise<void> {
  const { session, reply } = call;
  const { status, headers, range } = headOf(call, wanted);
  const writer = new BodyWriter(reply, session.clock, status, headers);
  try {
    if (range !== undefined) await read(range, (bytes) => writer.write(bytes));
    writer.end();
  } catch (thrown) {
    writer.fail(thrown);
  }
}

/** Reads what is there now. */
function readerOf({ session, options }: Call<Query>, wanted: Wanted): Read {
  const { path, content, isOlder } = wanted;
  return isOlder ? async () => {} : (range, take) => readContent(session, path, content, range, take, options);
}

/** Rejects with 404, or 409 where there are several. */
async function wantedBy({ session, rest, query: { version }, options }: Call<Query>): Promise<Wanted> {
  if (version === undefined) return only(await presentEntry(session, rest, options));
  const path = checkPath(rest);
  const entry = await findEntry(session, path, options);
  const contents = entry?.contents.filter(({ hash }) => hash.startsWith(version)) ?? [];
  if (entry !== undefined && contents.length > 0) return only({ path: entry.path, contents });
  const copy = await keptCopy(session, path, version, options);
  if (copy.manifest === undefined) return { path, content: copy, isOlder: true };
  const words = `that older version of ${quote(path)} is kept in parts by several peers; /api/v1/restore brings it back`;
  throw new WebFailure(409, 'conflict', words);
}

function only({ path, contents }: Pick<Entry, 'path' | 'contents'>): Wanted {
  const [content] = contents;
  if (content !== undefined && contents.length === 1) return { path, content, isOlder: false };
  const words = `${quote(path)} has several versions; ?version= names one, /api/v1/where lists them`;
  throw new WebFailure(409, 'conflict', words);
}

/** How it is answered; `range` undefined: without bytes. */
function headOf({ request, reply, query }: Call<Query>, { path, content }: Wanted) {
  const { hash, size, modified: modifiedMs } = content;
  const { headers } = request;
  const answer = answerOf(
    {
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
      ifModifiedSince: headers['if-modified-since'],
      ifUnmodifiedSince: headers['if-unmodified-since'],
      ifRange: headers['if-range'] as string | undefined,
      // Of a read that brings no bytes there is no part (RFC 9110, 14.2).
      range: request.method === 'GET' ? headers.range : undefined,
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
  const said = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  const wish = {
    ifNoneMatch: headers['if-none-match'],
    ifMatch: headers['if-match'],
    ifUnmodifiedSince: headers['if-unmodified-since'],
    size: said,
  };
  const body = requestBody(request);
  const storing = await prepareStore(session, path, wish, options);
  return await spool.lend(keeperOf(call), said, async (handle, claim) => {
    const size = await spool.take(body, { handle, offset: 0, size: said, owners: ownersOf(call), claim });
    const made = await storing.with(spooledSource(handle, size));
    reply.code(storing.isNew ? 201 : 200).header('etag', tagOf(made.version));
    return made;
  });
}
