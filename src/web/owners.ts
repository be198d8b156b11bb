import type { FastifyRequest } from 'fastify';
import type { SignedIn } from '../client/sign-in.ts';

/** Whose a request is, as far as nobody may take all there is of something: the address it comes from, and the account. */
export function ownersOf({ request, who }: { readonly request: FastifyRequest; readonly who?: SignedIn | undefined }): string[] {
  const place = `at ${request.socket.remoteAddress ?? ''}`;
  return who === undefined ? [place] : [place, `by ${who.user}`];
}
