import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Session } from '../client/session.ts';
import type { SignedIn } from '../client/sign-in.ts';
import type { RunningHash } from '../client/transfer.ts';

/** A path in a query or a body: what it is checked for is the verbs' to say. */
export const pathShape = z.string().min(1).max(1200);

/** One request on its way to an answer. */
export interface Call<Query = unknown, Body = unknown> {
  /** With the rights of whoever asks. */
  readonly session: Session;
  /** Undefined: the mesh has no accounts, or nobody is logged in. */
  readonly who: SignedIn | undefined;
  readonly query: Query;
  readonly body: Body;
  /** What stands behind the path of a route that ends in `*`, unescaped. */
  readonly rest: string;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Aborted when whoever asked goes away. */
  readonly signal: AbortSignal;
  /** What a verb is run with. */
  readonly options: { readonly signal: AbortSignal; readonly newHash: () => RunningHash };
}

/** The same of a route for anybody: nobody's rights are asked for. */
export type OpenCall<Query = unknown, Body = unknown> = Omit<Call<Query, Body>, 'session' | 'who'>;

/** One route, as it is served and as it is described: there is no other list. */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  /** `/a/b`, or `/a/*` with a path behind. */
  readonly url: string;
  /** One sentence for the description. */
  readonly summary: string;
  readonly query?: z.ZodType;
  /** JSON; absent: none. */
  readonly body?: z.ZodType;
  /** The body is bytes, read by the route itself as they come. */
  readonly takesBytes?: boolean;
  /** HEAD is answered too, without the body: of what is at hand. */
  readonly alsoHead?: boolean;
  /** Whom it answers; absent: whoever has a login, or everybody on this machine while the mesh has no accounts. */
  readonly access?: 'anybody';
  /** What it answers: of JSON what it looks like, in a word. */
  readonly answers: string;
  run(call: Call): Promise<unknown>;
}

/** A route whose handler knows the types of what it is asked. */
export function route<Query = unknown, Body = unknown>(
  facts: Omit<Route, 'query' | 'body' | 'run'> & {
    readonly query?: z.ZodType<Query>;
    readonly body?: z.ZodType<Body>;
    run(call: Call<Query, Body>): Promise<unknown>;
  },
): Route {
  return facts as unknown as Route;
}

/** A route for anybody. */
export function openRoute<Query = unknown, Body = unknown>(
  facts: Omit<Route, 'query' | 'body' | 'run' | 'access'> & {
    readonly query?: z.ZodType<Query>;
    readonly body?: z.ZodType<Body>;
    run(call: OpenCall<Query, Body>): Promise<unknown>;
  },
): Route {
  return { ...facts, access: 'anybody' } as unknown as Route;
}
