import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { Blake3Hasher, blake3 } from '@napi-rs/blake-hash';
import { Chunker, encodeManifest, MANIFEST_FILE_BYTES_MIN, type ManifestRow, manifestDigest } from '../../core/chunking.ts';
import { invariant } from '../../core/errors.ts';
import { gearWindow } from '../../core/gear.ts';
import { systemCode } from './system-error.ts';

/** One file to hash. Descriptors are the process's: one opened in the main thread is read here. */
export interface HashJob {
  readonly id: number;
  readonly descriptor: number;
  /** As of the opening, in bytes. */
  readonly size: number;
}

export type HashAnswer =
  | {
      readonly id: number;
      readonly hash: string;
      readonly size: number;
      readonly scheme: number;
      readonly manifest: string;
      /** The encoded manifest, of a large file only. */
      readonly rows: Uint8Array | undefined;
    }
  | { readonly id: number; readonly error: string };

/** Files are read where their chunks are looked for: that is large enough for a read, and saves a copy. */
const buffer = gearWindow;
const hex = (bytes: Uint8Array) => blake3(bytes).toString('hex');

const port = parentPort;
invariant(port !== null, 'this file runs in a worker thread');
port.on('message', (jobs: readonly HashJob[]) => {
  port.postMessage(jobs.map(answer));
});

function answer(job: HashJob): HashAnswer {
  try {
    return digest(job);
  } catch (thrown) {
    return { id: job.id, error: systemCode(thrown) ?? String(thrown) };
  }
}

/** One pass, to the end of the file as it is then. The bounds of the chunks are those of the size at the opening. */
function digest({ id, descriptor, size }: HashJob): HashAnswer {
  const chunker = new Chunker(size);
  const rows: ManifestRow[] = [];
  const whole = new Blake3Hasher();
  /** The part of the open chunk that came with earlier reads. */
  const open = { hasher: new Blake3Hasher(), length: 0 };
  let offset = 0;
  for (let count = fill(descriptor, offset); count > 0; count = fill(descriptor, offset)) {
    const bytes = buffer.subarray(0, count);
    whole.update(bytes);
    let from = 0;
    for (const cut of chunker.push(bytes)) {
      addRow(rows, open, bytes.subarray(from, cut - offset));
      from = cut - offset;
    }
    if (from < count) {
      open.hasher.update(bytes.subarray(from));
      open.length += count - from;
    }
    offset += count;
  }
  if (chunker.finish().length > 0) addRow(rows, open, buffer.subarray(0, 0));
  const manifest = manifestDigest(rows, hex);
  const encoded = offset >= MANIFEST_FILE_BYTES_MIN ? encodeManifest(rows) : undefined;
  return { id, hash: whole.digest('hex'), size: offset, scheme: manifest.scheme, manifest: manifest.hash, rows: encoded };
}

/** Closes the open chunk with `last`. */
function addRow(rows: ManifestRow[], open: { hasher: Blake3Hasher; length: number }, last: Uint8Array): void {
  const length = open.length + last.length;
  if (open.length === 0) {
    rows.push({ length, hash: blake3(last) });
    return;
  }
  rows.push({ length, hash: open.hasher.update(last).digestBuffer() });
  open.hasher.reset();
  open.length = 0;
}

/** Fills the buffer from `offset`; fewer bytes only at the end of the file. */
function fill(descriptor: number, offset: number): number {
  let filled = 0;
  while (filled < buffer.length) {
    const count = readSync(descriptor, buffer, filled, buffer.length - filled, offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}
