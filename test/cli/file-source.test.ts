import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileCutter } from '../../src/cli/file-cutter.ts';
import { FileSource } from '../../src/cli/local-file.ts';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import { noise } from '../platform/hasher-acceptance.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'filemesh-source-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a file that is uploaded', () => {
  test('is read in pieces, and told when it changed meanwhile', async () => {
    const file = join(folder, 'a.txt');
    await writeFile(file, 'hello');
    const source = await FileSource.open(file, new FileCutter());
    expect(Buffer.from(await source.read(1, 3)).toString()).toBe('ell');
    expect(Buffer.from(await source.read(3, 100)).toString()).toBe('lo');
    await source.check();
    await utimes(file, new Date(1), new Date(1));
    await expect(source.check()).rejects.toMatchObject({ code: 'changed' });
    await source.close();
  });

  test('cuts itself as every file is cut, when it is large, unless it is called off', async () => {
    const file = join(folder, 'large');
    const content = Buffer.from(noise(70 * 1024 * 1024));
    await writeFile(file, content);
    const cutter = new FileCutter();
    const source = await FileSource.open(file, cutter);
    const read: number[] = [];
    const cuts = await Promise.all([source.cut?.({ progress: (bytes) => void read.push(bytes) }), source.cut?.({})]);
    const manifest = encodeManifest(chunkContent(content, (chunk) => blake3(chunk)));
    const hash = blake3(content).toString('hex');
    for (const cut of cuts) expect(cut).toEqual({ hash, manifest, manifestHash: blake3(manifest).toString('hex') });
    expect(read).toEqual([32 * 1024 * 1024, 64 * 1024 * 1024]);
    const off = new AbortController();
    const called = source.cut?.({ signal: off.signal, progress: () => off.abort() });
    await expect(called).rejects.toThrow(/called off/);
    await source.close();
    await cutter.close();
    await writeFile(file, 'small');
    const small = await FileSource.open(file, cutter);
    expect(small.cut).toBeUndefined();
    await small.close();
  });

  test.each(['none', 'folder', 'fifo'])('%s is refused in one line', async (what) => {
    const file = join(folder, what);
    if (what === 'folder') await mkdir(file);
    if (what === 'fifo') (await import('node:child_process')).execFileSync('mkfifo', [file]);
    await expect(FileSource.open(file, new FileCutter())).rejects.toMatchObject({ code: 'usage' });
  });
});
