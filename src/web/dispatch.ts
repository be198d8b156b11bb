import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { bodyOf, reasonOf, WebFailure } from './failures.ts';
import type { Call, OpenCall, Route } from './route.ts';
import type { Sessions } from './sessions.ts';
import { JSON_MS_MAX, WORK_MS_MAX } from './time-limits.ts';
import type { WebDuty } from './web-options.ts';

interface Slice {
  readonly duty: Pick<WebDuty, 'newHash' | 'log'>;
  readonly sessions: Sessions;
}

/** Serves these routes in this scope of the server. */
export function serveRoutes(app: FastifyInstance, routes: readonly Route[], slice: Slice): void {
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.url,
      exposeHeadRoute: route.alsoHead === true,
      handler: (request, reply) => answer(route, request, reply, slice),
      ...(route.takesBytes === true ? {} : { onRequest: async (request, reply) => boundBody(request, reply) }),
    });
  }
}

async function answer(route: Route, request: FastifyRequest, reply: FastifyReply, { duty, sessions }: Slice): Promise<unknown> {
  const stop = new AbortController();
  reply.raw.once('close', () => stop.abort());
  // Whoever went while this door was being opened is not heard of again.
  if (reply.raw.destroyed) stop.abort();
  if (route.method !== 'GET') waitOnceRead(request.raw);
  const query = parsed(route.query, request.query, 'query');
  const body = parsed(route.body, request.body, 'body');
  const call: OpenCall = {
    query,
    body,
    rest: (request.params as Record<string, string>)['*'] ?? '',
    request,
    reply,
    signal: stop.signal,
    options: { signal: stop.signal, newHash: duty.newHash },
  };
  // What is for anybody does without the mesh, so it is answered also while that cannot be reached.
  const running =
    route.access === 'anybody'
      ? route.run(call as Call)
      : sessions.run(request, ({ session, who }) => route.run({ ...call, session, who }));
  const value = await running.catch((thrown) => {
    if (!reply.sent) throw thrown;
    // Half-way: nobody is told but by the end of the connection.
    if (!stop.signal.aborted) duty.log.warn('an answer ended half-way', { ...askedBy(request), reason: reasonOf(thrown) });
  });
  if (reply.sent) return reply;
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  return value === undefined ? await reply.send() : value;
}

/** What was asked, as it is logged: without names of files. */
export function askedBy({ method, routeOptions }: FastifyRequest): { readonly method: string; readonly route: string } {
  return { method, route: routeOptions.url ?? '' };
}

/** While its sender has nothing more to say, a connection is not idle but waits. */
function waitOnceRead(request: IncomingMessage): void {
  const wait = (): void => void request.socket.setTimeout(WORK_MS_MAX);
  if (request.readableEnded || !hasBody(request)) wait();
  else request.once('end', wait);
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** A body that does not come in time is answered so, and ends its connection: also where nobody asked for one. */
function boundBody(request: FastifyRequest, reply: FastifyReply): void {
  if (!hasBody(request.raw) || request.method === 'GET' || request.method === 'HEAD') return;
  const late = (): void => {
    const failure = new WebFailure(408, 'timeout', 'the body came too slowly; send it again');
    void reply.code(failure.status).header('connection', 'close').header('cache-control', 'no-store').send(bodyOf(failure));
  };
  const timer = setTimeout(late, JSON_MS_MAX);
  const over = (): void => clearTimeout(timer);
  request.raw.once('end', over).once('close', over);
}

function parsed(shape: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (shape === undefined) return undefined;
  const result = shape.safeParse(value ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const member = issue?.path.join('.') ?? '';
  throw new WebFailure(
    400,
    'usage',
    `the ${where} is not as it should be${member === '' ? '' : ` at "${member}"`}: ${issue?.message ?? ''}`,
  );
}
