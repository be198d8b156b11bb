import { describe, expect, test } from 'vitest';
import type { Catalog, IndexState, NumberedRecord } from '../../src/catalog/catalog.ts';
import { packVersion } from '../../src/catalog/packed-version.ts';
import type { ContentHash, FilePath, PeerId, RequestId, WriterId } from '../../src/core/ids.ts';
import type { Holding } from '../../src/core/namespace.ts';
import type { RunMask } from '../../src/core/striping.ts';
import { TRAIL_STARTS_MAX } from '../../src/core/trail.ts';
import type { Entry, Version } from '../../src/core/version.ts';
import { readPiece } from '../../src/gossip/piece.ts';
import { askOf, deltaOf } from '../../src/gossip/told-delta.ts';
import { CALLS } from '../../src/wire/calls.ts';
import { decode, encode, HEAD_BYTES_MAX, validate } from '../../src/wire/codec.ts';

const PEER = 'ab'.repeat(32) as PeerId;
const HASH = 'cd'.repeat(32) as ContentHash;
const BIG = Number.MAX_SAFE_INTEGER;
const STATE: IndexState = {
  peer: PEER,
  trail: [{ writer: 'ef'.repeat(8) as WriterId, first: 1 }],
  sequence: BIG,
  cursor: undefined,
};

interface Size {
  readonly path: number;
  readonly entries: number;
  readonly requests: number;
  /** Contents a tombstone buries; undefined: a file. */
  readonly buried?: number;
}

/** A path of so many letters of three bytes, in folders of 60. */
function named(length: number): string {
  return Array.from({ length }, (_, index) => ((index + 1) % 61 === 0 ? '/' : '字')).join('');
}

/** A record of those sizes whose numbers are all as long as they can be, its path in letters of three bytes. */
function longest(sequence: number, { path, entries, requests, buried }: Size): NumberedRecord {
  const vector = Array.from({ length: entries }, (): Entry => ({ writer: 'ef'.repeat(8) as WriterId, counter: BIG }));
  const descent = {
    own: vector[0] as Entry,
    vector,
    request: '12'.repeat(16) as RequestId,
    inherited: Array.from({ length: requests }, () => '34'.repeat(16) as RequestId),
    origin: PEER,
    modifiedMs: 1_700_000_000_000.5,
  };
  const file = { hash: HASH, size: BIG, mode: 0o777, manifest: { scheme: 255, hash: HASH }, found: false };
  const grave = { buried: Array.from({ length: buried ?? 0 }, () => HASH), renamedTo: named(path) as FilePath };
  const version: Version =
    buried === undefined ? { kind: 'file', ...descent, ...file } : { kind: 'tombstone', ...descent, ...grave };
  const holding: Holding = { mask: 'ff'.repeat(8) as RunMask };
  return { sequence, path: named(path) as FilePath, packed: packVersion(version), holding };
}

async function pieceOf(records: readonly NumberedRecord[]) {
  const catalog = { read: async () => ({ records, upTo: BIG, last: true }), index: () => STATE };
  const piece = await readPiece(catalog as unknown as Catalog, { state: STATE, after: 0, whole: false });
  if (piece === undefined) throw new Error('there is a piece');
  return piece;
}

describe('a piece of an index', () => {
  const sizes: Size[] = [0, 1, 4, 9, 16].flatMap((entries) => [
    { path: 1, entries: entries + 1, requests: 0 },
    { path: 300, entries: entries + 1, requests: entries },
    { path: 1, entries: entries + 1, requests: 15 },
    { path: 150, entries: entries + 1, requests: 0, buried: entries },
    { path: 1, entries: 1, requests: 0, buried: 4 * entries },
  ]);

  test.each(sizes)(
    'of the longest records of $entries entries, $requests requests, paths of $path and $buried buried comes over in one head',
    async (size) => {
      const records = Array.from({ length: 128 }, (_, index) => longest(BIG - 200 + index, size));
      const piece = await pieceOf(records);
      const trail = Array.from({ length: TRAIL_STARTS_MAX }, () => ({ writer: 'ef'.repeat(8) as WriterId, first: BIG }));
      const head = encode(['delta', askOf({ ...piece, trail })]);
      expect(head.length).toBeLessThanOrEqual(HEAD_BYTES_MAX);
      const [, ask] = decode(head) as [string, unknown];
      expect(deltaOf(validate(CALLS.delta.ask, ask, 'a delta'))).toEqual({ ...piece, trail });
      expect(piece.records.length).toBeGreaterThan(20);
    },
  );

  test('of short records is not cut', async () => {
    const records = Array.from({ length: 128 }, (_, index) => longest(index + 1, { path: 100, entries: 2, requests: 1 }));
    const piece = await pieceOf(records);
    expect(piece).toMatchObject({ last: true, upTo: BIG });
    expect(piece.records).toHaveLength(128);
  });

  test.each([
    ['shorter', -1],
    ['longer', 1],
  ])('whose versions are %s than told is refused with `protocol`', async (_, more) => {
    const ask = askOf(await pieceOf([longest(1, { path: 1, entries: 1, requests: 0 })]));
    const versions = new Uint8Array(ask.versions.length + more);
    expect(() => deltaOf({ ...ask, versions })).toThrow(expect.objectContaining({ code: 'protocol' }));
  });
});
