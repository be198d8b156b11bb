import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Catalog, NumberedRecord } from '../../src/catalog/catalog.ts';
import type { FilePath, RequestId } from '../../src/core/ids.ts';
import { type Draft, isBefore, type Version, versionKey } from '../../src/core/version.ts';
import { fullDisk, MemoryStore, StoreDisk } from './memory-store.ts';
import { fileDraft, graveDraft, openCatalog, path, peerNamed, syncIndex } from './mesh-of-catalogs.ts';

const PEERS = 3;
const PATHS: readonly FilePath[] = ['a', 'b', 'Dir/a', 'dir/a'].map(path);
/** Rounds in which everybody reads everybody before all must agree: one more for what a replaced copy handed on. */
const ROUNDS = 5;

const peer = fc.nat(PEERS - 1);
const at = fc.constantFrom(...PATHS);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('make' as const),
      peer,
      at,
      content: fc.nat(3),
      kind: fc.constantFrom('file', 'file', 'file', 'found', 'tombstone'),
      request: fc.option(fc.nat(4), { nil: undefined }),
      /** Which of the versions known it descends from: bit by bit. */
      base: fc.nat(7),
    }),
  },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('record' as const), peer, at, which: fc.nat(5), all: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('read' as const),
      peer,
      teller: peer,
      index: peer,
      pieces: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('crash' as const), peer }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('back up' as const), peer }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('restore' as const), peer }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('fill' as const), peer, full: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Machine {
  disk: StoreDisk;
  backup: StoreDisk;
  store: MemoryStore;
  catalog: Catalog;
}

/** Three catalogs, and everything that was ever made. */
class Mesh {
  readonly machines: Machine[] = [];
  readonly made = new Map<FilePath, Version[]>();
  #seed = 1;

  async start(): Promise<void> {
    for (let index = 0; index < PEERS; index++) {
      this.machines.push({ disk: new StoreDisk(), backup: new StoreDisk() } as Machine);
      await this.open(index);
    }
  }

