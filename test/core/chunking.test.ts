import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AVERAGE_BYTES_MAX,
  Chunker,
  chunkBounds,
  chunkContent,
  encodeManifest,
  manifestDigest,
} from '../../src/core/chunking.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** Content that looks random, the same for the same seed. */
function noise(size: number, seed = 1): Uint8Array {
  const content = new Uint8Array(size);
  let state = seed;
  for (let index = 0; index < size; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    content[index] = state & 0xff;
  }
  return content;
}

function cutsOf(content: Uint8Array, pieces: readonly number[] = []): number[] {
  const chunker = new Chunker(content.length);
  const cuts: number[] = [];
  let from = 0;
  for (const size of [...pieces, content.length]) {
    cuts.push(...chunker.push(content.subarray(from, from + size)));
    from = Math.min(content.length, from + size);
  }
  return [...cuts, ...chunker.finish()];
}

const lengthsOf = (cuts: readonly number[]) => cuts.map((cut, index) => cut - (cuts[index - 1] ?? 0));

describe('chunk bounds', () => {
  const table: [string, number, number][] = [
    ['1 byte', 1, 64 * KIB],
    ['64 MiB', 64 * MIB, 64 * KIB],
    ['100 MiB', 100 * MIB, 128 * KIB],
    ['1 GiB', GIB, 128 * KIB],
    ['1 GiB and a byte', GIB + 1, 128 * KIB],
    ['2 GiB', 2 * GIB, 256 * KIB],
    ['10 GiB', 10 * GIB, MIB],
    ['96 GiB', 96 * GIB, 8 * MIB],
    ['10 TiB', 10_240 * GIB, AVERAGE_BYTES_MAX],
  ];
  it.each(table)('average of a file of %s', (_, size, average) => {
    expect(chunkBounds(size).average).toBe(average);
  });

  it('keep a manifest within 16,384 chunks up to 128 GiB', () => {
    for (let size = 1; size <= 128 * GIB; size *= 1.3) expect(size / chunkBounds(size).average).toBeLessThanOrEqual(16_384);
  });
});

describe('chunker', () => {
  it('cuts the same wherever the stream was torn', () => {
    const content = noise(700_000);
    const whole = cutsOf(content);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90_000 }), { maxLength: 30 }), (pieces) => {
        expect(cutsOf(content, pieces)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  it('makes one chunk a byte of a file under 4 bytes, one of an empty one, and four or more of every other', () => {
    expect(cutsOf(new Uint8Array(0))).toEqual([0]);
    expect(cutsOf(new Uint8Array(1))).toEqual([1]);
    expect(cutsOf(new Uint8Array(2))).toEqual([1, 2]);
    expect(cutsOf(new Uint8Array(3))).toEqual([1, 2, 3]);
    for (const size of [4 * KIB, 16 * KIB, 100_001, 300 * KIB, MIB]) {
      expect(cutsOf(noise(size, size)).length).toBeGreaterThanOrEqual(4);
      expect(cutsOf(new Uint8Array(size)).length).toBeGreaterThanOrEqual(4);
    }
  });

  it('keeps every chunk within its bounds, and the average near what was meant', () => {
    const content = noise(24 * MIB);
    const { min, average, max } = chunkBounds(content.length);
    const lengths = lengthsOf(cutsOf(content));
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(content.length);
    for (const length of lengths.slice(0, -1)) expect(length).toBeGreaterThanOrEqual(min);
    for (const length of lengths) expect(length).toBeLessThanOrEqual(max);
    const mean = content.length / lengths.length;
    expect(mean / average).toBeGreaterThan(0.7);
    expect(mean / average).toBeLessThan(1.5);
  });

  it('moves only the cuts near a byte that was put in, taken out or changed', () => {
    const content = noise(8 * MIB);
    const at = 3 * MIB;
    const edits = [
      Buffer.concat([content.subarray(0, at), new Uint8Array(1), content.subarray(at)]),
      Buffer.concat([new Uint8Array(1), content]),
      Buffer.concat([content.subarray(0, at), content.subarray(at + 1)]),
      Buffer.concat([content.subarray(0, at), Uint8Array.of((content[at] as number) ^ 1), content.subarray(at + 1)]),
    ];
    const known = new Set(chunkContent(content, sha256).map((row) => Buffer.from(row.hash).toString('hex')));
    for (const edited of edits) {
      const fresh = chunkContent(edited, sha256).filter((row) => !known.has(Buffer.from(row.hash).toString('hex')));
      expect(fresh.length).toBeLessThanOrEqual(4);
    }
  });

  it('cuts where it did when this scheme was made: another result is another scheme', () => {
    expect(cutsOf(noise(600_000))).toMatchInlineSnapshot(`
      [
        136720,
        216071,
        295063,
        373845,
        515788,
        600000,
      ]
    `);
  });
});

describe('manifest', () => {
  it('is for each chunk its length, little-endian, and its hash', () => {
    const rows = [
      { length: 0x01020304, hash: new Uint8Array(32).fill(7) },
      { length: 5, hash: new Uint8Array(32).fill(8) },
    ];
    const bytes = encodeManifest(rows);
    expect(bytes).toHaveLength(72);
    expect([...bytes.subarray(0, 5)]).toEqual([4, 3, 2, 1, 7]);
    expect([...bytes.subarray(36, 41)]).toEqual([5, 0, 0, 0, 8]);
    expect(manifestDigest(rows, (each) => `hash of ${each.length}`)).toEqual({ scheme: 1, hash: 'hash of 72' });
  });
});
