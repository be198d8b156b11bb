import { MeshError } from '../../core/errors.ts';
import type { ContentHash } from '../../core/ids.ts';
import type { Digest } from '../hasher.ts';
import type { HashAnswer } from './hasher-worker.ts';

/** What a hashing thread told of one file. Throws `failed` when it could not read it. */
export function digestOf(told: HashAnswer[number] | undefined): Digest {
  if (told === undefined) throw new MeshError('failed', 'the hashing thread gave no answer');
  if ('error' in told) throw new MeshError('failed', `cannot read a file to hash it: ${told.error}`);
  const { hash, size, scheme, manifest, rows } = told;
  return { hash: hash as ContentHash, size, manifest: { scheme, hash: manifest as ContentHash }, ...(rows && { rows }) };
}
