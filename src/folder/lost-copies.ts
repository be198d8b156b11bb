import type { ContentHash, FilePath, PeerId } from '../core/ids.ts';
import { copiesOf, hasRun } from '../core/striping.ts';
import type { FileVersion } from '../core/version.ts';
import type { DiskPath, FileStat } from '../platform/disk.ts';
import type { Store, StoreWrite } from '../platform/store.ts';
import type { FolderOptions } from './face.ts';
import { decodeRow, encodeRow, LOST_KEYS, lostKey } from './rows.ts';
import { isSameStat } from './stats.ts';
import { rowsOf } from './store-queue.ts';

/**
 * What this peer told the mesh it has no more, while its file lies on at `disk`, or may: one below a folder out of reach, one
 * the disk cannot read, and wrong bytes, which are left where they are, or are kept in the trash, while nobody else has
 * right ones.
 */
export interface LostCopy {
  readonly path: FilePath;
  readonly hash: ContentHash;
  readonly disk: DiskPath;
  /** As of when it was held, or what was read of it was wrong. */
  readonly stat: FileStat;
  readonly why: 'out of reach' | 'unreadable' | 'wrong';
  /** What lies there is that run of the content; absent: all of it. */
  readonly run?: number;
}

interface LostRow extends LostCopy {
  /** What it was held for: none of what came later, were it there again. */
  readonly versions: readonly FileVersion[];
}

interface Remembered {
  readonly copy: LostCopy;
  /** Number of the last scan that met its file. */
  seenScan: number;
}

/** Copies that were lost and not deleted, by where their file lies: should it be there again, it is known what it is. */
export class LostCopies {
  readonly #options: FolderOptions;
  readonly #copies = new Map<DiskPath, Remembered>();

  constructor(options: FolderOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for await (const page of rowsOf(this.#options.store, LOST_KEYS)) {
      for (const { value } of page) {
        const { versions: _, ...copy } = decodeRow<LostRow>(value);
        this.set(copy, 0);
      }
    }
  }

  get size(): number {
    return this.#copies.size;
  }

  at(disk: DiskPath): LostCopy | undefined {
    return this.#copies.get(disk)?.copy;
  }

  /** Wrong bytes that nobody touched are no edit, and are not taken in. Who puts good ones back may put their mtime back as well. */
  isLeft(path: FilePath, stat: FileStat): boolean {
    const copy = this.at(path);
    return copy?.why === 'wrong' && isSameStat(copy.stat, stat);
  }

  async versionsOf(store: Store, { disk }: LostCopy): Promise<readonly FileVersion[]> {
    const value = await store.get(lostKey(this.#options.hasher, disk));
    return value === undefined ? [] : decodeRow<LostRow>(value).versions;
  }

  /** The write that remembers one. */
  row(copy: LostCopy, versions: readonly FileVersion[]): StoreWrite {
    return { key: lostKey(this.#options.hasher, copy.disk), value: encodeRow({ ...copy, versions } satisfies LostRow) };
  }

  rowGone(disk: DiskPath): StoreWrite {
    return { key: lostKey(this.#options.hasher, disk), value: undefined };
  }

  set(copy: LostCopy, scanNumber: number): void {
    this.#copies.set(copy.disk, { copy, seenScan: scanNumber });
  }

  delete(disk: DiskPath): void {
    this.#copies.delete(disk);
  }

  /** A scan met a file there. */
  see(path: FilePath, scanNumber: number): void {
    const remembered = this.#copies.get(path);
    if (remembered !== undefined) remembered.seenScan = scanNumber;
  }

  /** Plain ones whose file that scan did not meet. */
  unseen(scanNumber: number): LostCopy[] {
    const unseen = [...this.#copies.values()].filter(({ copy, seenScan }) => copy.disk === copy.path && seenScan < scanNumber);
    return unseen.map(({ copy }) => copy);
  }

  /** Plain ones left where they are that keep right bytes, or newer ones, out. */
  inTheWay(): LostCopy[] {
    const left = [...this.#copies.values()].filter(({ copy }) => copy.disk === copy.path && copy.why !== 'out of reach');
    return left.flatMap(({ copy }) => (this.isAlone(copy) ? [] : [copy]));
  }

  /**
   * True for a place in the trash of bytes that nobody who is there has right: of wrong ones most may still be good, and who is
   * away may never come back.
   */
  isOnlyOne(disk: DiskPath): boolean {
    const copy = this.at(disk);
    if (copy === undefined || copy.disk === copy.path) return false;
    const { self, peers } = this.#options.ledger;
    return this.#isOnly(copy, (peer) => this.#isMember(peer) && (peer === self || peers.isLive(peer)));
  }

  /** Those whose file in the trash was removed. */
  async removed(): Promise<LostCopy[]> {
    const removed: LostCopy[] = [];
    for (const copy of this.#asides()) if ((await this.#options.disk.stat(copy.disk)) === undefined) removed.push(copy);
    return removed;
  }

  #asides(): LostCopy[] {
    return [...this.#copies.values()].map(({ copy }) => copy).filter(({ disk, path }) => disk !== path);
  }

  /** The mesh counts it as current, and no other member says that it has all of it. */
  isAlone(copy: Pick<LostCopy, 'path' | 'hash'>): boolean {
    const { self } = this.#options.ledger;
    const content = this.#contentOf(copy);
    return content !== undefined && copiesOf(content, (peer) => peer !== self && this.#isMember(peer)) === 0;
  }

  /** For a person. */
  notKept(): { path: string; reason: string }[] {
    const left = [...this.#copies.values()].filter(({ copy }) => copy.why === 'wrong' && copy.disk === copy.path);
    const words = 'wrong bytes, and no other peer has it';
    const isMember = (peer: PeerId) => this.#isMember(peer);
    return [
      ...left.map(({ copy: { path } }) => ({ path, reason: `${words}: the file is left as it is` })),
      ...this.#asides().flatMap((copy) =>
        this.#isOnly(copy, isMember) ? [{ path: copy.path, reason: `${words}: they lie in ${copy.disk}` }] : [],
      ),
    ];
  }

  #isOnly(copy: LostCopy, counts: (peer: PeerId) => boolean): boolean {
    const { run } = copy;
    const content = this.#contentOf(copy);
    if (content === undefined || run === undefined) return content !== undefined && copiesOf(content, counts) === 0;
    return !content.holders.some(counts) && ![...(content.parts ?? [])].some(([peer, mask]) => counts(peer) && hasRun(mask, run));
  }

  #isMember(peer: PeerId): boolean {
    const { ledger } = this.#options;
    return peer === ledger.self || ledger.members().has(peer);
  }

  #contentOf({ path, hash }: Pick<LostCopy, 'path' | 'hash'>) {
    return this.#options.ledger.view(path)?.contents.find((content) => content.hash === hash);
  }
}
