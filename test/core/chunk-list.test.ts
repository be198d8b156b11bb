import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ChunkList, keysOf } from '../../src/core/chunk-list.ts';
import { chunkBounds, chunkContent, encodeManifest, type ManifestRow } from '../../src/core/chunking.ts';
import { noise } from '../platform/hasher-acceptance.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

function listed(chunks: ChunkList) {
  return Array.from(chunks.ends, (end, chunk) => [end, chunks.length(chunk), Buffer.from(chunks.hash(chunk)).toString('hex')]);
}

function expected(rows: readonly ManifestRow[]) {
  let end = 0;
  return rows.map(({ length, hash }) => {
    end += length;
    return [end, length, Buffer.from(hash).toString('hex')];
  });
}

describe('the chunks of a manifest', () => {
  const content = noise(700 * KIB);
  const rows = chunkContent(content, sha256);
  const encoded = encodeManifest(rows);
  const chunks = ChunkList.of(encoded, content.length);

  it('are those it was made of', () => {
    expect(listed(chunks)).toEqual(expected(rows));
    expect(chunks.count).toBe(rows.length);
    expect(chunks.offset(chunks.count)).toBe(content.length);
    expect(rows.map((_, index) => chunks.length(index))).toEqual(rows.map(({ length }) => length));
    expect([...keysOf(encoded)]).toEqual(Array.from(chunks.ends, (_, chunk) => chunks.key(chunk)));
    // Wherever in other memory the manifest lies.
    const shifted = Buffer.concat([Buffer.alloc(5), encoded, Buffer.alloc(3)]).subarray(5, 5 + encoded.length);
    expect(listed(ChunkList.of(shifted, content.length))).toEqual(expected(rows));
    expect([...keysOf(shifted)]).toEqual([...keysOf(encoded)]);
  });

  it('between two cuts are a list of their own', () => {
    for (const [first, end] of [
      [0, chunks.count],
      [0, 2],
      [2, 5],
      [chunks.count - 1, chunks.count],
      [3, 3],
    ] as const) {
      const part = chunks.within(chunks.offset(first), chunks.offset(end));
      expect(part.first).toBe(first);
      expect(listed(part.chunks)).toEqual(expected(rows.slice(first, end)));
    }
  });

  it('are the same as others of equal length and hash alone', () => {
    const changed = encoded.slice();
    changed[36 + 35] = (changed[36 + 35] ?? 0) ^ 1;
    const other = ChunkList.of(changed, content.length);
    expect(chunks.isSame(0, other, 0)).toBe(true);
    expect(chunks.isSame(1, other, 1)).toBe(false);
    expect(chunks.isSame(2, other, 3)).toBe(false);
    expect(chunks.key(1)).toBe(other.key(1));
  });

  it('are refused when they are of another size or the manifest is cut', () => {
    for (const [manifest, size] of [
      [encoded, content.length + 1],
      [encoded.subarray(1), content.length],
      [encoded.subarray(36), content.length],
    ] as const)
      expect(() => ChunkList.of(manifest, size)).toThrow(/none of a content/);
  });

  it('are refused when no content is cut so: whoever held them until they are whole would need any memory', () => {
    const hash = new Uint8Array(32);
    const of = (size: number, ...lengths: number[]) =>
      ChunkList.of(encodeManifest(lengths.map((length) => ({ length, hash }))), size);
    const { min, max } = chunkBounds(64 * MIB);
    const whole = Array.from({ length: (64 * MIB) / max }, () => max);
    expect(of(64 * MIB, ...whole).count).toBe(whole.length);
    expect(() => of(64 * MIB, ...whole, 0)).toThrow(/none of a content/);
    expect(() => of(64 * MIB, ...whole.slice(1), max - 1, 1)).not.toThrow();
    expect(() => of(64 * MIB, 1, ...whole.slice(1), max - 1)).toThrow(/none of a content/);
    expect(() => of(64 * MIB, ...whole.slice(2), 2 * max)).toThrow(/none of a content/);
    expect(min).toBeGreaterThan(1);
    expect(of(0, 0).count).toBe(1);
  });
});
