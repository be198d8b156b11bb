import type { FastifyRequest } from 'fastify';
import type { SignedIn } from '../client/sign-in.ts';
import { parseToken } from '../core/accounts.ts';
import type { Call } from './route.ts';
import { IN_LINE_MS_MAX, SILENT_MS_MAX } from './time-limits.ts';
import type { Turns } from './turns.ts';

/** Who asks, and from where. */
export interface Asker {
  readonly request: Pick<FastifyRequest, 'socket'>;
  /** Undefined: the mesh has no accounts, or nobody is logged in. */
  readonly who?: SignedIn | undefined;
}

/** Whose a request is, as far as nobody may take all there is of something: the address it comes from, and the account. */
export function ownersOf({ request, who }: Asker): string[] {
  const place = `at ${placeOf(request)}`;
  return who === undefined ? [place] : [place, `by ${who.user}`];
}

/** Whose something is that is kept for longer than a request: the account and its life, for who has the name later is another one. */
export function keeperOf({ session, who }: Pick<Call, 'session' | 'who'>): string | undefined {
  if (who === undefined) return undefined;
  const life = parseToken(session.signIn.token ?? '')?.facts.life ?? 0;
  return `${who.user}.${life}`;
}

/** The address whoever asks is at. */
export function placeOf({ socket }: Pick<FastifyRequest, 'socket'>): string {
  return socket.remoteAddress ?? '';
}

/** The same with its port, as peers take it. */
export function addressOf({ socket }: Pick<FastifyRequest, 'socket'>): string {
  const { remoteAddress = '0.0.0.0', remotePort = 0 } = socket;
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}

/** Answers with bytes when its turn has come. Rejects with 503 when that takes too long, or too many wait. */
export function inTurn<T>(
  turns: Turns,
  call: Pick<Call, 'request' | 'who' | 'reply' | 'signal'>,
  work: () => Promise<T>,
): Promise<T> {
  waitLonger(call);
  return turns.run(ownersOf(call), work, AbortSignal.any([call.signal, AbortSignal.timeout(IN_LINE_MS_MAX)]));
}

/** Begins anew the time for which its connection may be without a byte. */
export function waitLonger({ reply }: Pick<Call, 'reply'>): void {
  reply.raw.socket?.setTimeout(SILENT_MS_MAX);
}
