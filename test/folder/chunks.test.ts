import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chunkContent, encodeManifest, type ManifestRow } from '../../src/core/chunking.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { ContentHash } from '../../src/core/ids.ts';
import { rangeOfRun } from '../../src/core/striping.ts';
import type { FileVersion } from '../../src/core/version.ts';
import type { Staging } from '../../src/folder/folder.ts';
import { bytes, FolderBench, hashOf, path } from './folder-bench.ts';
import { edited, longText, MIB, manifestOf } from './long-texts.ts';

/** A staging that knows how its content is cut. */
async function staged(bench: FolderBench, version: FileVersion, manifest: Uint8Array): Promise<Staging> {
  const staging = await bench.folder.stage('next', version.size);
  await staging.cut(await bench.folder.runs.striped(version, manifest));
  return staging;
}

describe('what of a new content lies here already', () => {
  const old = longText(3 * MIB);
  let bench: FolderBench;
  let next: string;
  let version: FileVersion;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
    bench.write('a', old);
    await bench.settle();
    next = edited(old, 2 * MIB, 'X');
    version = bench.foreign('a', next, [bench.held('a')]);
  });
  afterEach(() => bench.end());

  /** Fills a staging from here, then writes what is missing of `text`; the bytes that were missing. */
  async function filled(text: string, about: FileVersion): Promise<number> {
    const staging = await staged(bench, about, manifestOf(text));
    const missing = await bench.folder.chunks.fill(path('a'), about, staging, manifestOf(text));
    for (const { offset, length } of missing) await staging.write(offset, bytes(text.slice(offset, offset + length)));
    expect((await staging.digest()).hash).toBe(about.hash);
    await bench.folder.keep(path('a'), about, staging);
    return missing.reduce((sum, { length }) => sum + length, 0);
  }

  it('is all but the chunks of a changed byte', async () => {
    expect(bench.folder.chunks.mayReuse(path('a'), version)).toBe(true);
    expect(await filled(next, version)).toBeLessThan(300_000);
    expect(bench.read('a')).toBe(next);
    expect(await bench.folder.chunks.manifest(path('a'), version.hash)).toEqual(manifestOf(next));
  });

  it('is all but a few chunks when a byte is put in at the start, and after a restart', async () => {
    const longer = `!${old}`;
    const inserted = bench.foreign('a', longer, [bench.held('a')], version.origin);
    await bench.restart();
    const missing = await filled(longer, inserted);
    expect(missing).toBeGreaterThan(0);
    expect(missing).toBeLessThan(600_000);
    expect(bench.read('a')).toBe(longer);
  });

  it('is nothing when all of it is another, and nobody is asked about small files', async () => {
    const other = longText(2 * MIB).toUpperCase();
    const replaced = bench.foreign('a', other, [bench.held('a')], version.origin);
    expect(await filled(other, replaced)).toBe(2 * MIB);
    expect(bench.folder.chunks.mayReuse(path('a'), { ...version, size: 1000 })).toBe(false);
    expect(bench.folder.chunks.mayReuse(path('a'), { ...version, manifest: { ...version.manifest, scheme: 9 } })).toBe(false);
    bench.write('small', 'text');
    await bench.settle();
    // Asked for when a small content is striped.
    expect(await bench.folder.chunks.manifest(path('small'), hashOf('text'))).toEqual(manifestOf('text'));
  });

  it('is taken however many changes are scattered over the new one', async () => {
    const rows = chunkContent(bytes(old), (piece) => blake3(piece));
    const shared = rows.slice(0, -1).reduce((least, row) => (row.length < least.length ? row : least));
    const changed: ManifestRow = { length: 16 * 1024, hash: blake3('changed') };
    const scattered = Array.from({ length: 3_000 }, (_, index) => (index % 2 === 0 ? changed : shared));
    const manifest = encodeManifest(scattered);
    const size = 1_500 * (changed.length + shared.length);
    const about = { ...version, size, manifest: { ...version.manifest, hash: blake3(manifest).toString('hex') as ContentHash } };
    const staging = await staged(bench, about, manifest);
    const missing = await bench.folder.chunks.fill(path('a'), about, staging, manifest);
    expect(missing).toHaveLength(1_500);
    expect(missing.every(({ length }) => length === changed.length)).toBe(true);
  });

  it('is given up without harm when the disk is full', async () => {
    const staging = await staged(bench, version, manifestOf(next));
    staging.takeFrom = () => Promise.reject(new MeshError('full', 'the disk is full'));
    const filling = bench.folder.chunks.fill(path('a'), version, staging, manifestOf(next));
    await expect(filling).rejects.toMatchObject({ code: 'full' });
  });

  it('refuses a manifest that is not the announced one, or is no manifest', async () => {
    const staging = await bench.folder.stage('next', version.size);
    for (const wrong of [manifestOf(old), manifestOf(next).slice(0, -36), new Uint8Array(7), new Uint8Array(0)]) {
      const filling = bench.folder.chunks.fill(path('a'), version, staging, wrong);
      await expect(filling).rejects.toMatchObject({ code: 'corrupt' });
    }
    expect(staging.have).toBe(0);
  });

  it('is not taken from a file that a person edits meanwhile', async () => {
    bench.write('a', edited(old, 0, 'mine'));
    const staging = await staged(bench, version, manifestOf(next));
    expect(await bench.folder.chunks.fill(path('a'), version, staging, manifestOf(next))).toEqual([
      { offset: 0, length: version.size },
    ]);
  });

  it('is not taken from bytes that rotted: they are missing, and the copy is set aside', async () => {
    bench.drive.rot('a');
    const staging = await staged(bench, version, manifestOf(next));
    const missing = await bench.folder.chunks.fill(path('a'), version, staging, manifestOf(next));
    for (const { offset, length } of missing) await staging.write(offset, bytes(next.slice(offset, offset + length)));
    expect((await staging.digest()).hash).toBe(version.hash);
    await bench.settle();
    expect([bench.private('trash').length, bench.read('a')]).toEqual([1, undefined]);
  });
});

