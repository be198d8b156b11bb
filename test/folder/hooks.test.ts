import { describe, expect, it } from 'vitest';
import { keysOf } from '../../src/core/chunk-list.ts';
import { hooksOf } from '../../src/folder/hooks.ts';
import { noise } from '../platform/hasher-acceptance.ts';

const ROW_BYTES = 36;

function keysIn(hooks: Uint8Array): number[] {
  const view = new DataView(hooks.buffer, hooks.byteOffset, hooks.length);
  return Array.from({ length: hooks.length / 4 }, (_, index) => view.getInt32(index * 4));
}

describe('the hooks of a content', () => {
  it.each([0, 1, 3, 4, 5, 63, 255, 300, 5_000])('of %i chunks are its smallest hashes, one of 64', (chunks) => {
    const manifest = noise(chunks * ROW_BYTES, chunks + 1);
    const smallest = [...keysOf(manifest).sort()].slice(0, Math.max(4, Math.floor(chunks / 64)));
    expect(keysIn(hooksOf(manifest))).toEqual(smallest);
  });

  it('are as many where chance has put all hashes close together', () => {
    const manifest = noise(500 * ROW_BYTES, 3);
    // The first byte of each hash: among the greatest of all.
    for (let at = 4; at < manifest.length; at += ROW_BYTES) manifest[at] = 0x7f;
    expect(keysIn(hooksOf(manifest))).toEqual([...keysOf(manifest).sort()].slice(0, 7));
  });
});
