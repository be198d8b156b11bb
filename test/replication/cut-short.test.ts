import { beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { ContentHash, FilePath } from '../../src/core/ids.ts';
import type { PathView } from '../../src/core/namespace.ts';
import type { Staging } from '../../src/folder/folder.ts';
import { CutShort } from '../../src/replication/cut-short.ts';
import { quietLog } from '../platform/quiet-log.ts';

const hash = 'a'.repeat(64) as ContentHash;
const [one, two] = ['one', 'two'] as FilePath[] as [FilePath, FilePath];
const cut = new MeshError('closed', 'the source is gone');

let views: Map<FilePath, PathView>;
let tell: (paths: ReadonlySet<FilePath>) => void;
let discarded: string[];
let fetches: CutShort;

beforeEach(() => {
  views = new Map();
  discarded = [];
  const onPaths: Catalog['onPaths'] = (listener) => {
    tell = listener;
  };
  fetches = new CutShort({ catalog: { view: (path) => views.get(path), onPaths }, log: quietLog });
  change(one, { contents: [hash] });
});

/** A path is different now, and that is told. */
function change(path: FilePath, { contents = [], renamedTo }: { contents?: ContentHash[]; renamedTo?: FilePath }): void {
  const tombstones = contents.length > 0 ? [] : [{ buried: [hash], ...(renamedTo !== undefined && { renamedTo }) }];
  views.set(path, { path, contents: contents.map((each) => ({ hash: each })), tombstones } as unknown as PathView);
  tell?.(new Set([path]));
}

const staging = (name: string) => ({ discard: async () => void discarded.push(name) }) as unknown as Staging;

describe('a fetch of what', () => {
  it('nobody wants any more is called off, were it so at its beginning or later', () => {
    const early = fetches.begin(staging('early'), { path: one, hash });
    expect(early.aborted).toBe(false);
    change(one, {});
    expect(early.aborted).toBe(true);
    expect(fetches.begin(staging('late'), { path: one, hash }).aborted).toBe(true);
  });

  it('came goes on to its end whatever becomes of the name', () => {
    const kept = staging('kept');
    const stop = fetches.begin(kept, { path: one, hash });
    fetches.done(kept);
    change(one, {});
    expect(stop.aborted).toBe(false);
  });
});

describe('what a fetch left that was cut short', () => {
  async function leave(name: string, path = one): Promise<Staging> {
    const left = staging(name);
    fetches.begin(left, { path, hash });
    await fetches.end(left, cut, { path, hash });
    return left;
  }

  it('stays for the next try, and goes with the last who wants it', async () => {
    await leave('left');
    change(one, { contents: [hash] });
    expect(discarded).toEqual([]);
    change(one, {});
    expect(discarded).toEqual(['left']);
  });

  it('follows its file to a new name', async () => {
    await leave('left');
    views.set(two, { path: two, contents: [{ hash }], tombstones: [] } as unknown as PathView);
    change(one, { renamedTo: two });
    expect(discarded).toEqual([]);
    change(two, {});
    expect(discarded).toEqual(['left']);
  });

  it('goes when all of it came by another way, and not when it is gone on with', async () => {
    await leave('left');
    fetches.begin(await leave('going on'), { path: one, hash });
    fetches.came(hash);
    expect(discarded).toEqual(['left']);
  });

  it('goes at once when the fetch failed by anything else', async () => {
    const wrong = staging('wrong');
    fetches.begin(wrong, { path: one, hash });
    await fetches.end(wrong, new MeshError('corrupt', 'wrong bytes'), { path: one, hash });
    expect(discarded).toEqual(['wrong']);
  });
});
