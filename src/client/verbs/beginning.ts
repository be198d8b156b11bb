import type { ContentHash, FilePath } from '../../core/ids.ts';
import { TAIL_BYTES_MAX } from '../../wire/calls.ts';
import type { Session } from '../session.ts';
import type { VerbOptions } from '../transfer.ts';

/**
 * A few bytes of one content, from wherever they lie: at least one, unless it ends there; `length` at most. Not proved: the
 * caller finds them again in what a download brings, or can tell by themselves.
 */
export async function readFew(
  session: Session,
  { path, hash }: { readonly path: FilePath; readonly hash: ContentHash },
  { offset, length }: { readonly offset: number; readonly length: number },
  options: Pick<VerbOptions, 'signal'>,
): Promise<Uint8Array> {
  const ask = { path, hash, offset, length: Math.min(length, TAIL_BYTES_MAX), relay: true };
  const { tail } = await session.call('read', ask, { ...options, subject: path });
  return tail.slice();
}
