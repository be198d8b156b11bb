import type { FastifyRequest } from 'fastify';
import type { SignedIn } from '../client/sign-in.ts';
import type { Call } from './route.ts';
import type { Turns } from './turns.ts';

/** Whose a request is, as far as nobody may take all there is of something: the address it comes from, and the account. */
export function ownersOf({ request, who }: { readonly request: FastifyRequest; readonly who?: SignedIn | undefined }): string[] {
  const place = `at ${request.socket.remoteAddress ?? ''}`;
  return who === undefined ? [place] : [place, `by ${who.user}`];
}

/** So long a reader may go without a byte, while it waits in line or the mesh has none, before it is sent away. Range 60–600 s. */
export const SILENT_MS_MAX = 300_000;
/** Whose turn has not come by then is told to come again. Range 30 s to below SILENT_MS_MAX. */
const IN_LINE_MS_MAX = 120_000;

/** Answers with bytes when its turn has come. Rejects with 503 when that takes too long, or too many wait. */
export function inTurn<T>(
  turns: Turns,
  call: Pick<Call, 'request' | 'who' | 'reply' | 'signal'>,
  work: () => Promise<T>,
): Promise<T> {
  call.reply.raw.socket?.setTimeout(SILENT_MS_MAX);
  return turns.run(ownersOf(call), work, AbortSignal.any([call.signal, AbortSignal.timeout(IN_LINE_MS_MAX)]));
}
