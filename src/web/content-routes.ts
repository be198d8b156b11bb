import { z } from 'zod';
import { presentEntry } from '../client/verbs/listing.ts';
import { readContent } from '../client/verbs/reading.ts';
import { checkPath, quote } from '../core/path.ts';
import type { Entry, ShownContent } from '../wire/calls.ts';
import { BodyWriter } from './body-writer.ts';
import { answerOf, dateOf, tagOf } from './conditional.ts';
import { attachmentOf, typeOf } from './content-types.ts';
import { WebFailure } from './failures.ts';
import { type Call, type Route, route } from './route.ts';
import type { RouteRooms } from './routes.ts';
import { CONTENT_POLICY } from './safety.ts';
import { requestBody, type Spool, spooledSource } from './spool.ts';
import { prepareStore } from './storing.ts';
import { Turns } from './turns.ts';

/** Contents sent at once: each has up to 8 MiB on its way. Those that wait beside. Range 4–64. */
const SENDS_MAX = 16;
const SENDS_WAITING_MAX = 64;
/** A reader that takes nothing for so long is let go. A film that is paused is asked for again. */
const STALL_MS_MAX = 300_000;

const query = z.object({
  /** BLAKE3 of the content meant, or its beginning, where there are several. */
  version: z
    .string()
    .regex(/^[0-9a-f]{4,64}$/)
    .optional(),
  /** To be shown, not saved. */
  inline: z.string().optional(),
});
type Query = z.infer<typeof query>;

/** The contents of files. */
export function contentRoutes({ spool }: RouteRooms): Route[] {
  const turns = new Turns(SENDS_MAX, SENDS_WAITING_MAX);
  return [
    route({
      method: 'GET',
      url: '/files/*',
      summary: 'The content of a file: ranges, conditions, and "version" for one of several.',
      answers: 'bytes',
      query,
      run: (call) => turns.run(() => sendContent(call)),
    }),
    route({
      method: 'HEAD',
      url: '/files/*',
      summary: 'The same without the content.',
      answers: 'nothing',
      query,
      run: async (call) => {
        const { entry, content } = await wantedContent(call);
        const { status, headers } = headOf(call, entry.path, content);
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

async function sendContent(call: Call<Query>): Promise<void> {
  const { session, reply, options } = call;
  const { entry, content } = await wantedContent(call);
  const { status, headers, range } = headOf(call, entry.path, content);
  reply.raw.socket?.setTimeout(STALL_MS_MAX);
  const writer = new BodyWriter(reply, status, headers);
  try {
    if (range !== undefined) await readContent(session, entry.path, content, range, (bytes) => writer.write(bytes), options);
    writer.end();
  } catch (thrown) {
    writer.fail(thrown);
  }
}

/** The content that is meant. Rejects with 404, or 409 where there are several. */
async function wantedContent({ session, rest, query, options }: Call<Query>): Promise<{ entry: Entry; content: ShownContent }> {
  const entry = await presentEntry(session, rest, options);
  const { version } = query;
  const fitting = version === undefined ? entry.contents : entry.contents.filter(({ hash }) => hash.startsWith(version));
  const [content] = fitting;
  if (content === undefined)
    throw new WebFailure(404, 'not-found', `there is no version ${quote(version ?? '')} of ${quote(entry.path)} now`);
  if (fitting.length > 1) {
    throw new WebFailure(
      409,
      'conflict',
      `${quote(entry.path)} has several versions; ?version= names one, /api/v1/where lists them`,
    );
  }
  return { entry, content };
}

/** How it is answered; `range` undefined: without bytes. */
function headOf({ request, reply, query }: Call<Query>, path: string, content: ShownContent) {
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
  const handle = await spool.open();
  try {
    const said = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
    const size = await spool.take(requestBody(request), handle, 0, said);
    const made = await storing.with(spooledSource(handle, size));
    reply.code(storing.isNew ? 201 : 200).header('etag', tagOf(made.version));
    return made;
  } finally {
    await handle.close();
  }
}
