import { invariant, MeshError } from '../../core/errors.ts';
import type { ContentHash } from '../../core/ids.ts';
import type { Digest } from '../hasher.ts';
import type { HashAnswer } from './hasher-worker.ts';

/** What a hashing thread told of one file. Throws `failed` when it could not read it. */
export function digestOf(answer: HashAnswer[number] | undefined): Digest {
  const told = readable(answer);
  invariant('manifest' in told, 'a digest is asked for');
  const { hash, size, scheme, manifest, rows } = told;
  return { hash: hash as ContentHash, size, manifest: { scheme, hash: manifest as ContentHash }, ...(rows && { rows }) };
}

/** Hashes of pieces, 32 bytes each. Throws `failed` when the file could not be read. */
export function piecesOf(answer: HashAnswer[number] | undefined): Uint8Array {
  const told = readable(answer);
  invariant('pieces' in told, 'pieces are asked for');
  return told.pieces;
}

/**
 * Which of the checked or copied chunks are wrong. Throws `failed` when the file could not be read; what the system said, by
 * its code, when it took no write.
 */
export function wrongOf(answer: HashAnswer[number] | undefined): readonly number[] {
  const told = readable(answer);
  invariant('wrong' in told, 'chunks were to be checked');
  return told.wrong;
}

/** More of what is known to be right is still to be read. A failure is met again, and told, by the last order. */
export function isBehind(answer: HashAnswer[number] | undefined): boolean {
  return answer !== undefined && 'isBehind' in answer && answer.isBehind;
}

/** The hash of a proved file. Throws `failed` when the file could not be read. */
export function wholeOf(answer: HashAnswer[number] | undefined): ContentHash | undefined {
  const told = readable(answer);
  invariant('whole' in told, 'the whole hash is asked for');
  return told.whole as ContentHash | undefined;
}

function readable(told: HashAnswer[number] | undefined) {
  if (told === undefined) throw new MeshError('failed', 'the hashing thread gave no answer');
  if ('unwritten' in told) throw Object.assign(new Error('a write was refused'), { code: told.unwritten });
  if ('error' in told) throw new MeshError('failed', `cannot read a file to hash it: ${told.error}`);
  return told;
}
