import { describe, expect, it } from 'vitest';
import type { Delta } from '../../src/catalog/index-copy.ts';
import { KnownPaths, type NumberedRecord } from '../../src/catalog/known-paths.ts';
import { packVersion } from '../../src/catalog/packed-version.ts';
import { Replacements } from '../../src/catalog/replacement.ts';
import type { FilePath, WriterId } from '../../src/core/ids.ts';
import { type Draft, makeVersion } from '../../src/core/version.ts';
import { HandClock } from '../replication/hand-clock.ts';
import { fullDisk, MemoryStore, StoreDisk } from './memory-store.ts';
import { contentOf, fileDraft, graveDraft, openCatalog, path, peerNamed } from './mesh-of-catalogs.ts';

const known = new KnownPaths();

function writerNamed(name: string): WriterId {
  return peerNamed(name).slice(0, 16) as WriterId;
}

/** A record of a new file of that peer. */
function recordOf(peer: string, sequence: number, at: FilePath, content: string, writer = writerNamed(peer)): NumberedRecord {
  const version = makeVersion(fileDraft(peerNamed(peer), content), [], { writer, counter: sequence }, []);
  return { sequence, path: at, packed: packVersion(version), holding: 'all' };
}

/** A piece of the whole index of that peer. */
function piece(name: string, after: number, upTo: number): Delta {
  const writer = writerNamed(name);
  const records: NumberedRecord[] = [];
  for (let sequence = after + 1; sequence <= upTo; sequence++) {
    records.push(recordOf(name, sequence, path(`${name}${sequence}`), `${sequence}`));
  }
  return { index: peerNamed(name), trail: [{ writer, first: 1 }], after, upTo, whole: true, last: false, records };
}

const lineOf = (record: NumberedRecord) => known.lineOf(record);

describe('indexes that wait for their last piece', () => {
  it('have a bound on their bytes all together: the oldest gives way', () => {
    const oneRecord = new Replacements().add(piece('alpha', 0, 1), lineOf)?.bytes ?? 0;
    const replacements = new Replacements(102 * oneRecord);
    expect(replacements.add(piece('alpha', 0, 60), lineOf)?.records).toBe(60);
    expect(replacements.add(piece('bravo', 0, 40), lineOf)?.records).toBe(40);
    expect(replacements.add(piece('charlie', 0, 10), lineOf)?.records).toBe(10);
    expect(replacements.add(piece('alpha', 60, 70), lineOf)).toBeUndefined();
    expect(replacements.add(piece('bravo', 40, 80), lineOf)?.records).toBe(80);
    expect(replacements.add(piece('charlie', 10, 20), lineOf)?.records).toBe(20);
    expect(() => replacements.add(piece('bravo', 80, 110), lineOf)).toThrow(expect.objectContaining({ code: 'full' }));
  });

  it('count what a record takes, not that it is one', () => {
    const replacements = new Replacements(100_000);
    expect(replacements.add(piece('alpha', 0, 10), lineOf)?.records).toBe(10);
    const buried = Array.from({ length: 1_100 }, (_, count) => contentOf(`${count}`));
    const version = makeVersion(graveDraft(peerNamed('bravo'), buried), [], { writer: writerNamed('bravo'), counter: 1 }, []);
    // More than any that is taken may bury: it is counted all the same.
    const fat = ({ packed, holding, sequence }: NumberedRecord) => ({ version, packed, holding, sequence });
    expect(() => replacements.add(piece('bravo', 0, 1), fat)).toThrow(expect.objectContaining({ code: 'full' }));
  });
});

