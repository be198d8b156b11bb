import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import { maskOf, NO_RUNS, rangeOfRun, runsIn } from '../../src/core/striping.ts';
import type { FileVersion } from '../../src/core/version.ts';
import type { Striped } from '../../src/folder/folder.ts';
import { noise } from '../platform/hasher-acceptance.ts';
import { FolderBench, hashOf, path } from './folder-bench.ts';

const TEXT = Buffer.from(noise(700_000)).toString('latin1');
const CONTENT = Buffer.from(TEXT);
const MANIFEST = encodeManifest(chunkContent(CONTENT, (chunk) => blake3(chunk)));

describe('runs of a striped content', () => {
  let bench: FolderBench;
  let version: FileVersion;
  let striped: Striped;
  beforeEach(async () => {
    bench = new FolderBench('runs');
    await bench.start();
    version = bench.foreign('film', TEXT);
    striped = await bench.folder.runs.striped(version, MANIFEST);
  });
  afterEach(() => bench.end());

  const bytesOf = (run: number) => {
    const { offset, length } = rangeOfRun(striped.ends, run);
    return CONTENT.subarray(offset, offset + length);
  };
  const stage = async (run: number, bytes = bytesOf(run)) => {
    const staging = await bench.folder.stage(`run-${run}`, bytes.length);
    await staging.write(0, bytes);
    return staging;
  };
  const keep = async (...runs: number[]) => {
    for (const run of runs) await bench.folder.runs.keep(path('film'), version, striped, run, await stage(run));
  };
  const told = (name = 'film') => bench.ledger.own(path(name)).map(({ holding }) => holding);
  const file = (run: number) => `.filemesh/runs/${hashOf(TEXT)}-0${run}`;
  const read = async (offset: number, length: number) => {
    const copy = bench.folder.runs.open(path('film'), hashOf(TEXT));
    try {
      return Buffer.from(await copy.read(offset, length));
    } finally {
      await copy.close();
    }
  };

  it('are kept each in a file, recorded in one mask, and survive a restart with the manifest', async () => {
    await keep(0, 2);
    expect(told()).toEqual([{ mask: maskOf([0, 2]) }]);
    expect(bench.folder.state()).toMatchObject({ bytes: bytesOf(0).length + bytesOf(2).length, files: 1, incomingBytes: 0 });
    expect(bench.read('film')).toBeUndefined();
    await bench.restart();
    expect(runsIn(bench.folder.runs.lying(version.hash, version.manifest.hash))).toEqual([0, 2]);
    expect(Buffer.compare(await bench.folder.chunks.manifest(path('film'), hashOf(TEXT)), MANIFEST)).toBe(0);
    expect(bench.private('stage')).toEqual([]);
  });

  it('are read by the offsets of the whole, over the end of one into the next, and not where they are not', async () => {
    await keep(0, 1, 3);
    const { offset } = rangeOfRun(striped.ends, 1);
    expect(Buffer.compare(await read(offset - 1_000, 2_000), CONTENT.subarray(offset - 1_000, offset + 1_000))).toBe(0);
    expect(Buffer.compare(await read(CONTENT.length - 10, 1_000), CONTENT.subarray(CONTENT.length - 10))).toBe(0);
    await expect(read(rangeOfRun(striped.ends, 2).offset - 1, 2)).rejects.toMatchObject({ code: 'gone' });
  });

  it('are refused when a byte is wrong or missing, or the manifest is another', async () => {
    const wrong = Buffer.from(bytesOf(0));
    wrong.writeUInt8(wrong.readUInt8(9) ^ 1, 9);
    for (const bytes of [wrong, bytesOf(0).subarray(1), Buffer.concat([bytesOf(0), Buffer.from('x')]), bytesOf(1)]) {
      const staging = await stage(0, bytes);
      await expect(bench.folder.runs.keep(path('film'), version, striped, 0, staging)).rejects.toMatchObject({ code: 'corrupt' });
    }
    expect([told(), bench.private('runs'), bench.private('stage')]).toEqual([[], [], []]);
    await expect(bench.folder.runs.striped(version, MANIFEST.subarray(36))).rejects.toThrow(/manifest/);
    await keep(0);
  });

  it('are told as not held once they rot or are gone, and can be kept anew', async () => {
    await keep(0, 1, 2);
    bench.drive.userWrite(file(0), Buffer.concat([Buffer.from('?'), bytesOf(0).subarray(1)]));
    expect(await bench.folder.verify(path('film'), hashOf(TEXT))).toBe(false);
    expect(told()).toEqual([{ mask: maskOf([1, 2]) }]);
    bench.drive.userDelete(file(1));
    await bench.folder.scan();
    expect(told()).toEqual([{ mask: maskOf([2]) }]);
    await keep(0, 1);
    expect(await bench.folder.verify(path('film'), hashOf(TEXT))).toBe(true);
    expect(told()).toEqual([{ mask: maskOf([0, 1, 2]) }]);
  });

  it('are shared by the names of their content, and stay for a while when none is left', async () => {
    await keep(0, 1);
    const other = bench.foreign('cut/film', TEXT);
    expect(await bench.folder.runs.adopt(path('cut/film'), other)).toBe(true);
    expect(told('cut/film')).toEqual([{ mask: maskOf([0, 1]) }]);
    expect(bench.folder.state().bytes).toBe(bytesOf(0).length + bytesOf(1).length);
    await bench.folder.letGo(path('film'), hashOf(TEXT), bench.foreignTombstone('film', [version], 'cut/film'));
    expect(bench.private('runs')).toHaveLength(2);
    await bench.folder.letGo(path('cut/film'), hashOf(TEXT), bench.foreignTombstone('cut/film', [other]));
    expect([told('film'), told('cut/film')]).toEqual([['none'], ['none']]);
    expect(bench.folder.state()).toMatchObject({ bytes: 0, files: 0 });
    expect(bench.private('runs')).toHaveLength(2);
    await bench.restart();
    expect(await bench.folder.runs.adopt(path('again'), bench.foreign('again', TEXT))).toBe(true);
    expect(told('again')).toEqual([{ mask: maskOf([0, 1]) }]);
  });

  it('go when all of the content lies here', async () => {
    await keep(0, 1);
    await bench.keep('film', version, TEXT);
    await bench.folder.runs.letGo(path('film'), hashOf(TEXT));
    expect([told(), bench.private('runs')]).toEqual([['all'], []]);
    expect(await bench.folder.runs.manifest(hashOf(TEXT))).toBeUndefined();
    expect(bench.folder.runs.lying(version.hash, version.manifest.hash)).toBe(NO_RUNS);
  });

  it('of which no row tells are set aside at the start', async () => {
    await keep(0);
    bench.drive.userWrite(file(3), bytesOf(3));
    await bench.restart();
    expect(bench.private('runs')).toEqual([file(0)]);
    expect(bench.private('trash')).toHaveLength(1);
  });

  it('are not kept of a content that was replaced meanwhile', async () => {
    bench.foreign('film', 'another', [version]);
    const staging = await stage(0);
    await expect(bench.folder.runs.keep(path('film'), version, striped, 0, staging)).rejects.toMatchObject({ code: 'overtaken' });
    expect(bench.private('runs')).toEqual([]);
  });

  it('that no version came for stay a day; those given up go once they are more than a tenth of the room', async () => {
    bench.node.kill();
    bench = new FolderBench('purged', { capacity: { bytes: 2_000_000 } });
    await bench.start();
    version = bench.foreign('film', TEXT);
    await bench.folder.runs.keepLoose(striped, 1, await stage(1));
    // Old copies are purged every hour.
    await bench.pass(3_700_000);
    expect(bench.private('runs')).toHaveLength(1);
    expect(await bench.folder.runs.adopt(path('film'), version)).toBe(true);
    await bench.folder.letGo(path('film'), hashOf(TEXT), bench.foreignTombstone('film', [version]));
    expect(bench.private('runs')).toHaveLength(1);
    // As soon as somebody looks.
    await bench.folder.scan();
    expect(bench.private('runs')).toHaveLength(0);
    expect(await bench.folder.runs.manifest(hashOf(TEXT))).toBeUndefined();
  });
});
