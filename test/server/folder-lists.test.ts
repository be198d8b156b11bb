import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { Tree } from '../../src/catalog/tree.ts';
import type { FilePath } from '../../src/core/ids.ts';
import { Rights } from '../../src/core/rights.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { FolderLists } from '../../src/server/folder-lists.ts';
import { ALL_SEEN, type Sight } from '../../src/server/sessions.ts';
import type { Ask, Entry, ShownContent } from '../../src/wire/calls.ts';
import { encodedBytes, HEAD_BYTES_MAX } from '../../src/wire/codec.ts';

const first: Ask<'folder'> = { after: '', limit: 500, sort: 'name', descending: false };

const plainEntry = (path: FilePath): Entry => ({ path, contents: [], base: [], wanted: 2 });

/** Lists of a catalog with these present files: name and size; `deleted` are known and have no contents. */
function listsOf(files: Readonly<Record<string, number>>, deleted: readonly string[] = [], entryOf = plainEntry) {
  const present = new Map(Object.entries(files) as [FilePath, number][]);
  const paths = [...present.keys(), ...(deleted as FilePath[])].sort();
  const tree = new Tree((path) => present.has(path as FilePath));
  for (const path of present.keys()) tree.add(path);
  let looked = 0;
  const catalog = {
    paths: (after: string, limit: number) => {
      let [from, to] = [0, paths.length];
      while (from < to) {
        const middle = (from + to) >> 1;
        if ((paths[middle] as string) > after) to = middle;
        else from = middle + 1;
      }
      const page = paths.slice(from, from + limit);
      looked += page.length;
      return page;
    },
    view: (path: FilePath) => ({
      path,
      contents: present.has(path) ? [{ size: present.get(path), modifiedMs: -(present.get(path) ?? 0) }] : [],
    }),
    folders: tree,
    onPaths: () => {},
  } as unknown as Catalog;
  let [due, dueMax, pauses] = [0, 0, 0];
  const after = (_ms: number, act: () => void) => {
    pauses++;
    dueMax = Math.max(dueMax, ++due);
    setImmediate(() => {
      due--;
      act();
    });
  };
  const clock = { after } as unknown as Clock;
  const entries = { entry: ({ path }: { path: FilePath }) => entryOf(path) };
  const lists = new FolderLists({ catalog, clock, entries });
  return { lists, looked: () => looked, dueMax: () => dueMax, pauses: () => pauses };
}

/** All pages one behind the other, as `folder/` and `file`. */
async function all(lists: FolderLists, ask: Ask<'folder'>, sight = ALL_SEEN): Promise<string[]> {
  const names: string[] = [];
  for (let after = '', page = 0; page < 1000; page++) {
    const reply = await lists.list({ ...ask, after }, sight);
    names.push(...reply.folders.map(({ name, files }) => `${name}/${files ?? ''}`), ...reply.entries.map(({ path }) => path));
    if (!reply.more) return names;
    after = reply.next;
  }
  throw new Error('the pages do not end');
}

const FILES = {
  'a.txt': 3,
  'docs.txt': 1,
  'docs/a': 9,
  'docs/b/c/d': 4,
  'docs/b/e': 5,
  docs0: 2,
  'docs/\uffff\uffff': 7,
  Zebra: 8,
};

