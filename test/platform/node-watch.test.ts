import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Watch } from '../../src/platform/disk.ts';
import { openNodeDisk } from '../../src/platform/node/node-disk.ts';
import { watchRoot } from '../../src/platform/node/watch.ts';

describe('the watch of a real folder', () => {
  let root: string;
  let watch: Watch;
  let hints: Set<string | undefined>;
  let wake = () => {};

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'fm-watch-'));
    hints = new Set();
    await mkdir(join(root, 'old/deep'), { recursive: true });
    watch = await watchRoot(root, (path) => {
      hints.add(path);
      wake();
    });
  });

  afterEach(async () => {
    await watch.close();
    await rm(root, { recursive: true, force: true });
  });

  const hinted = async (path: string) => {
    while (!hints.has(path) && !hints.has(undefined)) await new Promise<void>((resolve) => (wake = resolve));
    hints.clear();
  };

  it('hints at a file in a folder that was there, in a new one, and in one made below that', async () => {
    await writeFile(join(root, 'old/deep/a'), '1');
    await hinted('old/deep/a');
    await mkdir(join(root, 'new/below'), { recursive: true });
    await hinted('new');
    await writeFile(join(root, 'new/below/b'), '1');
    // Written before its watch stood, the folder itself is hinted at instead.
    while (!['new', 'new/below', 'new/below/b', undefined].some((one) => hints.has(one))) {
      await new Promise<void>((resolve) => (wake = resolve));
    }
    expect(watch.fault()).toBeUndefined();
  });

  it('finds the new folder among many new files of one folder', async () => {
    const names = Array.from({ length: 700 }, (_, index) => `old/f${index}`);
    await Promise.all(names.map((name) => writeFile(join(root, name), '1')));
    await mkdir(join(root, 'old/below'));
    while (!hints.has('old/below')) await new Promise<void>((resolve) => (wake = resolve));
    const heard = hinted('old/below/file');
    const writer = setInterval(() => writeFile(join(root, 'old/below/file'), String(Math.random())).catch(() => undefined), 20);
    await heard;
    clearInterval(writer);
    expect(watch.fault()).toBeUndefined();
  });

  it('stays whole when watched folders are removed, renamed and made again', async () => {
    await rm(join(root, 'old'), { recursive: true });
    await hinted('old');
    await mkdir(join(root, 'old'));
    await hinted('old');
    await mkdir(join(root, 'other'));
    await hinted('other');
    await rename(join(root, 'other'), join(root, 'moved'));
    await hinted('moved');
    for (const folder of ['old', 'moved']) {
      // The watch of a new folder stands a moment after its hint: a file is written until one is heard of.
      const path = `${folder}/file`;
      const heard = hinted(path);
      const writer = setInterval(() => writeFile(join(root, path), String(Math.random())).catch(() => undefined), 20);
      await heard;
      clearInterval(writer);
    }
    expect(watch.fault()).toBeUndefined();
  });

  it('does not hint at what the disk itself puts there, but at what a person does with it at once', async () => {
    await watch.close();
    const disk = await openNodeDisk(root);
    await disk.prepare(new Uint8Array(1));
    watch = await disk.watch((path) => {
      hints.add(path);
      wake();
    });
    const names = Array.from({ length: 50 }, (_, index) => `old/f${index}`);
    const wholes = names.map((_, index) => ({ name: `s${index}`, bytes: new Uint8Array(9), mode: 0o644, mtimeMs: 1_000 }));
    const intents = names.map((path, index) => ({
      path,
      staged: `.filemesh/stage/s${index}`,
      aside: `.filemesh/versions/a${index}`,
    }));
    await disk.stageMany(wholes);
    // The events of its own acts are not read late here, however long this process stands still.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      expect((await disk.commitMany(intents)).every((one) => 'result' in one && one.result === 'done')).toBe(true);
      await writeFile(join(root, 'other'), '1');
      await rename(join(root, 'other'), join(root, 'old/f7'));
      await rm(join(root, 'old/f8'));
      while (!hints.has('old/f8')) await new Promise<void>((resolve) => (wake = resolve));
    } finally {
      vi.runOnlyPendingTimers();
      vi.useRealTimers();
    }
    expect([...hints].filter((path) => path?.startsWith('old/f')).sort()).toEqual(['old/f7', 'old/f8']);
  });
});
