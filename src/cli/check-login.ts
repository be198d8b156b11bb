import type { LoginResult } from '../client/verbs/accounts.ts';
import { MeshError } from '../core/errors.ts';

/** Passes on what a password that was shown came to; throws `not-allowed` when that is nothing. */
export function checkLogin<R extends { readonly kind: string }>(result: R): Exclude<R, { kind: 'wrong' | 'wait' }> {
  const { kind } = result;
  if (kind === 'wrong') throw new MeshError('not-allowed', 'the name or the password is wrong');
  if (kind === 'wait') {
    const { seconds } = result as unknown as Extract<LoginResult, { kind: 'wait' }>;
    throw new MeshError('not-allowed', `too many wrong passwords: nothing is looked at for the next ${waitWords(seconds)}`);
  }
  return result as Exclude<R, { kind: 'wrong' | 'wait' }>;
}

function waitWords(seconds: number): string {
  return seconds < 100 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