describe('a folder', () => {
  it('shows its folders with what lies below them, then its files, whatever the size of the pages', async () => {
    const { lists } = listsOf(FILES, ['gone', 'docs/gone']);
    const top = ['docs/4', 'Zebra', 'a.txt', 'docs.txt', 'docs0'];
    for (const limit of [1, 2, 3, 500]) expect(await all(lists, { ...first, limit })).toEqual(top);
    const docs = ['b/2', 'docs/a', 'docs/\uffff\uffff'];
    for (const limit of [1, 2, 500]) expect(await all(lists, { ...first, limit, path: 'docs' as FilePath })).toEqual(docs);
  });

  it('is in the order of size, time or name, either way', async () => {
    const { lists } = listsOf(FILES);
    const sizes = ['docs/4', 'docs.txt', 'docs0', 'a.txt', 'Zebra'];
    expect(await all(lists, { ...first, sort: 'size', limit: 2 })).toEqual(sizes);
    expect(await all(lists, { ...first, sort: 'modified' })).toEqual(['docs/4', 'Zebra', 'a.txt', 'docs0', 'docs.txt']);
    expect(await all(lists, { ...first, descending: true, limit: 2 })).toEqual(['docs/4', 'docs0', 'docs.txt', 'a.txt', 'Zebra']);
  });

  it('with words shows what lies below it and has them in its path, in any case', async () => {
    const { lists } = listsOf(FILES);
    expect(await all(lists, { ...first, query: 'ZEB' })).toEqual(['Zebra']);
    expect(await all(lists, { ...first, query: 'b/', limit: 1 })).toEqual(['docs/b/c/d', 'docs/b/e']);
    expect(await all(lists, { ...first, query: 'docs', path: 'docs' as FilePath })).toEqual([]);
  });

  it('shows what may be seen alone, and goes on by no hidden name', async () => {
    const { lists } = listsOf({ ...FILES, 'home/alma/a': 1, 'home/bert/b': 2, 'home/bert/c': 3, 'home/bert/open/d': 4 });
    const rights = new Rights([
      { path: 'home/bert/open', who: 'alma', right: 'read' },
      { path: 'docs/b', who: 'everyone', right: 'none' },
    ]);
    const alma = { name: 'alma', admin: false };
    const sight: Sight = {
      all: false,
      name: 'alma',
      sees: (path) => rights.mayRead(alma, path),
      hiddenFolderOf: (path) => rights.hiddenFolderOf(alma, path),
    };
    for (const sort of ['name', 'size', 'modified'] as const) {
      const see = (path: string, more = {}) => all(lists, { ...first, limit: 1, sort, path: path as FilePath, ...more }, sight);
      expect(await see('home')).toEqual(['alma/', 'bert/']);
      expect(await see('home/bert')).toEqual(['open/']);
      expect((await see('docs')).sort()).toEqual(['docs/a', 'docs/\uffff\uffff']);
      expect(await see('home', { query: 'b' })).toEqual(['home/bert/open/d']);
      await expect(see('docs/b')).rejects.toMatchObject({ code: 'not-found' });
    }
  });

  it('that is none is not found', async () => {
    const { lists } = listsOf(FILES);
    await expect(lists.list({ ...first, path: 'a.txt' as FilePath }, ALL_SEEN)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is sought through and sorted for a few at once, however many ask: the others wait, or are told to come again', async () => {
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`deep/${index}`, index]));
    for (const [sort, atOnce, served] of [
      ['size', 2, 18],
      ['name', 4, 260],
    ] as const) {
      const { lists, dueMax } = listsOf(many);
      const asked = Array.from({ length: 1_024 }, (_, index) => lists.list({ ...first, sort, query: `${index}` }, ALL_SEEN));
      const answers = await Promise.allSettled(asked);
      expect(dueMax()).toBeLessThanOrEqual(atOnce);
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(served);
      const refused = answers.find((answer) => answer.status === 'rejected');
      expect(refused?.reason).toMatchObject({ code: 'busy' });
      expect((await lists.list({ ...first, sort, query: '1999' }, ALL_SEEN)).entries).toHaveLength(1);
    }
  });

  it('shows its names at once while others seek', async () => {
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`deep/${index}`, index]));
    const { lists } = listsOf({ ...many, top: 1 });
    let sought = 0;
    const seeking = Array.from({ length: 100 }, async (_, index) => {
      await lists.list({ ...first, query: `${index}` }, ALL_SEEN);
      sought++;
    });
    expect((await lists.list(first, ALL_SEEN)).entries.map(({ path }) => path)).toEqual(['top']);
    expect(sought).toBeLessThan(100);
    await Promise.all(seeking);
  });

  it('has pages that fit in one answer, however long its names are', async () => {
    const name = (letter: string, index: number) => `${letter}${String(index).padStart(4, '0')}${'x'.repeat(245)}`;
    const below = Array.from({ length: 480 }, (_, index) => `${name('a', index)}/b`);
    const files = [...below, ...Array.from({ length: 100 }, (_, index) => name('b', index))];
    const lists = listsOf(Object.fromEntries(files.map((path) => [path, 1])), [], (path) => ({
      ...{ path, base: [], wanted: 2 },
      contents: [{ origin: 'x'.repeat(8_000) } as ShownContent],
    })).lists;
    const names: string[] = [];
    for (let after = '', more = true; more; ) {
      const reply = await lists.list({ ...first, after }, ALL_SEEN);
      expect(encodedBytes(reply)).toBeLessThan(HEAD_BYTES_MAX - 1_024);
      names.push(...reply.folders.map((one) => `${one.name}/b`), ...reply.entries.map(({ path }) => path));
      ({ more, next: after } = reply);
    }
    expect(names).toEqual(files);
  });

  it('with very many folders, hidden ones too, is answered in short turns', async () => {
    const many = Object.fromEntries(Array.from({ length: 12_000 }, (_, index) => [`f${index}/a`, 1]));
    const { lists, looked, pauses } = listsOf(many);
    const shown = await all(lists, { ...first, limit: 5_000 });
    expect(shown.slice(0, 3)).toEqual(['f0/1', 'f1/1', 'f10/1']);
    expect([shown.length, pauses() >= 4]).toEqual([12_000, true]);
    const sees = (path: string) => path === 'f9999/a';
    const sight: Sight = { all: false, name: 'alma', sees, hiddenFolderOf: () => undefined };
    const before = [looked(), pauses()] as const;
    expect(await all(lists, first, sight)).toEqual(['f9999/']);
    expect(pauses() - before[1]).toBeGreaterThan((looked() - before[0]) / 1_000);
  });

  it('takes no steps over what lies below its folders', async () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`deep/${index}`, 1]));
    const { lists, looked } = listsOf({ ...many, 'deep.txt': 1, z: 1 });
    expect(await all(lists, first)).toEqual(['deep/20000', 'deep.txt', 'z']);
    expect(looked()).toBeLessThan(20);
  });
});
