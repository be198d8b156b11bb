import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FileSink } from '../../src/cli/local-file.ts';
import type { ContentHash } from '../../src/core/ids.ts';

const MIB = 1024 * 1024;

describe('a download to a disk that refuses', () => {
  const content = new Uint8Array(3 * MIB).map((_, index) => index % 251);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fm-refusing-'));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true, force: true });
  });

  /** With so many of its bytes. */
  async function begun(bytes: number): Promise<FileSink> {
    const facts = { path: 'big.bin', size: content.length, hash: '0'.repeat(64) as ContentHash, mode: 0o640, modifiedMs: 0 };
    const sink = await FileSink.open(join(folder, 'big.bin'), facts, false);
    await sink.write(0, content.subarray(0, bytes));
    return sink;
  }

  /** The next call of that name, of any open file, fails so. */
  async function failing(name: 'write' | 'sync', code: string): Promise<void> {
    const handle = await open(folder);
    const kind = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    vi.spyOn(kind, name).mockRejectedValueOnce(Object.assign(new Error(code), { code }));
  }

  test.each([
    ['ENOSPC', true],
    ['EDQUOT', true],
    ['EIO', false],
  ])('keeps what came before it is full, and nothing when it fails: %s', async (code, isKept) => {
    const sink = await begun(2 * MIB);
    await failing('write', code);
    await expect(sink.write(2 * MIB, content.subarray(2 * MIB))).rejects.toThrow(/nothing can be saved in/);
    expect(await sink.leave()).toBe(isKept);
    await sink.discard();
    expect(await readdir(folder)).toHaveLength(isKept ? 1 : 0);
  });

  test('keeps nothing that it could not sync: the next sync would find nothing to do', async () => {
    const sink = await begun(content.length);
    await failing('sync', 'EIO');
    await expect(sink.finish()).rejects.toThrow(/nothing can be saved in/);
    expect(await sink.leave()).toBe(false);
    await sink.discard();
    expect(await readdir(folder)).toEqual([]);
  });
});
