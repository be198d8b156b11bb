import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import type { ActFault, WholeFile } from '../../src/platform/disk.ts';
import { calls } from '../../src/platform/node/file-calls.ts';
import { readSome } from '../../src/platform/node/read-whole.ts';
import { holdFolder } from '../../src/platform/node/safe-path.ts';

const root = mkdtempSync(join(tmpdir(), 'filemesh-read-whole-'));
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true });
});

it('small files are read as they were synced: until then a store into a mapped page shows in no stat', async () => {
  const file = join(root, 'a');
  writeFileSync(file, 'old');
  const { fsync } = calls;
  vi.spyOn(calls, 'fsync').mockImplementation(async (descriptor) => {
    const { atime, mtime } = statSync(file);
    writeFileSync(file, 'new');
    utimesSync(file, atime, mtime);
    await fsync(descriptor);
  });
  const answers: (WholeFile | ActFault)[] = [];
  const folder = await holdFolder(root, []);
  await readSome(folder, [{ item: 'a', index: 0, leaf: 'a' }], answers, true);
  folder.release();
  expect(answers).toEqual([expect.objectContaining({ bytes: new Uint8Array(Buffer.from('new')) })]);
});
