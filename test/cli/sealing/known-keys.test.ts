import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KnownKeys } from '../../../src/cli/sealing/known-keys.ts';

describe('a key that was seen here', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'filemesh-known-keys-'));
    mkdirSync(join(folder, 'keys'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is none where there is no file of it', async () => {
    expect(await new KnownKeys(folder).check('ben', 'age1new')).toBe(false);
  });

  it('is the only one that is taken of that account, until another is kept', async () => {
    const keys = new KnownKeys(folder);
    await keys.keep('ben', 'age1new');
    expect(await keys.check('ben', 'age1new')).toBe(true);
    await expect(keys.check('ben', 'age1other')).rejects.toMatchObject({ code: 'not-allowed' });
    await keys.keep('ben', 'age1other');
    expect(await keys.check('ben', 'age1other')).toBe(true);
  });

  it.each([
    ['empty', (file: string) => writeFileSync(file, '')],
    ['no key', (file: string) => writeFileSync(file, 'age1\u0000\n')],
    ['not readable', (file: string) => mkdirSync(file)],
  ])('does not count as none where its file is %s', async (_, make) => {
    const file = join(folder, 'keys', 'ben.txt');
    make(file);
    await expect(new KnownKeys(folder).check('ben', 'age1new')).rejects.toThrow(file);
  });
});
