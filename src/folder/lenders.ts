import { MANIFEST_FILE_BYTES_MIN } from '../core/chunking.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import { hasRun, NO_RUNS, runAround } from '../core/striping.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Copies } from './copies.ts';
import { openNoted } from './copying.ts';
import type { Asker, Copy } from './face.ts';
import type { Room } from './room.ts';
import { RunsReader } from './runs-reader.ts';
import { type HeldRuns, keyOf, runsFor } from './runs-table.ts';

/** Contents that are asked for chunks, of those that may have some: their manifests are read. Range 1–32. */
const LENDERS_MAX = 8;

/** A content that lies here and may share chunks with one that is to come. */
export interface Lender {
  readonly size: number;
  /** Undefined when it is not known. */
  manifest(): Promise<Uint8Array | undefined>;
  /** True when these bytes of it, one chunk, lie here. */
  has(offset: number, length: number): boolean;
  open(): Promise<Copy>;
  /** It had wrong bytes, or its manifest is not its own. */
  doubt(): void;
}

/** Finds the contents here that may lend chunks: older ones of the same name, and what the hooks tell of. */
export class Lenders {
  readonly #room: Room;
  readonly #copies: Copies;

  constructor(room: Room, copies: Copies) {
    this.#room = room;
    this.#copies = copies;
  }

  /** True when some content here may have chunks of a large one: then its manifest is worth asking for. */
  areThere(path: FilePath): boolean {
    return this.#room.kept.count > 0 || this.#ofName(path).length > 0;
  }

  /**
   * The likeliest first: the content itself, when it lies here under another name or in runs, then others of its name.
   *
   * @param manifest of the content.
   * @param keys of the chunks that are wanted.
   * @param asker for whom: what they do not see lends nothing, and they cannot tell whether it is here.
   */
  find(path: FilePath, hash: ContentHash, manifest: Uint8Array, keys: Int32Array, asker?: Asker): Lender[] {
    const itself = this.#lender(hash, path, asker);
    const found: Lender[] = itself === undefined ? [] : [{ ...itself, manifest: () => Promise.resolve(manifest) }];
    for (const other of new Set([...this.#ofName(path), ...this.#room.kept.like(keys)])) {
      const lender = other === hash ? undefined : this.#lender(other, path, asker);
      if (lender !== undefined) found.push(lender);
      if (found.length >= LENDERS_MAX) break;
    }
    return found;
  }

  /** What lies here of that name, then what did. */
  #ofName(path: FilePath): ContentHash[] {
    const { held, old, runs } = this.#room;
    const { chunkedBytesMin = MANIFEST_FILE_BYTES_MIN } = this.#room.options.config;
    const whole = [...held.copies(path).map(({ hash, stat }) => ({ hash, size: stat.size })), ...old.of(path)]
      .filter(({ size }) => size >= chunkedBytesMin)
      .map(({ hash }) => hash);
    return [...new Set([...whole, ...runs.hashesOf(path)])].slice(0, LENDERS_MAX);
  }

  #lender(hash: ContentHash, path: FilePath, asker: Asker | undefined): Lender | undefined {
    const { held, old, runs } = this.#room;
    const isSeen = (one: { readonly path: FilePath }) => asker === undefined || asker.sees(one.path);
    const copy = [...held.withHash(hash)].find(isSeen);
    if (copy !== undefined) return this.#held(held.find(path, hash)?.path ?? copy.path, hash, copy.stat.size);
    const row = old.withHash(hash).find(isSeen);
    if (row !== undefined) return this.#old(row);
    const striped = runs.at(hash);
    const mask = striped === undefined ? NO_RUNS : runsFor(striped, asker);
    return striped === undefined || mask === NO_RUNS ? undefined : this.#striped({ ...striped, mask });
  }

  #held(path: FilePath, hash: ContentHash, size: number): Lender {
    return {
      size,
      manifest: () => this.#copies.manifest(path, hash),
      has: () => true,
      open: () => this.#copies.open(path, hash),
      doubt: () => this.#room.spawn('looking at a copy', async () => void (await this.#copies.verify(path, hash))),
    };
  }

  #old({ hash, size, disk }: { hash: ContentHash; size: number; disk: DiskPath }): Lender {
    return {
      size,
      manifest: () => this.#room.kept.of(hash),
      has: () => true,
      open: () => openNoted(this.#room, { disk }),
      doubt: () => {},
    };
  }

  #striped(runs: HeldRuns): Lender {
    const { size, ends } = runs;
    return {
      size,
      manifest: () => this.#room.kept.of(keyOf(runs)),
      has: (offset, length) => {
        const around = runAround(ends, { offset, length });
        return around !== undefined && hasRun(runs.mask, around.run);
      },
      open: async () => new RunsReader(this.#room, runs, () => {}),
      doubt: () => {},
    };
  }
}
