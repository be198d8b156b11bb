import { describe, expect, it } from 'vitest';
import { droppedFiles } from '../../../src/web/page/uploads/dropped.ts';

/** What a browser gives for a file of a disk. */
function file(name: string, isReadable = true): FileSystemEntry {
  const given = (taken: (file: File) => void, refused: (error: Error) => void) =>
    isReadable ? taken(new File([name], name)) : refused(new Error('not allowed'));
  return { name, isFile: true, isDirectory: false, file: given } as unknown as FileSystemEntry;
}

/** Told in pages of a hundred, as browsers do; undefined: it may not be read. */
function folder(name: string, entries: readonly FileSystemEntry[] | undefined): FileSystemEntry {
  const createReader = () => {
    let at = 0;
    return {
      readEntries: (taken: (page: readonly FileSystemEntry[]) => void, refused: (error: Error) => void) => {
        if (entries === undefined) return refused(new Error('not allowed'));
        at += 100;
        taken(entries.slice(at - 100, at));
      },
    };
  };
  return { name, isFile: false, isDirectory: true, createReader } as unknown as FileSystemEntry;
}

const dropOf = (...entries: readonly FileSystemEntry[]) =>
  ({ items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })) }) as unknown as DataTransfer;

describe('what is dropped', () => {
  it('comes with all that lies in its folders, under its path', async () => {
    const many = Array.from({ length: 250 }, (_, index) => file(`${index}.txt`));
    const drop = dropOf(file('a.txt'), folder('trip', [file('b.txt'), folder('later', many)]));
    const { files, unread } = await droppedFiles(drop, 'docs');
    expect(files.slice(0, 3).map(({ path }) => path)).toEqual(['docs/a.txt', 'docs/trip/b.txt', 'docs/trip/later/0.txt']);
    expect(files.length).toBe(252);
    expect(unread).toEqual([]);
  });

  it('is taken but for what may not be read, which is named', async () => {
    const entries = [file('a.txt'), file('shut.txt', false), folder('private', undefined), file('z.txt')];
    const { files, unread } = await droppedFiles(dropOf(folder('all', entries)), '');
    expect(files.map(({ path }) => path)).toEqual(['all/a.txt', 'all/z.txt']);
    expect(unread).toEqual(['shut.txt', 'private']);
  });

  it('comes to one more than is taken when it is too much, so that this is told', async () => {
    const entries = Array.from({ length: 20_100 }, (_, index) => file(`${index}`));
    expect((await droppedFiles(dropOf(folder('huge', entries)), '')).files.length).toBe(20_001);
  });
});
