import { Blake3Hasher, blake3 } from '@napi-rs/blake-hash';
import type { Range } from '../../core/range.ts';
import { buffer, fill, isHashAt, pour } from './hash-buffer.ts';

/** A chunk, and where it begins in the file that lends it. */
export interface LentRange extends Range {
  readonly from: number;
}

interface Job {
  /** Descriptors. */
  readonly source: number;
  readonly target: number;
  readonly chunks: readonly LentRange[];
  /** Of the chunks, one behind the other. */
  readonly hashes: Uint8Array;
}

/** Copies chunks, each read once: what is held against the hash is what is written. Gives the places of the wrong ones. */
export function copyLent({ source, target, chunks, hashes }: Job): number[] {
  const wrong: number[] = [];
  for (const [at, chunk] of chunks.entries()) {
    const hash = chunk.length > buffer.length ? copyLong(source, target, chunk) : hashOf(source, chunk);
    const isRight = hash !== undefined && isHashAt(hashes, at, hash);
    if (!isRight) wrong.push(at);
    else if (chunk.length <= buffer.length) pour(target, chunk.offset, chunk.length);
  }
  return wrong;
}

/** Of what is in the buffer then; undefined when the file ends before. */
function hashOf(source: number, { from, length }: LentRange): Uint8Array | undefined {
  return fill(source, from, length) === length ? blake3(buffer.subarray(0, length)) : undefined;
}

/** One that no buffer holds is written as it is read: a wrong one lies there then, and counts for nothing. */
function copyLong(source: number, target: number, { from, offset, length }: LentRange): Uint8Array {
  const hasher = new Blake3Hasher();
  for (let done = 0; done < length; ) {
    const count = fill(source, from + done, Math.min(buffer.length, length - done));
    if (count === 0) break;
    hasher.update(buffer.subarray(0, count));
    pour(target, offset + done, count);
    done += count;
  }
  return hasher.digestBuffer();
}
