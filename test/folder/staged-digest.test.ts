import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import type { StagingFile } from '../../src/folder/staging.ts';
import type { OpenFile } from '../../src/platform/disk.ts';
import { FolderBench, hashOf } from './folder-bench.ts';

const MIB = 1024 * 1024;
const PIECE = 256 * 1024;

describe('the digest of what is staged', () => {
  const text = Array.from({ length: (3 * MIB) / 64 + 1 }, (_, line) => hashOf(String(line))).join('');
  const content = new TextEncoder().encode(text);
  let bench: FolderBench;
  /** Files read from first to last. */
  let wholePasses: number;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
    countPasses();
  });
  afterEach(() => bench.end());

  function countPasses(): void {
    wholePasses = 0;
    const { hasher } = bench.platform;
    const digest = hasher.digest.bind(hasher);
    hasher.digest = (file: OpenFile) => {
      wholePasses += 1;
      return digest(file);
    };
  }

  const stage = async (size?: number) => (await bench.folder.stage('one', size)) as StagingFile;
  const pieces = () => Array.from({ length: Math.ceil(content.length / PIECE) }, (_, index) => index * PIECE);
  const pieceAt = (offset: number) => content.slice(offset, offset + PIECE);

  it('is made while it comes in, in whatever order', async () => {
    const staging = await stage(content.length);
    const offsets = pieces().sort((a, b) => ((a / PIECE) % 3) - ((b / PIECE) % 3));
    await Promise.all(offsets.map((offset) => staging.write(offset, pieceAt(offset))));
    expect(await staging.digest()).toMatchObject({ hash: hashOf(text), size: content.length });
    expect(wholePasses).toBe(0);
  });

  it('is that of the last bytes when some are written again', async () => {
    const staging = await stage(content.length);
    const wrong = pieceAt(PIECE).fill(0);
    for (const offset of pieces()) await staging.write(offset, offset === PIECE ? wrong : pieceAt(offset));
    await bench.pass(50);
    await staging.write(PIECE, pieceAt(PIECE));
    expect((await staging.digest()).hash).toBe(hashOf(text));
    expect(wholePasses).toBe(1);
  });

  it('is that of what lies there when bytes were written again while it was made', async () => {
    for (let round = 0; round < 40; round++) {
      const staging = (await bench.folder.stage(`round-${round}`, 2 * MIB)) as StagingFile;
      const [first, second] = [new Uint8Array(MIB).fill(1), new Uint8Array(MIB).fill(2)];
      await staging.write(MIB, first);
      const writing = [staging.write(0, first), staging.write(0, second).catch(() => undefined)];
      await writing[0];
      const digest = await staging.digest();
      await writing[1];
      const file = await bench.platform.disk.open(staging.place);
      expect(digest).toEqual(await bench.platform.hasher.digest(file));
      await file.close();
      await staging.discard();
    }
  });

  it('is not followed by a note of a staging that was let go', async () => {
    for (let round = 0; round < 5; round++) {
      const staging = await stage(64 * MIB);
      for (let at = 0; at < 17 * MIB; at += MIB) await staging.write(at, new Uint8Array(MIB));
      await staging.discard();
      await bench.pass(200);
      expect(await bench.rows('s')).toBe(0);
    }
  });

  it('goes on behind what an earlier start of the program left', async () => {
    const [half, staging] = [pieces().length / 2, await stage(content.length)];
    for (const offset of pieces().slice(0, half)) await staging.write(offset, pieceAt(offset));
    await staging.leave();
    await bench.restart();
    countPasses();
    const again = await stage(content.length);
    expect(again.have).toBeGreaterThan(0);
    for (const offset of pieces()) if (offset >= again.have) await again.write(offset, pieceAt(offset));
    expect((await again.digest()).hash).toBe(hashOf(text));
    expect(wholePasses).toBe(0);
  });

  it('reads small ones, those of unknown size, and those that end early, at their end', async () => {
    for (const [size, bytes] of [
      [600_000, content.slice(0, 600_000)],
      [undefined, content],
      [content.length, content.slice(0, 2 * MIB)],
    ] as const) {
      wholePasses = 0;
      const staging = await stage(size);
      for (let at = 0; at < bytes.length; at += PIECE) await staging.write(at, bytes.slice(at, at + PIECE));
      expect(await staging.digest()).toMatchObject({ size: bytes.length });
      expect(wholePasses).toBe(1);
      await staging.discard();
    }
  });

  it('closes what is staged when its note fails as it is left', async () => {
    const { disk, store } = bench.platform;
    const stageFile = disk.stage.bind(disk);
    let isClosed = false;
    disk.stage = async (name) => {
      const file = await stageFile(name);
      const close = file.close.bind(file);
      file.close = () => {
        isClosed = true;
        return close();
      };
      return file;
    };
    const staging = await stage(content.length);
    await staging.write(0, pieceAt(0));
    store.batch = () => Promise.reject(new MeshError('full', 'the store is full'));
    await expect(staging.leave()).rejects.toMatchObject({ code: 'full' });
    expect(isClosed).toBe(true);
  });

  it('keeps no file open when the staging is let go', async () => {
    const { disk } = bench.platform;
    const open = disk.open.bind(disk);
    let files = 0;
    disk.open = async (place) => {
      const file = await open(place);
      files += 1;
      const close = file.close.bind(file);
      file.close = () => {
        files -= 1;
        return close();
      };
      return file;
    };
    for (const end of ['leave', 'discard'] as const) {
      const staging = await stage(content.length);
      await staging.write(0, pieceAt(0));
      await bench.pass(10);
      expect(files).toBe(1);
      await staging[end]();
      expect(files).toBe(0);
    }
  });
});
