import { blake3 } from '@napi-rs/blake-hash';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import { bytes, hashOf } from './folder-bench.ts';

export const MIB = 1024 * 1024;

/** Text that repeats nowhere. */
export function longText(size: number): string {
  let text = '';
  for (let line = 0; text.length < size; line++) text += hashOf(String(line));
  return text.slice(0, size);
}

export function edited(text: string, at: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + by.length);
}

export const manifestOf = (text: string): Uint8Array => encodeManifest(chunkContent(bytes(text), (piece) => blake3(piece)));