describe('what of a content lies here in others', () => {
  const film = longText(3 * MIB);
  const cut = edited(film, MIB, 'cut');
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench('others');
    bench.drive.userMakeFolder('.filemesh/runs');
    await bench.start();
    for (let other = 0; other < 5; other++) bench.write(`other${other}`, longText(MIB + other).toUpperCase());
  });
  afterEach(() => bench.end());

  /** Bytes of `text` that are not here. */
  async function missing(text: string, name = 'b'): Promise<number> {
    const version = bench.foreign(name, text);
    if (!bench.folder.chunks.mayReuse(path(name), version)) return text.length;
    const staging = await staged(bench, version, manifestOf(text));
    const ranges = await bench.folder.chunks.fill(path(name), version, staging, manifestOf(text));
    for (const { offset, length } of ranges) await staging.write(offset, bytes(text.slice(offset, offset + length)));
    expect((await staging.digest()).hash).toBe(version.hash);
    await staging.discard();
    return ranges.reduce((sum, { length }) => sum + length, 0);
  }

  it('is found under another name, also after a restart', async () => {
    expect(await missing(cut)).toBe(cut.length);
    bench.write('a', film);
    await bench.settle();
    expect(await missing(cut)).toBeLessThan(300_000);
    expect(await missing(film)).toBe(0);
    await bench.restart();
    expect(await missing(`${film}, and more`)).toBeLessThan(600_000);
  });

  it('is found in a large content of which it has a small part', async () => {
    const large = longText(24 * MIB);
    bench.write('a', large);
    await bench.settle();
    const part = large.slice(9 * MIB, 15 * MIB);
    expect(await missing(part)).toBeLessThan(part.length / 3);
  });

  it('is found in several contents, each of which has a part', async () => {
    const second = longText(3 * MIB).toUpperCase();
    bench.write('a', film);
    bench.write('c', second);
    await bench.settle();
    expect(await missing(`${film}${second}`)).toBeLessThan(600_000);
  });

  it('is found in what was set aside, until that is purged, and its manifest with it', async () => {
    bench.write('a', film);
    await bench.settle();
    const version = bench.held('a');
    await bench.folder.letGo(path('a'), version.hash, bench.foreignTombstone('a', [version]));
    await bench.settle();
    expect(await missing(cut)).toBeLessThan(300_000);
    expect([await bench.rows('k'), await bench.rows('m')]).toEqual([6, 6]);
    await bench.days(31);
    expect(bench.private('trash')).toEqual([]);
    expect(await missing(cut)).toBe(cut.length);
    // Every hour; what is found useless once may belong to an act that is under way.
    await bench.pass(3_700_000);
    expect([await bench.rows('k'), await bench.rows('m')]).toEqual([5, 5]);
  });

  it('is found in the runs that lie here of a striped content', async () => {
    const version = bench.foreign('a', film);
    const striped = await bench.folder.runs.striped(version, manifestOf(film));
    for (const run of [2, 3, 4]) {
      const { offset, length } = rangeOfRun(striped.ends, run);
      const staging = await bench.folder.stage(`run-${run}`, length);
      await staging.write(0, bytes(film.slice(offset, offset + length)));
      await bench.folder.runs.keep(path('a'), version, striped, run, staging);
    }
    const lying = (striped.ends[4] ?? 0) - (striped.ends[1] ?? 0);
    expect(await missing(`${film}!`)).toBeLessThanOrEqual(film.length + 1 - lying);
    expect(await missing(film)).toBe(film.length - lying);
  });
});