describe('an index that replaces a large copy', () => {
  const PATHS = 1_500;
  const self = peerNamed('reader');
  const index = peerNamed('alpha');
  const names = (history: string) =>
    Array.from({ length: PATHS }, (_, number) => path(`${history}${String(number).padStart(4, '0')}`));

  /** The whole index of alpha in one of two histories: half of the paths are the same, at other sequences. */
  function history(name: 'old' | 'new'): Delta {
    const writer = writerNamed(name);
    const records = names(name).map((one, number) => {
      const at = number % 2 === 0 ? one : path(`same${(name === 'old' ? number : PATHS - number).toString().padStart(4, '0')}`);
      return recordOf('alpha', number + 1, at, `${name}${at}`, writer);
    });
    return { index, trail: [{ writer, first: 1 }], after: 0, upTo: PATHS, whole: true, last: true, records };
  }

  async function story() {
    const clock = new HandClock();
    const disk = new StoreDisk();
    const store = new MemoryStore(disk);
    const catalog = await openCatalog(self, store, 1, clock);
    await catalog.take(history('old'), true);
    return { clock, disk, store, catalog };
  }

  type Story = Awaited<ReturnType<typeof story>>;
  const shown = ({ catalog }: Pick<Story, 'catalog'>) => catalog.paths('', 9_999).map((one) => catalog.view(one));
  const reopened = async ({ disk }: Pick<Story, 'disk'>) => ({ catalog: await openCatalog(self, new MemoryStore(disk), 2) });

  it('comes in many short turns, and no version is in neither index at any moment', async () => {
    const { clock, catalog, disk } = await story();
    const old = new Map(catalog.paths('', 9_999).map((one) => [one, catalog.view(one)?.known[0]?.version]));
    const told: number[] = [];
    const forgotten: string[] = [];
    catalog.onPaths((paths) => {
      told.push(paths.size);
      for (const one of paths) {
        const before = old.get(one);
        if (before !== undefined && !catalog.view(one)?.known.some(({ version }) => version.own.writer === before.own.writer)) {
          forgotten.push(one);
        }
      }
    });
    let isTaken = false;
    const taking = catalog.take(history('new'), true).then((taken) => {
      isTaken = taken;
    });
    let turns = 0;
    await clock.pass(60_000, () => {
      turns++;
    });
    await taking;
    expect(isTaken).toBe(true);
    expect(forgotten).toEqual([]);
    expect(turns).toBeGreaterThan(10);
    expect(Math.max(...told)).toBeLessThan(500);
    expect(catalog.heldBy(index).files).toBe(PATHS);
    expect(catalog.own(path('old0000'))).toMatchObject([{ holding: 'none' }]);
    expect(shown({ catalog })).toEqual(shown(await reopened({ disk })));
  });

  it('is whole or not there at all, for readers and after a crash, and other changes wait', async () => {
    const { clock, catalog, store, disk } = await story();
    const before = shown({ catalog });
    store.hold();
    const taking = catalog.take(history('new'), true);
    await clock.pass(60_000);
    // All is prepared, and the store is slow.
    expect(shown({ catalog })).toEqual(before);
    expect(shown(await reopened({ disk: disk.backup() }))).toEqual(before);
    let isChanged = false;
    const change = catalog.change([path('old0000')], () => {
      isChanged = true;
    });
    const states: unknown[] = [];
    store.release();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    const crashed = shown(await reopened({ disk: disk.backup() }));
    const read = catalog.read(index, 0, 10);
    await clock.pass(3, () => states.push(catalog.index(index)?.cursor?.writer));
    // In the store it is whole; in memory it comes in, and is told as what it was.
    expect(new Set(states)).toEqual(new Set([writerNamed('old')]));
    expect(await read).toEqual({ records: [], upTo: 0, last: false });
    expect(isChanged).toBe(false);
    await clock.pass(60_000);
    await Promise.all([taking, change]);
    expect(catalog.index(index)?.cursor).toEqual({ writer: writerNamed('new'), sequence: PATHS });
    expect(shown({ catalog })).toEqual(crashed);
    expect((await catalog.read(index, 0, 10)).records[0]?.sequence).toBe(1);
  });

  it('leaves the copy as it was when the store refuses it', async () => {
    const { clock, catalog, store } = await story();
    const before = shown({ catalog });
    store.refusal = fullDisk();
    const taking = expect(catalog.take(history('new'), true)).rejects.toMatchObject({ code: 'full' });
    await clock.pass(60_000);
    await taking;
    expect(shown({ catalog })).toEqual(before);
    expect((await catalog.read(index, 0, 10)).records).toHaveLength(10);
    store.refusal = undefined;
    const again = catalog.take(history('new'), true);
    await clock.pass(60_000);
    expect(await again).toBe(true);
  });
});

describe('an index of before, that takes the place of a later one', () => {
  const self = peerNamed('reader');
  const index = peerNamed('alpha');
  const one = path('letter');
  const whole = (writer: WriterId, records: NumberedRecord[]): Delta => ({
    index,
    trail: [{ writer, first: 1 }],
    after: 0,
    upTo: records.length,
    whole: true,
    last: true,
    records,
  });

  async function story(successor: Draft) {
    const catalog = await openCatalog(self, new MemoryStore(new StoreDisk()), 1);
    const [early, late] = [writerNamed('early'), writerNamed('late')];
    const first = makeVersion(fileDraft(index, 'one'), [], { writer: early, counter: 1 }, []);
    await catalog.change([one], (own) => own.put({ path: one, version: first, holding: 'all' }));
    const second = makeVersion(successor, [first], { writer: late, counter: 1 }, [first]);
    await catalog.take(whole(late, [{ sequence: 1, path: one, packed: packVersion(second), holding: 'all' }]), true);
    expect(catalog.view(one)?.known).toHaveLength(1);
    // Restored from last night's backup: it has the first again, and has never made a second.
    await catalog.take(whole(early, [{ sequence: 1, path: one, packed: packVersion(first), holding: 'all' }]), true);
    return { catalog, first, second };
  }

  it('takes no content away from who holds what came before: nobody may have the other any more', async () => {
    const { catalog, first } = await story(fileDraft(index, 'two'));
    expect(catalog.own(one)).toMatchObject([{ version: { own: first.own }, holding: 'all' }]);
    expect(catalog.view(one)?.contents.map((content) => content.hash)).toEqual([contentOf('one')]);
  });

  it('does not undo a delete', async () => {
    const { catalog, second } = await story(graveDraft(index, [contentOf('one')]));
    expect(catalog.own(one)).toMatchObject([{ version: { own: second.own }, holding: 'none' }]);
    expect(catalog.view(one)?.contents).toEqual([]);
  });
});
