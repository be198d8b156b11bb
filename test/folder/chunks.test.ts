import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chunkContent, encodeManifest, type ManifestRow } from '../../src/core/chunking.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { ContentHash } from '../../src/core/ids.ts';
import type { FileVersion } from '../../src/core/version.ts';
import { bytes, FolderBench, hashOf, path } from './folder-bench.ts';

const MIB = 1024 * 1024;

/** Text that repeats nowhere. */
function longText(size: number): string {
  let text = '';
  for (let line = 0; text.length < size; line++) text += hashOf(String(line));
  return text.slice(0, size);
}

function edited(text: string, at: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + by.length);
}

const manifestOf = (text: string): Uint8Array => encodeManifest(chunkContent(bytes(text), (piece) => blake3(piece)));

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
    const staging = await bench.folder.stage('next', about.size);
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

  it('is nothing when all of it is another, and nobody is asked about small files or of a name not held', async () => {
    const other = longText(2 * MIB).toUpperCase();
    const replaced = bench.foreign('a', other, [bench.held('a')], version.origin);
    expect(await filled(other, replaced)).toBe(2 * MIB);
    expect(bench.folder.chunks.mayReuse(path('b'), version)).toBe(false);
    expect(bench.folder.chunks.mayReuse(path('a'), { ...version, size: 1000 })).toBe(false);
    expect(bench.folder.chunks.mayReuse(path('a'), { ...version, manifest: { ...version.manifest, scheme: 9 } })).toBe(false);
    bench.write('small', 'text');
    await bench.settle();
    // Asked for when a small content is striped.
    expect(await bench.folder.chunks.manifest(path('small'), hashOf('text'))).toEqual(manifestOf('text'));
  });

  it('is taken however many changes are scattered over the new one', async () => {
    const rows = chunkContent(bytes(old), (piece) => blake3(piece));
    const shared = rows.reduce((least, row) => (row.length < least.length ? row : least));
    const changed: ManifestRow = { length: 1, hash: blake3('changed') };
    const scattered = Array.from({ length: 6_000 }, (_, index) => (index % 2 === 0 ? changed : shared));
    const manifest = encodeManifest(scattered);
    const size = 3_000 * (1 + shared.length);
    const about = { ...version, size, manifest: { ...version.manifest, hash: blake3(manifest).toString('hex') as ContentHash } };
    const staging = await bench.folder.stage('next', size);
    const missing = await bench.folder.chunks.fill(path('a'), about, staging, manifest);
    expect(missing).toHaveLength(3_000);
    for (const { offset } of missing) await staging.write(offset, bytes('X'));
    expect(staging.have).toBe(size);
  });

  it('is given up without harm when the disk is full', async () => {
    const staging = await bench.folder.stage('next', version.size);
    staging.write = () => Promise.reject(new MeshError('full', 'the disk is full'));
    const { disk, clock } = bench.platform;
    const open = disk.open.bind(disk);
    disk.open = async (place) => {
      const file = await open(place);
      const read = file.read.bind(file);
      file.read = async (offset, length) => {
        await new Promise<void>((resolve) => void clock.after(5, () => resolve()));
        return read(offset, length);
      };
      return file;
    };
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
    const staging = await bench.folder.stage('next', version.size);
    const filling = bench.folder.chunks.fill(path('a'), version, staging, manifestOf(next));
    await expect(filling).rejects.toMatchObject({ code: 'changed' });
  });
});
