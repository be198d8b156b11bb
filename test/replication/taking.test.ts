import { beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { PathWaiters } from '../../src/catalog/path-waiters.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { FilePath } from '../../src/core/ids.ts';
import type { PathView } from '../../src/core/namespace.ts';
import { entryKey, type FileVersion, type Version, versionKey } from '../../src/core/version.ts';
import type { Folder, Staging } from '../../src/folder/folder.ts';
import { Taking } from '../../src/replication/taking.ts';
import type { Ask } from '../../src/wire/calls.ts';
import type { Link } from '../../src/wire/link.ts';
import type { Switchboard } from '../../src/wire/switchboard.ts';
import { fileDraft, peerId, version } from '../core/histories.ts';
import { quietLog } from '../platform/quiet-log.ts';
import { HandClock } from './hand-clock.ts';

const MIB = 1024 * 1024;
const holder = peerId(1);

let taking: Taking;
let views: Map<FilePath, PathView>;
/** Recorded here of whatever path. */
let own: Version[];
/** Contents that were begun with, by the names of their stagings, or in runs by the hash; each ends when a test says so. */
let begun: string[];
let endFirst: (error: MeshError) => void;
/** What is staged; undefined: that takes for ever. */
let staging: Staging | undefined;
/** What a holder was asked. */
let calls: string[];

beforeEach(() => {
  views = new Map();
  own = [];
  begun = [];
  calls = [];
  staging = undefined;
  const begin = <T>(name: string): Promise<T> => {
    begun.push(name);
    if (begun.length > 1) return new Promise(() => undefined);
    return new Promise((_, reject) => {
      endFirst = reject;
    });
  };
  const folder = {
    keepFromHere: async () => false,
    keep: async () => {
      throw new MeshError('corrupt', 'what came is not what was announced');
    },
    stage: (name: string) => (staging === undefined ? begin(name) : Promise.resolve(staging)),
    chunks: { isCut: () => true, mayReuse: () => false },
    runs: { manifest: begin },
  } as unknown as Folder;
  const call = async (name: string) => {
    calls.push(name);
    if (name === 'manifest') throw new MeshError('gone', 'it has none');
    return { reply: { intact: true } };
  };
  taking = new Taking({
    clock: new HandClock(),
    log: quietLog,
    catalog: {
      view: (path: FilePath) => views.get(path),
      own: () => own.map((one) => ({ version: one, holding: 'all' })),
      onPaths() {},
    } as unknown as Catalog,
    folder,
    switchboard: { limits: {}, link: () => ({ peer: holder, open: true, call }) as unknown as Link } as unknown as Switchboard,
    waiters: { until: async () => true } as unknown as PathWaiters,
  });
});

/** A file of the mesh, and what its owner asks. */
function file(content: number, size: number, name = `${content}`): Ask<'place'> {
  const path = name as FilePath;
  const shown = version(fileDraft(content, { size })) as FileVersion;
  const { hash } = shown;
  views.set(path, { contents: [{ hash, size, shown, versions: [shown], holders: [holder] }] } as unknown as PathView);
  return { path, hash, version: versionKey(shown), size, holders: [holder] };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('of contents that a peer is asked to take', () => {
  const runs = 'f'.repeat(16);
  it.each([
    ['small ones', 1_000, 48, {}],
    ['large ones', 64 * MIB, 16, {}],
    ['ones of 4 TB, whose lists of chunks take much memory,', 4e12, 3, {}],
    ['large ones in runs', 64 * MIB, 16, { runs }],
    ['ones of 4 TB in runs', 4e12, 3, { runs }],
  ])('%s are begun with so many at once, and the next when one has ended', async (_, size, count, more) => {
    for (let content = 0; content < count + 5; content++) taking.take({ ...file(content, size), ...more }).catch(() => undefined);
    await turn();
    expect(begun).toHaveLength(count);
    endFirst(new MeshError('full', 'no room'));
    await turn();
    expect(begun).toHaveLength(count + 1);
  });

  it('one that is asked for twice is fetched once, and one of two names for each of them', async () => {
    const ask = file(1, 64 * MIB);
    expect(taking.take(ask)).toBe(taking.take(ask));
    await turn();
    expect(begun).toHaveLength(1);
    taking.take(file(1, 64 * MIB, 'other')).catch(() => undefined);
    await turn();
    expect(new Set(begun).size).toBe(2);
  });

  it('none is begun with that is of another size than was said', async () => {
    const ask = file(1, 4e12);
    await expect(taking.take({ ...ask, size: 10 })).rejects.toMatchObject({ code: 'busy' });
    expect(begun).toEqual([]);
  });

  describe('and that lie beside each other', () => {
    const path = 'a' as FilePath;
    let contents = 0;
    const files = (count: number) => Array.from({ length: count }, () => version(fileDraft(++contents)) as FileVersion);
    const show = (shown: readonly FileVersion[]) => {
      const all = shown.map((one) => ({ hash: one.hash, size: one.size, shown: one, versions: [one], holders: [holder] }));
      views.set(path, { contents: all } as unknown as PathView);
    };
    const take = ({ hash, size, own: entry }: FileVersion) =>
      taking.take({ path, hash, version: entryKey(entry), size, holders: [holder] });

    it('no more are taken than leave room for what is made here, those under way among them', async () => {
      own = files(20);
      const shown = files(40);
      show(shown);
      const declined: string[] = [];
      for (const one of shown) take(one).catch(({ code }: MeshError) => declined.push(code));
      await turn();
      expect(begun).toHaveLength(12);
      expect(declined).toEqual(new Array(28).fill('busy'));
      endFirst(new MeshError('full', 'no room'));
      await turn();
      take(shown[39] as FileVersion).catch(() => undefined);
      await turn();
      expect(begun).toHaveLength(13);
    });

    it('what takes the place of one of them, or is recorded already, is taken', async () => {
      const others = files(31);
      const [before, recorded] = files(2) as [FileVersion, FileVersion];
      const after = version(fileDraft(++contents), [before]) as FileVersion;
      show([after, recorded]);
      own = [...others, before];
      take(after).catch(() => undefined);
      await turn();
      expect(begun).toHaveLength(1);
      endFirst(new MeshError('full', 'no room'));
      await turn();
      own = [...others, ...files(9), recorded];
      take(recorded).catch(() => undefined);
      await turn();
      expect(begun).toHaveLength(2);
      await expect(take(after)).rejects.toMatchObject({ code: 'busy' });
    });
  });
});

describe('a content that came wrong', () => {
  it('is looked at where it came from, and the next time nothing of it is taken by its chunks', async () => {
    let discarded = 0;
    staging = {
      missing: () => [],
      discard: async () => {
        discarded += 1;
      },
    } as unknown as Staging;
    const ask = file(1, 64 * MIB);
    await expect(taking.take(ask)).rejects.toMatchObject({ code: 'corrupt' });
    expect(calls).toEqual(['manifest', 'verify']);
    expect(discarded).toBe(1);
    await expect(taking.take(ask)).rejects.toMatchObject({ code: 'corrupt' });
    expect(calls).toEqual(['manifest', 'verify']);
    // Another is not distrusted for it.
    await expect(taking.take(file(2, 64 * MIB))).rejects.toMatchObject({ code: 'corrupt' });
    expect(calls).toEqual(['manifest', 'verify', 'manifest', 'verify']);
  });
});
