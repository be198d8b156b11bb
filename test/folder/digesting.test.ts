import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ContentHash } from '../../src/core/ids.ts';
import { Manifests } from '../../src/folder/manifests.ts';
import type { OpenFile } from '../../src/platform/disk.ts';
import type { Likeness } from '../../src/platform/hasher.ts';
import { noise } from '../platform/hasher-acceptance.ts';
import { FolderBench } from './folder-bench.ts';

const MIB = 1024 * 1024;
const SETTLE_MS = 2_000;

describe('a large file that settles', () => {
  let bench: FolderBench;
  /** When a file was begun to be hashed, in ms since the drop. */
  let hashed: number[];
  /** Bytes of what it was said to be like. */
  let likes: (number | undefined)[];
  let droppedMs: number;
  const content = noise(9 * MIB, 4);
  const hashOf = (bytes: Uint8Array) => blake3(bytes).toString('hex');

  beforeEach(async () => {
    bench = new FolderBench('digesting', { settleMs: SETTLE_MS });
    await bench.start();
    [hashed, likes] = [[], []];
    const { hasher } = bench.platform;
    const digest = hasher.digest.bind(hasher);
    hasher.digest = (file: OpenFile, like?: Likeness) => {
      hashed.push(bench.world.scheduler.nowMs - droppedMs);
      likes.push(like?.size);
      return digest(file, like);
    };
    droppedMs = bench.world.scheduler.nowMs;
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await bench.end();
  });

  const drop = (bytes: Uint8Array, name = 'film') => bench.drive.userWrite(name, bytes);
  /** When it is a version, in ms since the drop. */
  const recorded = async (name = 'film') => {
    for (let waited = 0; bench.contents(name).length === 0 && waited < 20_000; waited += 10) await bench.pass(10);
    return bench.world.scheduler.nowMs - droppedMs;
  };

  it('is hashed meanwhile, once, and is a version when it has settled: no sooner', async () => {
    drop(content);
    const tookMs = await recorded();
    expect(bench.contents('film')).toEqual([hashOf(content)]);
    expect(hashed).toHaveLength(1);
    expect(hashed[0]).toBeLessThan(SETTLE_MS / 4);
    expect(tookMs).toBeGreaterThanOrEqual(SETTLE_MS);
    expect(tookMs).toBeLessThan(SETTLE_MS + 200);
  });

  it('is hashed meanwhile, as one that is like it was, when it is edited in place', async () => {
    drop(content);
    await recorded();
    droppedMs = bench.world.scheduler.nowMs;
    bench.drive.userWrite('film', content.slice(0, -1));
    await bench.pass(SETTLE_MS + 200);
    expect(bench.contents('film')).toEqual([hashOf(content.subarray(0, -1))]);
    expect(hashed).toHaveLength(2);
    expect(hashed[1]).toBeLessThan(SETTLE_MS / 4);
    expect(likes).toEqual([undefined, content.length]);
  });

  it.each([9, 65])('of %i MiB is hashed as it is under its new name, though its stat tells of no edit', async (mib) => {
    const large = new Uint8Array(mib * MIB);
    drop(large);
    await recorded();
    bench.drive.userRename('film', 'moved');
    bench.drive.rot('moved');
    await recorded('moved');
    expect(bench.contents('moved')).toEqual([hashOf(bench.drive.userRead('moved') as Uint8Array)]);
    expect(bench.contents('moved')).not.toEqual([hashOf(large)]);
  });

  it.each(['at once', 'ahead'])(
    'is hashed as it was synced, when it is read %s: a mapped page tells of no edit before',
    async (when) => {
      const { disk } = bench.platform;
      const open = disk.open.bind(disk);
      let syncs = 0;
      disk.open = async (place) => {
        const file = await open(place);
        const sync = file.sync.bind(file);
        file.sync = async () => {
          // So late that whoever does not wait for the sync has read all of it.
          await new Promise<void>((resolve) => void bench.platform.clock.after(SETTLE_MS / 4, () => resolve()));
          if (place === 'film' && syncs++ === 0) bench.drive.rot('film');
          await sync();
        };
        return file;
      };
      drop(when === 'ahead' ? content : content.subarray(0, MIB));
      await recorded();
      expect(syncs).toBe(1);
      expect(bench.contents('film')).toEqual([hashOf(bench.drive.userRead('film') as Uint8Array)]);
    },
  );

  it('has its manifest kept, whatever else was read until it has settled', async () => {
    const { keep } = Manifests.prototype;
    const rooms = new Set<Manifests>();
    vi.spyOn(Manifests.prototype, 'keep').mockImplementation(function (this: Manifests, ...told) {
      rooms.add(this);
      keep.apply(this, told);
    });
    drop(content);
    await bench.pass(SETTLE_MS / 2);
    expect(hashed).toHaveLength(1);
    for (const manifests of rooms) manifests.keep('0'.repeat(64) as ContentHash, new Uint8Array(16 * MIB));
    await recorded();
    expect([rooms.size, hashed.length, await bench.rows('m')]).toEqual([1, 1, 1]);
  });

  it('is not read before it has settled when it is small', async () => {
    drop(content.subarray(0, MIB));
    await recorded();
    expect(hashed).toHaveLength(1);
    expect(hashed[0]).toBeGreaterThanOrEqual(SETTLE_MS);
  });

  it.each([
    ['soon after it was hashed', 700],
    ['while it is hashed', 130],
    ['before it is hashed', 20],
    ['just before it has settled', SETTLE_MS - 30],
  ])('changed %s, is what it was changed to, a settle time later', async (_when, atMs) => {
    drop(content);
    await bench.pass(atMs);
    const other = content.slice();
    other[5 * MIB] = (other[5 * MIB] ?? 0) ^ 1;
    drop(other);
    const tookMs = await recorded();
    expect(bench.contents('film')).toEqual([hashOf(other)]);
    expect(tookMs).toBeGreaterThanOrEqual(atMs + SETTLE_MS);
  });

  it('that is copied for a while is read ahead once it is whole', async () => {
    for (let size = 8 * MIB; size <= 9 * MIB; size += MIB / 8) {
      drop(content.subarray(0, size));
      await bench.pass(50);
    }
    droppedMs = bench.world.scheduler.nowMs;
    await recorded();
    expect(bench.contents('film')).toEqual([hashOf(content)]);
    expect(hashed).toHaveLength(1);
    expect(hashed[0]).toBeLessThan(SETTLE_MS / 2);
  });

  it('that grows all the time is read ahead once', async () => {
    for (let size = 8 * MIB; size <= 9 * MIB; size += MIB / 8) {
      drop(content.subarray(0, size));
      await bench.pass(300);
    }
    await recorded();
    expect(bench.contents('film')).toEqual([hashOf(content)]);
    expect(hashed.length).toBeLessThanOrEqual(2);
  });

  it('is durable when it is announced', async () => {
    drop(content);
    await recorded();
    bench.node.powerLoss('hostile');
    await bench.start();
    expect(Buffer.compare(bench.drive.userRead('film') ?? new Uint8Array(), content)).toBe(0);
  });

  it('is not read ahead in numbers', async () => {
    for (let file = 0; file < 6; file++) drop(noise(8 * MIB + file, file + 1), `film-${file}`);
    await bench.pass(SETTLE_MS / 2);
    expect(hashed).toHaveLength(2);
    for (let file = 0; file < 6; file++) await recorded(`film-${file}`);
    for (let file = 0; file < 6; file++)
      expect(bench.contents(`film-${file}`)).toEqual([hashOf(noise(8 * MIB + file, file + 1))]);
  });
});
