import { afterEach, describe, expect, it, vi } from 'vitest';
import { syncOf } from '../../src/platform/node/file-calls.ts';
import { hintOf } from '../../src/platform/node/tree-watch.ts';

const here = process.platform;
const on = (platform: NodeJS.Platform) => Object.defineProperty(process, 'platform', { value: platform });
afterEach(() => void on(here));

const refusing = (code: string) => vi.fn(() => Promise.reject(Object.assign(new Error(code), { code })));

describe('a system that cannot sync a directory', () => {
  it('does what it can, and tells every other failure', async () => {
    await expect(syncOf(refusing('EPERM'), true)(7)).resolves.toBeUndefined();
    await expect(syncOf(refusing('EIO'), true)(7)).rejects.toMatchObject({ code: 'EIO' });
    await expect(syncOf(refusing('EPERM'), false)(7)).rejects.toMatchObject({ code: 'EPERM' });
    const sync = vi.fn(() => Promise.resolve());
    await syncOf(sync, true)(7);
    expect(sync).toHaveBeenCalledWith(7);
  });
});

describe('a hint of the system', () => {
  it('names a path as the walk does, whatever parts names there', () => {
    expect(hintOf('a\\b\\c.txt', '\\')).toBe('a/b/c.txt');
    expect(hintOf('a/b\\c', '/')).toBe('a/b\\c');
  });

  it('is composed where names come decomposed', () => {
    const decomposed = 'dir/u\u0308ber'.normalize('NFD');
    on('darwin');
    expect(hintOf(decomposed, '/')).toBe('dir/über'.normalize('NFC'));
    on('linux');
    expect(hintOf(decomposed, '/')).toBe(decomposed);
  });
});