  async open(index: number): Promise<void> {
    const machine = this.machines[index] as Machine;
    machine.store = new MemoryStore(machine.disk);
    this.#seed += 1;
    machine.catalog = await openCatalog(peerNamed(`peer ${index}`), machine.store, this.#seed);
  }

  of(index: number): Machine {
    return this.machines[index] as Machine;
  }

  /** The plan notes what it made even when that never becomes durable: its counter is used all the same. */
  make({ peer: index, at: where, content, kind, request, base }: Extract<Step, { act: 'make' }>): Promise<unknown> {
    const { catalog } = this.of(index);
    const asked = request === undefined ? {} : { request: String(request).padStart(32, '0') as RequestId };
    const file = fileDraft(catalog.self, `content ${content}`, { found: kind === 'found' });
    const draft = { ...(kind === 'tombstone' ? graveDraft(catalog.self, []) : file), ...asked } as Draft;
    return catalog.change([where], (tx) => {
      const known = (tx.view(where)?.known ?? []).map((one) => one.version);
      const version = tx.mint(
        where,
        draft,
        known.filter((_, bit) => (base >> bit) & 1),
        'all',
      );
      const versions = this.made.get(where) ?? [];
      expect(versions.map(versionKey)).not.toContain(versionKey(version));
      this.made.set(where, [...versions, version]);
    });
  }

  async read(reader: number, teller: number, index: number, pieces: number): Promise<void> {
    const { catalog } = this.of(reader);
    const before = PATHS.map((one) => [one, knownTo(catalog, one)] as const);
    await syncIndex(this.of(teller).catalog, catalog, peerNamed(`peer ${index}`), pieces);
    for (const [where, versions] of before) {
      const after = new Set(knownTo(catalog, where).map(versionKey));
      const forgotten = versions.filter((version) => !after.has(versionKey(version)));
      const made = this.made.get(where) ?? [];
      expect(forgotten.filter((version) => !made.some((other) => isBefore(version, other)))).toEqual([]);
    }
  }

  async run(one: Step): Promise<void> {
    const machine = this.of(one.peer);
    if (one.act === 'make') await this.make(one).catch(refused);
    if (one.act === 'record') await recordOne(machine.catalog, one).catch(refused);
    if (one.act === 'read') await this.read(one.peer, one.teller, one.index, one.pieces).catch(refused);
    if (one.act === 'crash') await this.crash(one.peer);
    if (one.act === 'back up') machine.backup = machine.disk.backup();
    if (one.act === 'restore') {
      machine.store.crash();
      machine.disk = machine.backup.backup();
      await this.open(one.peer);
    }
    if (one.act === 'fill') machine.store.refusal = one.full ? fullDisk() : undefined;
  }

  /** In the middle of a change. */
  async crash(index: number): Promise<void> {
    const { store } = this.of(index);
    store.hold();
    void this.make({ act: 'make', peer: index, at: PATHS[0] as FilePath, content: 9, kind: 'file', request: undefined, base: 0 });
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    store.crash();
    await this.open(index);
  }

  async settle(): Promise<void> {
    for (const { store } of this.machines) store.refusal = undefined;
    for (let round = 0; round < ROUNDS; round++) {
      for (let reader = 0; reader < PEERS; reader++) {
        for (let teller = 0; teller < PEERS; teller++) {
          if (reader !== teller) await this.read(reader, teller, teller, 3);
        }
      }
    }
  }
}

function refused(reason: unknown): void {
  expect(reason).toMatchObject({ code: 'full' });
}

function knownTo(catalog: Catalog, where: FilePath): Version[] {
  return (catalog.view(where)?.known ?? []).map((one) => one.version);
}

async function recordOne(catalog: Catalog, { at: where, which, all }: Extract<Step, { act: 'record' }>): Promise<void> {
  await catalog.change([where], (tx) => {
    const known = tx.known(where);
    const version = known[which % Math.max(known.length, 1)];
    if (version !== undefined) tx.put({ path: where, version, holding: all ? 'all' : 'none' });
  });
}

const views = (catalog: Catalog) => PATHS.map((where) => catalog.view(where));

it('three catalogs that changed, crashed, were restored and read in any order show the same once each read all', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      const mesh = new Mesh();
      await mesh.start();
      for (const one of steps) await mesh.run(one);
      await mesh.settle();
      const [first, ...others] = mesh.machines.map(({ catalog }) => views(catalog));
      for (const other of others) expect(other).toEqual(first);
    }),
    { numRuns: 300 },
  );
});

it('a catalog opened anew shows what it showed, and pages through its indexes give every record once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 3 }), async (steps, limit) => {
      const mesh = new Mesh();
      await mesh.start();
      for (const one of steps) await mesh.run(one);
      for (let index = 0; index < PEERS; index++) {
        const before = mesh.of(index).catalog;
        const state = [before.indexes().map(({ peer: id, trail, sequence }) => ({ id, trail, sequence })), views(before)];
        const told = await allRecords(before, limit);
        await mesh.open(index);
        const after = mesh.of(index).catalog;
        expect([after.indexes().map(({ peer: id, trail, sequence }) => ({ id, trail, sequence })), views(after)]).toEqual(state);
        // What is told from memory is what the store has.
        expect(await allRecords(after, limit)).toEqual(told);
        expect(await allRecords(after, 9_000)).toEqual(told);
      }
    }),
    { numRuns: 300 },
  );
});

async function allRecords(catalog: Catalog, limit: number): Promise<NumberedRecord[][]> {
  return Promise.all(
    catalog.indexes().map(async ({ peer: id }) => {
      const records: NumberedRecord[] = [];
      for (let after = 0; ; ) {
        const page = await catalog.read(id, after, limit);
        records.push(...page.records);
        if (page.last) return records;
        after = page.upTo;
      }
    }),
  );
}
