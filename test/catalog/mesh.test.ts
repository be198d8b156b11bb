import { beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { byCodeUnits, type FilePath, type PeerId } from '../../src/core/ids.ts';
import { type Version, versionKey } from '../../src/core/version.ts';
import { MemoryStore, StoreDisk } from './memory-store.ts';
import { contentOf, fileDraft, graveDraft, openCatalog, path, peerNamed, syncIndex } from './mesh-of-catalogs.ts';

const a = path('a');
const b = path('b');
const names = ['alpha', 'bravo', 'charlie'] as const;
type Name = (typeof names)[number];

let disks: Record<Name, StoreDisk>;
let mesh: Record<Name, Catalog>;
let seed = 0;
const open = async (name: Name) => {
  seed += 1;
  mesh[name] = await openCatalog(peerNamed(name), new MemoryStore(disks[name]), seed);
};
beforeEach(async () => {
  disks = { alpha: new StoreDisk(), bravo: new StoreDisk(), charlie: new StoreDisk() };
  mesh = {} as Record<Name, Catalog>;
  for (const name of names) await open(name);
});

const make = (name: Name, at: FilePath, content: string, base?: readonly Version[]) =>
  mesh[name].change([at], (tx) => {
    const known = (tx.view(at)?.known ?? []).map((one) => one.version);
    return tx.mint(at, fileDraft(peerNamed(name), content), base ?? known, 'all');
  });
const record = (name: Name, at: FilePath, version: Version) =>
  mesh[name].change([at], (tx) => tx.put({ path: at, version, holding: 'all' }));
const read = (reader: Name, teller: Name, index: Name = teller, pieces = 1_000) =>
  syncIndex(mesh[teller], mesh[reader], peerNamed(index), pieces);
const contents = (name: Name, at: FilePath) => mesh[name].view(at)?.contents.map((one) => one.hash);
const restoreFrom = async (name: Name, backup: StoreDisk) => {
  disks[name] = backup;
  await open(name);
};
const live = (name: Name, peer: PeerId) =>
  mesh[name].peers.set({
    id: peer,
    name: 'x',
    address: undefined,
    live: true,
    sinceMs: 0,
    sinceWallMs: 0,
    saidGoodbye: false,
    paused: undefined,
    opening: false,
    caughtUp: true,
    load: { bytes: 0, capacity: 0, files: 0, incomingBytes: 0, incomingFiles: 0 },
  });

describe('reading the index of another', () => {
  it('shows who holds what, and one version known from several as one', async () => {
    const version = await make('alpha', a, 'one');
    await read('bravo', 'alpha');
    await record('bravo', a, version);
    await read('alpha', 'bravo');
    const holders = [peerNamed('alpha'), peerNamed('bravo')].sort(byCodeUnits);
    expect(mesh.alpha.view(a)?.contents[0]?.holders).toEqual(holders);
    expect(mesh.bravo.view(a)).toEqual(mesh.alpha.view(a));
  });

  it('leaves a gap alone, and takes an overlap', async () => {
    for (const text of ['1', '2', '3', '4']) await make('alpha', path(text), text);
    const { trail } = mesh.alpha.index(peerNamed('alpha')) ?? { trail: [] };
    const piece = async (after: number) => {
      const page = await mesh.alpha.read(peerNamed('alpha'), after, 2);
      return { index: peerNamed('alpha'), trail, after, upTo: page.upTo, whole: false, last: page.last, records: page.records };
    };
    expect(await mesh.bravo.take(await piece(2), true)).toBe(false);
    expect(await mesh.bravo.take(await piece(0), true)).toBe(true);
    expect(await mesh.bravo.take(await piece(1), true)).toBe(true);
    expect(mesh.bravo.index(peerNamed('alpha'))?.sequence).toBe(3);
    expect(mesh.bravo.paths('', 9)).toEqual(['1', '2', '3']);
  });

  it('goes over a third peer as well', async () => {
    await make('alpha', a, 'one');
    await read('bravo', 'alpha');
    await read('charlie', 'bravo', 'alpha');
    expect(contents('charlie', a)).toEqual([contentOf('one')]);
    expect(mesh.charlie.index(peerNamed('alpha'))).toEqual(mesh.bravo.index(peerNamed('alpha')));
  });

  it('does not let a peer that lies behind take back what was read', async () => {
    await make('alpha', a, 'one');
    await read('bravo', 'alpha');
    await make('alpha', a, 'two');
    await read('charlie', 'alpha');
    await read('charlie', 'bravo', 'alpha');
    expect(contents('charlie', a)).toEqual([contentOf('two')]);
    const { records } = await mesh.charlie.read(peerNamed('alpha'), 0, 9);
    expect(records.map((one) => one.sequence)).toEqual([2]);
  });

  it('tells which records are gone, also where what replaced them is gone too', async () => {
    // Found content is before whatever has that content, but not before what came after that.
    const found = await mesh.alpha.change([a], (tx) =>
      tx.mint(a, fileDraft(peerNamed('alpha'), 'old', { found: true }), [], 'all'),
    );
    await read('charlie', 'alpha');
    await open('alpha');
    const older = await make('bravo', a, 'old', []);
    await record('alpha', a, older);
    expect(mesh.alpha.own(a).map((one) => one.version)).not.toContainEqual(found);
    await make('alpha', a, 'new', [older]);
    await read('charlie', 'alpha');
    expect(contents('charlie', a)).toEqual([contentOf('new')]);
    expect(mesh.charlie.view(a)).toEqual(mesh.alpha.view(a));
  });

  it('goes on after a restart in the middle', async () => {
    for (const text of ['1', '2', '3', '4', '5']) await make('alpha', path(text), text);
    const { trail } = mesh.alpha.index(peerNamed('alpha')) ?? { trail: [] };
    const page = await mesh.alpha.read(peerNamed('alpha'), 0, 2);
    const index = peerNamed('alpha');
    await mesh.bravo.take({ index, trail, after: 0, upTo: page.upTo, whole: true, last: false, records: page.records }, true);
    await open('bravo');
    expect(mesh.bravo.index(index)?.cursor).toEqual({ writer: mesh.alpha.writer, sequence: 2 });
    expect(await read('bravo', 'alpha', 'alpha', 2)).toBe(true);
    expect(mesh.bravo.paths('', 9)).toHaveLength(5);
  });
});

describe('a restored index', () => {
  it('replaces its copies, which first hand on what only they show', async () => {
    const kept = await make('alpha', a, 'one');
    const backup = disks.alpha.backup();
    const lost = await make('alpha', b, 'lost');
    const replaced = await make('alpha', a, 'two');
    await read('bravo', 'alpha');
    await restoreFrom('alpha', backup);
    await read('bravo', 'alpha');
    expect(mesh.bravo.index(peerNamed('alpha'))?.trail).toEqual(mesh.alpha.index(peerNamed('alpha'))?.trail);
    expect(mesh.bravo.own(b)).toEqual([{ path: b, version: lost, holding: 'none' }]);
    expect(mesh.bravo.own(a)).toEqual([{ path: a, version: replaced, holding: 'none' }]);
    expect(mesh.bravo.view(a)?.known.map((one) => versionKey(one.version))).not.toContain(versionKey(kept));
    await read('alpha', 'bravo');
    expect(mesh.alpha.view(a)).toEqual(mesh.bravo.view(a));
    expect(mesh.alpha.view(b)?.contents[0]?.holders).toEqual([]);
  });

  it('hands on tombstones too', async () => {
    await make('alpha', a, 'one');
    const backup = disks.alpha.backup();
    await mesh.alpha.change([a], (tx) => tx.mint(a, graveDraft(peerNamed('alpha'), []), tx.known(a), 'none'));
    await read('bravo', 'alpha');
    await restoreFrom('alpha', backup);
    await read('bravo', 'alpha');
    await read('alpha', 'bravo');
    for (const name of ['alpha', 'bravo'] as const) expect(mesh[name].view(a)?.contents).toEqual([]);
  });

  it('replaces its copy only when all its pieces have come', async () => {
    for (const text of ['1', '2', '3']) await make('alpha', path(text), text);
    await read('bravo', 'alpha');
    const index = peerNamed('alpha');
    await restoreFrom('alpha', new StoreDisk());
    for (const text of ['4', '5', '6']) await make('alpha', path(text), text);
    const { trail } = mesh.alpha.index(index) ?? { trail: [] };
    const page = await mesh.alpha.read(index, 0, 2);
    const first = { index, trail, after: 0, upTo: page.upTo, whole: true, last: false, records: page.records };
    expect(await mesh.bravo.take(first, true)).toBe(true);
    expect(mesh.bravo.paths('', 9)).toEqual(['1', '2', '3']);
    const rest = await mesh.alpha.read(index, page.upTo, 9);
    expect(await mesh.bravo.take({ ...first, after: page.upTo, upTo: rest.upTo, last: true, records: rest.records }, true)).toBe(
      true,
    );
    expect(mesh.bravo.paths('', 9)).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(mesh.bravo.paths('', 9).filter((one) => mesh.bravo.own(one).length > 0)).toEqual(['1', '2', '3']);
    expect(mesh.bravo.index(index)?.sequence).toBe(3);
  });

  it('is as its owner says while the owner is linked, else as more starts say', async () => {
    await make('alpha', a, 'one');
    await open('alpha');
    await make('alpha', a, 'two');
    await read('charlie', 'alpha');
    await restoreFrom('alpha', new StoreDisk());
    await make('alpha', b, 'anew');
    await read('bravo', 'alpha');
    live('bravo', peerNamed('alpha'));
    expect(await read('bravo', 'charlie', 'alpha')).toBe(false);
    mesh.bravo.peers.remove(peerNamed('alpha'));
    expect(await read('bravo', 'charlie', 'alpha')).toBe(true);
    expect(mesh.bravo.index(peerNamed('alpha'))).toEqual(mesh.charlie.index(peerNamed('alpha')));
    expect(contents('bravo', b)).toEqual([contentOf('anew')]);
    expect(await read('charlie', 'bravo', 'alpha')).toBe(true);
  });

  it('is read anew by who stood where the two histories part', async () => {
    await make('alpha', a, 'one');
    await make('alpha', b, 'two');
    await make('alpha', path('d'), 'behind');
    const backup = disks.alpha.backup();
    // In the history that is lost `a` moves beyond where bravo stops reading.
    await open('alpha');
    await make('alpha', a, 'three');
    const index = peerNamed('alpha');
    const { trail } = mesh.alpha.index(index) ?? { trail: [] };
    const page = await mesh.alpha.read(index, 0, 1);
    await mesh.bravo.take({ index, trail, after: 0, upTo: page.upTo, whole: true, last: false, records: page.records }, true);
    expect(mesh.bravo.paths('', 9)).toEqual(['b']);
    await restoreFrom('alpha', backup);
    await make('alpha', path('c'), 'four');
    await read('bravo', 'alpha');
    await read('bravo', 'alpha');
    expect(mesh.bravo.view(a)).toEqual(mesh.alpha.view(a));
    expect(mesh.bravo.paths('', 9)).toEqual(['a', 'b', 'c', 'd']);
  });
});
