import { Readable } from 'node:stream';
import type { Source } from '../client/transfer.ts';
import { checkPath } from '../core/path.ts';
import { WALL_MS_MAX } from '../core/version.ts';
import { tagOf } from './conditional.ts';
import { WebFailure } from './failures.ts';
import { keeperOf, ownersOf } from './owners.ts';
import { type Call, openRoute, type Route, route } from './route.ts';
import type { RouteRooms } from './routes.ts';
import { requestBody } from './spool.ts';
import { prepareStore, type Storing, storeOn } from './storing.ts';
import type { TusNote } from './tus-files.ts';
import type { TusUpload, TusUploads } from './tus-uploads.ts';

const VERSION = '1.0.0';
const PART_TYPE = 'application/offset+octet-stream';

/** Uploads that go on where they were cut off (tus 1.0: creation, termination, expiration). */
export function tusRoutes({ uploads }: RouteRooms): Route[] {
  return [
    openRoute({
      method: 'OPTIONS',
      url: '/tus/',
      summary: 'Which uploads in parts are taken.',
      answers: 'nothing',
      run: async ({ reply }) => {
        reply
          .code(204)
          .headers({ 'tus-resumable': VERSION, 'tus-version': VERSION, 'tus-extension': 'creation,termination,expiration' });
      },
    }),
    route({
      method: 'POST',
      url: '/tus/',
      summary: 'Begins an upload in parts. Upload-Metadata: "path", and if wanted "modified" (ms), "ifMatch", "ifNoneMatch".',
      answers: 'nothing',
      takesBytes: true,
      run: (call) => begin(call, uploads),
    }),
    route({
      method: 'HEAD',
      url: '/tus/*',
      summary: 'How much of it is there.',
      answers: 'nothing',
      run: async (call) => {
        const upload = uploads.of(call.rest, keeperOf(call));
        head(call).headers({ 'upload-offset': upload.offset, 'upload-length': upload.length, 'upload-expires': upload.expires });
      },
    }),
    route({
      method: 'PATCH',
      url: '/tus/*',
      summary: 'The next part. Behind the last one the file is stored; where that fails, the same without bytes tries it again.',
      answers: 'nothing',
      takesBytes: true,
      run: (call) => append(call, uploads),
    }),
    route({
      method: 'DELETE',
      url: '/tus/*',
      summary: 'Gives an upload up.',
      answers: 'nothing',
      run: async (call) => {
        const reply = head(call);
        await uploads.giveUp(call.rest, keeperOf(call));
        reply.code(204);
      },
    }),
  ];
}

async function begin(call: Call, uploads: TusUploads): Promise<void> {
  const { session, request, options } = call;
  const reply = head(call);
  const length = Number(request.headers['upload-length']);
  if (!Number.isSafeInteger(length) || length < 0)
    throw new WebFailure(400, 'usage', 'Upload-Length must say how many bytes come');
  const told = metadataOf(request.headers['upload-metadata']);
  const path = checkPath(told.get('path') ?? told.get('filename') ?? '');
  const wish = { ifMatch: told.get('ifMatch'), ifNoneMatch: told.get('ifNoneMatch') };
  // What cannot be stored is refused before its bytes come.
  const { base } = await prepareStore(session, path, wish, options);
  const modified = Number(told.get('modified'));
  const modifiedMs = modified > 0 && modified <= WALL_MS_MAX ? modified : undefined;
  const owner = keeperOf(call);
  const upload = await uploads.begin({ path, length, wish, base, modifiedMs, owner });
  if (length === 0) await endEmpty(call, uploads, { id: upload.id, owner });
  reply.code(201).headers({ location: `/tus/${upload.id}`, 'upload-offset': 0, 'upload-expires': upload.expires });
}

/** Of an empty one clients send no part: it is stored by its beginning. */
async function endEmpty(call: Call, uploads: TusUploads, { id, owner }: Pick<TusUpload, 'id' | 'owner'>): Promise<void> {
  const part = { body: Readable.from([]), said: '0', owners: ownersOf(call) };
  try {
    await uploads.append({ id, owner, offset: 0, end: () => undefined }, part, storing(call));
  } catch (thrown) {
    // Nobody was told where it could be gone on with.
    await uploads.giveUp(id, owner).catch(() => undefined);
    throw thrown;
  }
}

async function append(call: Call, uploads: TusUploads): Promise<void> {
  const { request, rest: id } = call;
  if (request.headers['content-type'] !== PART_TYPE) throw new WebFailure(415, 'usage', `a part is to come as ${PART_TYPE}`);
  const reply = head(call);
  const at = {
    id,
    owner: keeperOf(call),
    offset: Number(request.headers['upload-offset']),
    end: () => request.raw.socket.destroy(),
  };
  const part = { body: requestBody(request), said: request.headers['content-length'], owners: ownersOf(call) };
  const upload = await uploads.append(at, part, storing(call));
  reply.code(204).headers({ 'upload-offset': upload.offset, 'upload-expires': upload.expires });
}

function storing(call: Call) {
  return async (whole: TusNote, source: Source): Promise<void> => {
    const made = await endOf(call, whole)(source);
    call.reply.headers({ etag: tagOf(made.version), 'x-filemesh-copies': `${made.copies}/${made.wanted}` });
  };
}

/** How it is stored once all is there: on top of what was current when it was begun, however long ago. */
function endOf({ session, options }: Call, { path, base, wish }: TusNote): Storing['with'] {
  return storeOn(session, checkPath(path), base, wish, options);
}

function head({ request, reply }: Call) {
  if (request.headers['tus-resumable'] !== VERSION) {
    throw new WebFailure(412, 'usage', `Tus-Resumable: ${VERSION} is spoken here`, { 'tus-version': VERSION });
  }
  return reply.headers({ 'tus-resumable': VERSION, 'cache-control': 'no-store' });
}

/** `key base64,key base64`. */
function metadataOf(header: string | string[] | undefined): Map<string, string> {
  const pairs = String(header ?? '').split(',');
  return new Map(
    pairs.map((pair) => {
      const [key = '', value = ''] = pair.trim().split(' ');
      return [key, Buffer.from(value, 'base64').toString('utf8')];
    }),
  );
}
