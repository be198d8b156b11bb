import type { ContentHash } from '../core/ids.ts';
import type { Store, StoreWrite } from '../platform/store.ts';
import type { HeldTable } from './held-table.ts';
import { Hooks, hooksOf } from './hooks.ts';
import type { Manifests } from './manifests.ts';
import type { OldCopies } from './old-copies.ts';
import { HOOK_KEYS, hooksKey, manifestKey, manifestKeys } from './rows.ts';
import type { RunsTable } from './runs-table.ts';
import { rowsOf, type StoreQueue } from './store-queue.ts';

/** Bytes of a manifest in one value of the store. */
const PIECE_BYTES = 512 * 1024;
/** Rows of one manifest. */
const PIECES_MAX = 1_000;
/** Manifests removed in one write. */
const SWEPT_MAX = 100;

interface Writes {
  readonly writes: readonly StoreWrite[];
  /** To be called once they are durable. */
  readonly noted: () => void;
}

/** Small contents have no manifests to be kept. */
const NO_WRITES: Writes = { writes: [], noted: () => {} };

/** What it needs of the room. */
interface Slice {
  readonly store: Store;
  readonly queue: StoreQueue;
  /** Of what was read lately. */
  readonly manifests: Manifests;
  readonly held: HeldTable;
  readonly runs: RunsTable;
  readonly old: OldCopies;
}

/**
 * The manifests of the large contents that lie here whole or in runs, or are kept as older ones: in the store, each with a
 * row of its hooks, by which it is found. Written with the record of the content or before it; swept when nothing needs them.
 */
export class KeptManifests {
  readonly #slice: Slice;
  readonly #hooks = new Hooks();
  readonly #kept = new Set<ContentHash>();
  /** Found useless by the last sweep: an act that is under way may be about to record the content. */
  #useless = new Set<ContentHash>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** Call after the other tables are loaded. */
  async load(): Promise<void> {
    for await (const page of rowsOf(this.#slice.store, HOOK_KEYS))
      for (const { key, value } of page) this.#note(key.slice(HOOK_KEYS.from.length) as ContentHash, value);
  }

  has(hash: ContentHash): boolean {
    return this.#kept.has(hash);
  }

  get count(): number {
    return this.#kept.size;
  }

  /** Contents whose manifests may have some of these chunks, the likeliest first; some may be gone. */
  like(keys: Int32Array): ContentHash[] {
    return this.#hooks.like(keys);
  }

  /** The encoded manifest, not verified: of what was read lately, or from the store. */
  async of(hash: ContentHash): Promise<Uint8Array | undefined> {
    const { manifests } = this.#slice;
    const read = manifests.of(hash);
    if (read !== undefined) return read;
    const rows = await this.#slice.store.range({ ...manifestKeys(hash), limit: PIECES_MAX });
    if (rows.length === 0) return undefined;
    const manifest = Buffer.concat(rows.map(({ value }) => value));
    manifests.keep(hash, manifest);
    return manifest;
  }

  /** What is to be written with the record of a content that was just read. */
  writesFor(hashes: readonly ContentHash[]): Writes {
    if (!hashes.some((hash) => this.#slice.manifests.of(hash) !== undefined)) return NO_WRITES;
    const writes: StoreWrite[] = [];
    const hooks = new Map<ContentHash, Uint8Array>();
    for (const hash of hashes) {
      // A sweep that found nobody in need of it may be about to remove it.
      const isSure = this.#kept.has(hash) && !this.#useless.has(hash);
      const manifest = isSure || hooks.has(hash) ? undefined : this.#slice.manifests.of(hash);
      if (manifest === undefined) continue;
      this.#useless.delete(hash);
      hooks.set(hash, hooksOf(manifest));
      writes.push(...piecesOf(hash, manifest), { key: hooksKey(hash), value: hooks.get(hash) });
    }
    const noted = () => {
      for (const [hash, value] of hooks) this.#note(hash, value);
    };
    return { writes, noted };
  }

  /** Keeps one that was made anew, or came. */
  async save(hash: ContentHash, manifest: Uint8Array): Promise<void> {
    const hooks = hooksOf(manifest);
    this.#useless.delete(hash);
    await this.#slice.queue.write([...piecesOf(hash, manifest), { key: hooksKey(hash), value: hooks }]);
    this.#note(hash, hooks);
  }

  /** What is to be written to forget one; call `forgotten` once it is. */
  async removal(hash: ContentHash): Promise<{ readonly writes: readonly StoreWrite[]; readonly forgotten: () => void }> {
    const { store } = this.#slice;
    const rows = await store.range({ ...manifestKeys(hash), limit: PIECES_MAX });
    const hooks = await store.get(hooksKey(hash));
    const keys = [...rows.map(({ key }) => key), ...(hooks === undefined ? [] : [hooksKey(hash)])];
    const forgotten = () => {
      this.#kept.delete(hash);
      if (hooks !== undefined) this.#hooks.remove(hash, hooks);
    };
    return { writes: keys.map((key) => ({ key, value: undefined })), forgotten };
  }

  /** True while something here is made of that content, or was. */
  isNeeded(hash: ContentHash): boolean {
    const { held, old, runs } = this.#slice;
    return held.hasHash(hash) || old.hasHash(hash) || runs.at(hash) !== undefined;
  }

  /**
   * Removes those that nothing here needs. `isQuiet`: no acts are under way; else only what the last sweep found useless too.
   */
  async sweep(isQuiet: boolean): Promise<void> {
    const found = [...this.#kept].filter((hash) => !this.isNeeded(hash));
    const sure = found.filter((hash) => isQuiet || this.#useless.has(hash));
    this.#useless = new Set(found);
    for (let at = 0; at < sure.length; at += SWEPT_MAX) {
      const part = sure.slice(at, at + SWEPT_MAX).filter(this.#isUseless);
      const drawn = await Promise.all(part.map((hash) => this.removal(hash)));
      // Meanwhile somebody may have begun to write it anew.
      const removals = drawn.filter((_, index) => this.#isUseless(part[index] as ContentHash));
      await this.#slice.queue.write(removals.flatMap(({ writes }) => writes));
      for (const { forgotten } of removals) forgotten();
    }
  }

  readonly #isUseless = (hash: ContentHash): boolean => this.#useless.has(hash) && !this.isNeeded(hash);

  #note(hash: ContentHash, hooks: Uint8Array): void {
    this.#useless.delete(hash);
    this.#kept.add(hash);
    this.#hooks.add(hash, hooks);
  }
}

function piecesOf(hash: ContentHash, manifest: Uint8Array): StoreWrite[] {
  const writes = [];
  for (let at = 0, piece = 0; at < manifest.length; at += PIECE_BYTES, piece++)
    writes.push({ key: manifestKey(hash, piece), value: manifest.slice(at, at + PIECE_BYTES) });
  return writes;
}
