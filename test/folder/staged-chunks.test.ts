import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChunkList } from '../../src/core/chunk-list.ts';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import type { ContentHash } from '../../src/core/ids.ts';
import type { Cut } from '../../src/folder/face.ts';
import type { StagingFile } from '../../src/folder/staging.ts';
import type { OpenFile } from '../../src/platform/disk.ts';
import { noise } from '../platform/hasher-acceptance.ts';
import { FolderBench } from './folder-bench.ts';

const MIB = 1024 * 1024;

function cutOf(content: Uint8Array): Cut {
  return cutBy(encodeManifest(chunkContent(content, (chunk) => blake3(chunk))), content.length);
}

function cutBy(manifest: Uint8Array, size: number): Cut {
  return { manifest, manifestHash: blake3(manifest).toString('hex') as ContentHash, chunks: ChunkList.of(manifest, size) };
}

function rangesOf({ chunks }: Cut) {
  return Array.from(chunks.ends, (_, chunk) => ({ offset: chunks.offset(chunk), length: chunks.length(chunk) }));
}

describe('a staging that comes by chunks', () => {
  const content = noise(40 * MIB + 99, 11);
  const cut = cutOf(content);
  const ranges = rangesOf(cut);
  let bench: FolderBench;
  let wholePasses: number;

  const start = async () => {
    await bench.start();
    wholePasses = 0;
    const { hasher } = bench.platform;
    const digest = hasher.digest.bind(hasher);
    hasher.digest = (file: OpenFile) => {
      wholePasses += 1;
      return digest(file);
    };
  };
  beforeEach(async () => {
    bench = new FolderBench();
    await start();
  });
  afterEach(() => bench.end());

  const stage = async () => {
    const staging = (await bench.folder.stage('one', content.length)) as StagingFile;
    await staging.cut(cut);
    return staging;
  };
  const write = async (staging: StagingFile, chunk: number, bytes = content) => {
    const { offset, length } = ranges[chunk] as { offset: number; length: number };
    await staging.write(offset, bytes.subarray(offset, offset + length));
  };
  const bring = async (staging: StagingFile, chunks: readonly number[]) => {
    for (const chunk of chunks) {
      await write(staging, chunk);
      expect(await staging.check([chunk])).toEqual([]);
    }
  };
  const all = ranges.map((_, chunk) => chunk);
  const missingBytes = (staging: StagingFile) => staging.missing().reduce((sum, { length }) => sum + length, 0);
  const hash = blake3(content).toString('hex');

  it('keeps what came in order before anybody told how it is cut, while it stays open', async () => {
    const staging = (await bench.folder.stage('one', content.length)) as StagingFile;
    await staging.write(0, content.subarray(0, 3 * MIB));
    await staging.cut(cut);
    const rest = missingBytes(staging);
    expect(rest).toBeLessThan(content.length - 3 * MIB + MIB);
    for (const { offset, length } of staging.missing()) await staging.write(offset, content.subarray(offset, offset + length));
    expect(await staging.check(all)).toEqual([]);
    expect(await staging.digest()).toMatchObject({ hash, manifest: { hash: cut.manifestHash } });
  });

  it('is whole when each is right, in whatever order, and is not read again', async () => {
    const staging = await stage();
    expect(staging.missing()).toEqual([{ offset: 0, length: content.length }]);
    await bring(
      staging,
      [...all].sort((a, b) => (a % 7) - (b % 7)),
    );
    expect(staging.missing()).toEqual([]);
    const digest = await staging.digest();
    expect(digest).toMatchObject({ hash, size: content.length, manifest: { hash: cut.manifestHash } });
    expect(wholePasses).toBe(0);
  });

  it('names a wrong chunk, which is missing until it comes right', async () => {
    const staging = await stage();
    await bring(
      staging,
      all.filter((chunk) => chunk !== 5),
    );
    await write(
      staging,
      5,
      content.map((byte) => byte ^ 1),
    );
    expect(await staging.check([5])).toEqual([5]);
    expect(staging.missing()).toEqual([ranges[5]]);
    await bring(staging, [5]);
    expect((await staging.digest()).hash).toBe(hash);
  });

  it('does not call a chunk right that was written over, also while it was looked at', async () => {
    const staging = await stage();
    await bring(staging, all);
    await write(
      staging,
      3,
      content.map((byte) => byte ^ 1),
    );
    expect(staging.missing()).toEqual([ranges[3]]);
    await write(staging, 3);
    const checking = staging.check([3]);
    await bench.pass(0);
    const writing = write(
      staging,
      3,
      content.map((byte) => byte ^ 1),
    );
    expect(await checking).toEqual([3]);
    await writing;
    expect(staging.missing()).toEqual([ranges[3]]);
    await bring(staging, [3]);
    expect((await staging.digest()).hash).toBe(hash);
    expect(wholePasses).toBe(1);
  });

  it('believes no check that began before the bytes were written over, whatever is asked meanwhile', async () => {
    const { hasher } = bench.platform;
    const prove = hasher.prove.bind(hasher);
    let tellFirst = () => {};
    const late = [new Promise<void>((resolve) => (tellFirst = resolve))];
    hasher.prove = (file) => {
      const proving = prove(file);
      const check = proving.check.bind(proving);
      proving.check = async (chunks) => {
        const wait = late.shift();
        const wrong = await check(chunks);
        await wait;
        return wrong;
      };
      return proving;
    };
    const staging = await stage();
    await write(staging, 3);
    const first = staging.check([3]);
    await bench.pass(100);
    await write(
      staging,
      3,
      content.map((byte) => byte ^ 1),
    );
    const second = staging.check([3]);
    await bench.pass(0);
    tellFirst();
    expect(await Promise.all([first, second])).toEqual([[3], [3]]);
    expect(missingBytes(staging)).toBe(content.length);
  });

  describe('and lies here in another content', () => {
    /** Another content: all of this one, with chunk 5 wrong, behind a thousand other bytes. */
    const lender = async () => {
      const file = await bench.platform.disk.stage('lender');
      await file.write(1000, content);
      await file.write(1000 + (ranges[5]?.offset ?? 0), new Uint8Array(9));
      await file.close();
      const open = await bench.platform.disk.open(file.path);
      const { hasher } = bench.platform;
      return { size: open.stat.size, read: open.read, copyTo: hasher.copy.bind(hasher, open), close: () => open.close() };
    };
    const lent = all.map((chunk) => ({ chunk, from: 1000 + (ranges[chunk]?.offset ?? 0) }));

    it('takes the chunks that are right there, and reads none of it again', async () => {
      const staging = await stage();
      await bring(staging, [0, 1]);
      const source = await lender();
      expect(await staging.takeFrom(source, lent)).toEqual([5]);
      expect(staging.missing()).toEqual([ranges[5]]);
      await bring(staging, [5]);
      expect((await staging.digest()).hash).toBe(hash);
      expect(wholePasses).toBe(0);
      await source.close();
    });

    it('does not call a chunk right that was written over while it was copied', async () => {
      const staging = await stage();
      const source = await lender();
      const taking = staging.takeFrom(source, lent.slice(0, 4));
      await bench.pass(1);
      await write(
        staging,
        3,
        content.map((byte) => byte ^ 1),
      );
      expect(await taking).toEqual([3]);
      await bring(staging, all.slice(3));
      expect((await staging.digest()).hash).toBe(hash);
      await source.close();
    });

    it('has it after a crash, as far as it was noted', async () => {
      const staging = await stage();
      const source = await lender();
      for (let at = 0; at < all.length; at += 8) await staging.takeFrom(source, lent.slice(at, at + 8));
      bench.node.kill();
      await start();
      const again = await stage();
      expect(missingBytes(again)).toBeLessThan(17 * MIB);
      for (const { offset, length } of again.missing()) await again.write(offset, content.subarray(offset, offset + length));
      expect(await again.check(all)).toEqual([]);
      expect((await again.digest()).hash).toBe(hash);
    });
  });

  it.each(['kill', 'journal', 'hostile'] as const)(
    'after a %s goes on with what was noted, and none of that is wrong',
    async (how) => {
      const staging = await stage();
      // With gaps, as several holders and an older content leave it.
      const first = all.filter((chunk) => chunk % 3 !== 1);
      await bring(staging, first);
      if (how === 'kill') bench.node.kill();
      else bench.node.powerLoss(how);
      await start();
      const again = await stage();
      // All but what came since the last note.
      const broughtBytes = first.reduce((sum, chunk) => sum + (ranges[chunk]?.length ?? 0), 0);
      expect(content.length - missingBytes(again)).toBeGreaterThan(broughtBytes - 17 * MIB);
      for (const { offset, length } of again.missing()) await again.write(offset, content.subarray(offset, offset + length));
      expect(await again.check(all)).toEqual([]);
      expect((await again.digest()).hash).toBe(hash);
      const file = await bench.platform.disk.open(again.place);
      expect((await bench.platform.hasher.digest(file)).hash).toBe(hash);
      await file.close();
    },
  );

  it('counts nothing that was noted of a content that is cut in another way', async () => {
    await bring(await stage(), all);
    bench.node.kill();
    await start();
    // The same lengths, so that the bits of one could be taken for those of the other.
    const bytes = noise(content.length, 12);
    const rows = ranges.map(({ offset, length }) => ({ length, hash: blake3(bytes.subarray(offset, offset + length)) }));
    const other = cutBy(encodeManifest(rows), content.length);
    const staging = (await bench.folder.stage('one', content.length)) as StagingFile;
    await staging.cut(other);
    expect(staging.missing()).toEqual([{ offset: 0, length: content.length }]);
    for (let at = 0; at < bytes.length; at += MIB) await staging.write(at, bytes.subarray(at, at + MIB));
    expect(await staging.check(all)).toEqual([]);
    expect((await staging.digest()).hash).toBe(blake3(bytes).toString('hex'));
  });

  it('looks at what came before anybody knew how it is cut', async () => {
    const staging = (await bench.folder.stage('one', content.length)) as StagingFile;
    for (let at = 0; at < 20 * MIB; at += MIB) await staging.write(at, content.subarray(at, at + MIB));
    await staging.leave();
    const again = await stage();
    expect(missingBytes(again)).toBeLessThan(21 * MIB);
  });
});
