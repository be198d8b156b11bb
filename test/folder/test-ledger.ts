import type { FilePath, PeerId, WriterId } from '../../src/core/ids.ts';
import { type Holding, type IndexRecord, type PathView, viewOf } from '../../src/core/namespace.ts';
import { type Draft, isBefore, isSameVersion, makeVersion, mayWrite, type Version } from '../../src/core/version.ts';
import type { Ledger, LedgerTransaction } from '../../src/folder/folder.ts';
import type { Store, StoreWrite } from '../../src/platform/store.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What other peers announce: outlives the process under test. */
export class Others {
  readonly records: { peer: PeerId; path: FilePath; version: Version; holding: Holding }[] = [];
  readonly removed = new Set<PeerId>();
  readonly away = new Set<PeerId>();

  /** A peer says so. A record of it that the version dominates goes. */
  announce(peer: PeerId, path: FilePath, version: Version, holding: Holding = 'all'): void {
    const kept = this.records.filter(
      (one) => one.peer !== peer || one.path !== path || !(isBefore(one.version, version) || isSameVersion(one.version, version)),
    );
    this.records.splice(0, this.records.length, ...kept, { peer, path, version, holding });
  }
}

/** A ledger by the rules of core, durable in the store in one row a path; one change at a time. */
export class TestLedger implements Ledger {
  readonly self: PeerId;
  readonly #store: Store;
  readonly #others: Others;
  readonly #writer: WriterId;
  readonly #own = new Map<FilePath, IndexRecord[]>();
  #sequence = 0;
  #last: Promise<unknown> = Promise.resolve();
  readonly versions = { pack: (_: FilePath, version: Version) => packed(version), unpack: unpacked };
  /** Changes carried out. */
  changes = 0;

  constructor(self: PeerId, store: Store, others: Others, writer: string) {
    this.self = self;
    this.#store = store;
    this.#others = others;
    this.#writer = writer as WriterId;
  }

  members(): ReadonlyMap<PeerId, unknown> {
    const { records, removed } = this.#others;
    const ids = [this.self, ...records.map(({ peer }) => peer)].filter((peer) => !removed.has(peer));
    return new Map(ids.map((peer) => [peer, undefined]));
  }

  get peers() {
    return { isLive: (peer: PeerId) => !this.#others.away.has(peer) };
  }

  async load(): Promise<void> {
    const rows = await this.#store.range({ from: 'c/', to: 'c0', limit: 10_000 });
    for (const { value } of rows) {
      const records = JSON.parse(decoder.decode(value)) as IndexRecord[];
      if (records[0] !== undefined) this.#own.set(records[0].path, records);
    }
  }

  view(path: FilePath): PathView | undefined {
    return this.#viewWith(path, this.own(path));
  }

  own(path: FilePath): readonly IndexRecord[] {
    return this.#own.get(path) ?? [];
  }

  /** All own records, for assertions. */
  records(): IndexRecord[] {
    return [...this.#own.values()].flat();
  }

  change<T>(paths: readonly FilePath[], plan: (transaction: LedgerTransaction) => T): Promise<T> {
    const turn = this.#last.then(() => this.#change(paths, plan));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #change<T>(paths: readonly FilePath[], plan: (transaction: LedgerTransaction) => T): Promise<T> {
    const own = new Map<FilePath, IndexRecord[]>();
    const saved: StoreWrite[] = [];
    const ownOf = (path: FilePath) => {
      if (!paths.includes(path)) throw new Error(`${path} was not named`);
      return own.get(path) ?? this.#own.get(path) ?? [];
    };
    const knownOf = (path: FilePath) => [
      ...ownOf(path).map((record) => record.version),
      ...this.#others.records.filter((record) => record.path === path).map((record) => record.version),
    ];
    const put = (record: IndexRecord) => {
      const before = ownOf(record.path);
      if (before.some((one) => isBefore(record.version, one.version))) return;
      const kept = before.filter((one) => !isSameVersion(one.version, record.version) && !isBefore(one.version, record.version));
      own.set(record.path, [...kept, record]);
    };
    const result = plan({
      view: (path) => this.#viewWith(path, ownOf(path)),
      own: ownOf,
      known: knownOf,
      put,
      mint: (path: FilePath, draft: Draft, base: readonly Version[], holding: Holding) => {
        this.#sequence += 1;
        const oneOff = `${this.#sequence.toString(16).padStart(8, '0')}${this.#writer.slice(8)}` as WriterId;
        const own = { writer: this.#writer, counter: this.#sequence };
        const entry = mayWrite(own, base, knownOf(path)) ? own : { ...own, writer: oneOff };
        const version = makeVersion(draft, base, entry, knownOf(path));
        put({ path, version, holding });
        return version;
      },
      pack: (_, version) => packed(version),
      save: (key, value) => saved.push({ key, value }),
    });
    for (const [path, records] of own) saved.push({ key: rowKey(path), value: encoder.encode(JSON.stringify(records)) });
    await this.#store.batch(saved);
    for (const [path, records] of own) this.#own.set(path, records);
    this.changes += 1;
    return result;
  }

  #viewWith(path: FilePath, own: readonly IndexRecord[]): PathView | undefined {
    const others = this.#others.records.filter((record) => record.path === path);
    const records = [...own.map(({ version, holding }) => ({ peer: this.self, version, holding })), ...others];
    return records.length === 0 ? undefined : viewOf(path, records);
  }
}

function packed(version: Version): Uint8Array {
  return encoder.encode(JSON.stringify(version));
}

function unpacked(bytes: Uint8Array): Version {
  return JSON.parse(decoder.decode(bytes)) as Version;
}

function rowKey(path: FilePath): string {
  return `c/${encodeURIComponent(path)}`;
}
