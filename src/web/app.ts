import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type FastifyInstance, fastify } from 'fastify';
import { invariant } from '../core/errors.ts';
import { askedBy, hasBody, serveRoutes } from './dispatch.ts';
import { Events } from './events.ts';
import { bodyOf, failureOf, reasonOf, WebFailure } from './failures.ts';
import { linger } from './linger.ts';
import { WebCounts } from './metrics.ts';
import { OlderContents } from './older-contents.ts';
import { PageFiles } from './page-files.ts';
import { allRoutes } from './routes.ts';
import { type RequestHead, refusalOf, type Standing, safeHeaders } from './safety.ts';
import { Sessions } from './sessions.ts';
import { Spool } from './spool.ts';
import { TusUploads } from './tus-uploads.ts';
import type { WebDuty } from './web-options.ts';

/** Bytes of a JSON body: names of files to be changed. Range 64 KiB – 1 MiB. */
const JSON_BYTES_MAX = 256 * 1024;
/** Characters of a path in an address, unescaped: a name of 1 KiB and what stands before it. */
const PARAMETER_MAX = 2048;

/** What answers requests. */
export interface WebApp {
  handle(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

export interface WebHouse {
  /** Where it listens: scheme, host and port. */
  readonly url: string;
  /** By TLS: others than this machine are let in, by an account. */
  readonly isSecure: boolean;
  /** Private folder of the peer. */
  readonly directory: string;
  readonly server: Server;
}

/** Builds what serves the page and its interface: one gate, one table of routes, and the files of the page. */
export async function makeApp(duty: WebDuty, house: WebHouse): Promise<WebApp> {
  // What may fail comes first: nothing of a start that failed goes on.
  const page = await PageFiles.load();
  const standing = await standingOf(house);
  const spool = new Spool(join(house.directory, 'spool'));
  const uploads = await TusUploads.open(join(house.directory, 'uploads'), spool, duty.log);
  const older = new OlderContents(spool);
  const sessions = new Sessions(duty, !house.isSecure);
  const events = new Events(duty.peer);
  let handle: WebApp['handle'] | undefined;
  const app = fastify({
    serverFactory: (handler) => {
      handle = handler as WebApp['handle'];
      return house.server;
    },
    routerOptions: { maxParamLength: PARAMETER_MAX },
    bodyLimit: JSON_BYTES_MAX,
    exposeHeadRoutes: false,
    frameworkErrors: (_thrown, _request, reply) => refuseAddress(reply.raw),
  });
  // A form of another place can send that, and no JSON.
  app.removeContentTypeParser('text/plain');
  guard(app, duty, standing);
  const counts = new WebCounts();
  app.addHook('onResponse', async (_request, reply) => counts.answered(reply.raw.statusCode));
  const routes = allRoutes({ duty, house, events, page, sessions, spool, older, uploads, counts });
  const slice = { duty, sessions };
  await app.register(async (inner) => {
    serveRoutes(
      inner,
      routes.filter(({ takesBytes }) => takesBytes !== true),
      slice,
    );
  });
  await app.register(async (inner) => {
    // Whatever its kind is said to be, it is bytes.
    inner.removeAllContentTypeParsers();
    inner.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    serveRoutes(
      inner,
      routes.filter(({ takesBytes }) => takesBytes === true),
      slice,
    );
  });
  await app.ready();
  invariant(handle !== undefined, 'the server was not asked for');
  const close = async (): Promise<void> => {
    events.close();
    uploads.close();
    await older.close();
    await sessions.close();
  };
  return { handle, close };
}

/** What is no address is answered before it comes to the gate: with nothing of what was sent. */
function refuseAddress(response: ServerResponse): void {
  const failure = new WebFailure(400, 'usage', 'the address is not one: what is escaped in it is no UTF-8');
  const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', connection: 'close' };
  response.writeHead(failure.status, { ...safeHeaders(), ...headers }).end(JSON.stringify(bodyOf(failure)));
}

/** What goes before and behind every route. */
function guard(app: FastifyInstance, duty: WebDuty, standing: Standing): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(safeHeaders());
    // Nobody reads it, and it may have no end: the connection ends with the answer.
    if (isReading(request.method) && hasBody(request.raw)) reply.header('connection', 'close');
    const refusal = refusalOf(headOf(request.raw), standing);
    if (refusal !== undefined) throw refusal;
  });
  app.addHook('onSend', async (request, reply) => {
    if (!request.raw.complete) linger(request.raw, reply.raw);
  });
  app.setErrorHandler((thrown, request, reply) => {
    const failure = failureOf(thrown);
    if (failure.status === 500) duty.log.error('a request failed', { ...askedBy(request), reason: reasonOf(thrown) });
    return reply.code(failure.status).headers(failure.headers).header('cache-control', 'no-store').send(bodyOf(failure));
  });
  app.setNotFoundHandler(() => {
    throw new WebFailure(404, 'not-found', 'there is nothing here; /openapi.json tells what there is');
  });
}

function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

function headOf(request: IncomingMessage): RequestHead {
  const { headers } = request;
  const text = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value.join() : value;
  };
  return {
    method: request.method ?? '',
    path: (request.url ?? '').split('?')[0] ?? '',
    host: text('host'),
    origin: text('origin'),
    site: text('sec-fetch-site'),
    mode: text('sec-fetch-mode'),
    hasCookie: headers.cookie !== undefined,
    isMarked: headers['x-filemesh'] !== undefined,
  };
}

async function standingOf({ url, isSecure }: WebHouse): Promise<Standing> {
  const { hostname, port } = new URL(url);
  const usual = isSecure ? 443 : 80;
  const names = isSecure ? (await import('./certificate.ts')).ownNames() : [];
  const scheme = isSecure ? 'https' : 'http';
  return { scheme, port: port === '' ? usual : Number(port), isLocal: !isSecure, names: new Set([hostname, ...names]) };
}
