import { readSync, writeSync } from 'node:fs';
import { gearWindow } from '../../core/gear.ts';
import { systemCode } from './system-error.ts';

/** Files are read where their chunks are looked for: that is large enough for a read, and saves a copy. One a thread. */
export const buffer = gearWindow;
/** Of a BLAKE3-256. */
const HASH_BYTES = 32;

/** Fills the buffer from `offset` with `length` bytes; fewer only at the end of the file. */
export function fill(descriptor: number, offset: number, length: number): number {
  let filled = 0;
  while (filled < length) {
    const count = readSync(descriptor, buffer, filled, length - filled, offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** The system did not take a write; `code` is its word for that. */
export class WriteRefused extends Error {
  readonly code: string;

  constructor(cause: unknown) {
    super('a write was refused', { cause });
    this.code = systemCode(cause) ?? String(cause);
  }
}

/** Writes the first `length` bytes of the buffer at `offset`. Throws WriteRefused. */
export function pour(descriptor: number, offset: number, length: number): void {
  let written = 0;
  try {
    // A short write is no error to the system, but half of one to us.
    while (written < length) written += writeSync(descriptor, buffer, written, length - written, offset + written);
  } catch (thrown) {
    throw new WriteRefused(thrown);
  }
}

/** True when that is the hash at `index` of those that lie one behind the other. */
export function isHashAt(hashes: Uint8Array, index: number, hash: Uint8Array): boolean {
  return Buffer.compare(hash, hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)) === 0;
}
