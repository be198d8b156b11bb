import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Tree } from '../../src/catalog/tree.ts';
import type { FilePath } from '../../src/core/ids.ts';
import { foldersOf } from '../../src/core/path.ts';

const name = fc.constantFrom('a', 'b', 'c', 'D');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/') as FilePath);

test('a tree has the folders that its paths lie in, with what lies below each, however they come and go', () => {
  fc.assert(
    fc.property(fc.array(path, { maxLength: 60 }), (turns) => {
      const present = new Set<FilePath>();
      const tree = new Tree((one) => present.has(one as FilePath));
      for (const one of turns) {
        // The second time it goes, the third time it comes again.
        const isThere = present.delete(one);
        if (isThere) tree.remove(one);
        else tree.add(one);
        if (!isThere) present.add(one);
      }
      const below = new Map<string, number>();
      for (const folder of [...present].flatMap(foldersOf)) below.set(folder, (below.get(folder) ?? 0) + 1);
      for (const one of turns.flatMap((each) => [...foldersOf(each), each])) expect(tree.isFolder(one)).toBe(below.has(one));
      for (const folder of ['', ...below.keys()]) {
        const prefix = folder === '' ? '' : `${folder}/`;
        const told = [...tree.foldersIn(folder)].map((one) => [prefix + one.name, one.files] as const);
        const inside = [...below].filter(([one]) => one.startsWith(prefix) && !one.slice(prefix.length).includes('/'));
        expect(new Map(told)).toEqual(new Map(inside.filter(([one]) => one !== folder)));
        expect(told).toHaveLength(new Set(told.map(([one]) => one)).size);
      }
    }),
  );
});
