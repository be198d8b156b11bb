import { describe, expect, it } from 'vitest';
import { ChunkList } from '../../src/core/chunk-list.ts';
import { MANIFEST_ROW_BYTES } from '../../src/core/chunking.ts';
import { type Lent, WantedChunks } from '../../src/folder/wanted-chunks.ts';

const CHUNK_BYTES = 2 * 1024 * 1024;
const COUNT = 60_000;

/** A content of many chunks of one length; chunk `index` has the hash that `name` gives. */
function contentOf(name: (index: number) => number): ChunkList {
  const manifest = Buffer.alloc(COUNT * MANIFEST_ROW_BYTES);
  for (let index = 0; index < COUNT; index++) {
    manifest.writeUInt32LE(CHUNK_BYTES, index * MANIFEST_ROW_BYTES);
    manifest.writeUInt32BE(name(index), index * MANIFEST_ROW_BYTES + 4);
  }
  return ChunkList.of(manifest, COUNT * CHUNK_BYTES);
}

describe('what another content lends', () => {
  it('is found in short turns, however many chunks there are', async () => {
    // Each third one is new, and all others lie the other way round.
    const there = contentOf((index) => COUNT - index);
    const wanted = new WantedChunks(
      contentOf((index) => (index % 3 === 0 ? 2 * COUNT + index : index)),
      [{ offset: 0, length: COUNT * CHUNK_BYTES }],
    );
    let pauses = 0;
    const lent: Lent[] = [];
    const pause = async () => void pauses++;
    for await (const some of wanted.lentBy(there, { has: () => true }, 4 * CHUNK_BYTES, pause)) {
      expect(some.length).toBeLessThanOrEqual(4);
      lent.push(...some);
    }
    const expected = Array.from({ length: COUNT }, (_, chunk) => ({ chunk, from: (COUNT - chunk) * CHUNK_BYTES }));
    expect(lent).toEqual(expected.filter(({ chunk }) => chunk % 3 !== 0));
    // All of each content in no more than a sixth at a time.
    expect(pauses).toBeGreaterThanOrEqual(12);
  });
});
