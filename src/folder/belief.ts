import { asMeshError, MeshError } from '../core/errors.ts';
import type { Timer } from '../platform/clock.ts';
import type { RootState } from '../platform/disk.ts';
import type { FolderOptions } from './face.ts';
import { encodeMarker, faultOfMarker, type Marker } from './marker.ts';
import { decodeRow, encodeRow, ROOT_KEY } from './rows.ts';

/** A paused folder is looked at so often: a disk mounted again is noticed while its user still looks. 500…60,000 ms. */
const PROBE_EVERY_MS = 3_000;
const PUT_BACK = 'Put back what was there, and it goes on by itself.';
const ANSWERS = `${PUT_BACK} If its files are gone for good on purpose, type \`filemesh resume --deleted\`; to go on with the folder as it is, type \`filemesh resume --restore\`: copies that are missing are made from those of other peers.`;
/** Going on with it would make edits of its older contents; a start finds out by its own store how old it is. */
const REPLACED = `Another folder was put in the place of this one. ${PUT_BACK} If it is an earlier state of it, such as a backup, or meant to be used from now on, stop the peer and start it again: then it is taken for what it is.`;

/**
 * How far the store knows this folder. `preparing`: its marker was about to be written. `finding`: the folder was marked
 * before this store began, and its first whole scan is not done yet. `ready`: all of that is done.
 */
type RootRow = { readonly phase: 'preparing' | 'finding' | 'ready' };

/**
 * Whether the folder is to be believed: the root is there and readable, the very folder of the start on the same device, with
 * this peer's marker, and not suddenly half empty. While it is not, the peer is paused.
 */
export class Belief {
  readonly #options: FolderOptions;
  readonly #changed: () => void;
  #device: number | undefined;
  #inode: number | undefined;
  #phase: RootRow['phase'] | undefined;
  #rootFault: string | undefined;
  #brake: string | undefined;
  #timer: Timer | undefined;
  #isStopped = false;

  /** @param changed called after `paused` changed. */
  constructor(options: FolderOptions, changed: () => void) {
    this.#options = options;
    this.#changed = changed;
  }

  get #marker(): Marker {
    return { mesh: this.#options.mesh(), peer: this.#options.ledger.self };
  }

  /** Why the folder is not believed, for a person; undefined while it is. */
  get paused(): string | undefined {
    return this.#rootFault ?? this.#brake;
  }

  /** True when the root itself is not believed: not even looking at it makes sense. */
  get isRootLost(): boolean {
    return this.#rootFault !== undefined;
  }

  /** What the scan under way meets was there before this store: found, not new. */
  get isFinding(): boolean {
    return this.#phase === 'finding';
  }

  /** Throws `paused` unless the folder is believed, as far as known without looking. */
  assert(): void {
    if (this.paused !== undefined) throw new MeshError('paused', this.paused);
  }

  /** Looks at the folder for the first time; a new one is prepared. Rejects when the folder cannot serve. */
  async begin(): Promise<void> {
    const { store, disk } = this.#options;
    const row = await store.get(ROOT_KEY);
    this.#phase = row === undefined ? undefined : decodeRow<RootRow>(row).phase;
    const root = await disk.probe();
    const isNew = this.#phase === undefined || this.#phase === 'preparing';
    if (
      root.state === 'present' &&
      isNew &&
      (root.marker === undefined || faultOfMarker(root.marker, this.#marker) === undefined)
    ) {
      // A marker that this store did not write tells that another store was here before.
      const isFound = root.marker !== undefined && this.#phase === undefined;
      // From this look on: the marker must not make a folder of whatever is mounted there a moment later.
      this.#device = root.device;
      if (!isFound) await this.#enter('preparing');
      await this.#mark(isFound ? 'finding' : 'ready');
    } else if (root.state === 'present' && this.#faultOf(root) === undefined) {
      this.#device = root.device;
      // Its private folders may be missing, and it may have been moved to a disk without hard links.
      await disk.prepare(encodeMarker(this.#marker));
    }
    await this.check();
  }

  /** Looks anew: true when the folder is believed now. To be asked before anything missing is believed. */
  async check(): Promise<boolean> {
    const before = this.paused;
    const root = await this.#looked();
    this.#rootFault = this.#faultOf(root);
    if (root.state === 'present' && this.#rootFault === undefined) {
      this.#device ??= root.device;
      this.#inode ??= root.inode;
    }
    if (this.#rootFault !== undefined) this.#probeLater();
    if (this.paused !== before) this.#changed();
    return this.paused === undefined;
  }

  /** A folder that takes no new file may have become another one: that is found out now, not at the next scan. */
  async orPaused<Staged>(stage: () => Promise<Staged>): Promise<Staged> {
    try {
      return await stage();
    } catch (thrown) {
      await this.check();
      this.assert();
      throw thrown;
    }
  }

  /** Looks anew: true when it is this peer's folder, whether or not what is missing in it is believed. */
  async isItself(): Promise<boolean> {
    await this.check();
    return this.#rootFault === undefined;
  }

  /** Too many files are missing at once. */
  pull(missing: number, of: number): void {
    this.#brake = `${missing} of the ${of} files of this folder are missing. ${ANSWERS}`;
    this.#changed();
  }

  releaseBrake(): void {
    if (this.#brake === undefined) return;
    this.#brake = undefined;
    this.#changed();
  }

  /**
   * A person said that this is the folder: it is marked anew, and its device counts from now on. Rejects when it cannot be, and
   * where another one with its marker was put in its place.
   */
  async adopt(): Promise<void> {
    const { disk } = this.#options;
    const root = await disk.probe();
    if (root.state !== 'present') throw new MeshError('paused', `the folder cannot be used: ${root.reason}`);
    if (this.#faultOf(root) === REPLACED) throw new MeshError('paused', REPLACED);
    await disk.prepare(encodeMarker(this.#marker));
    if (this.#phase !== 'finding') await this.#enter('ready');
    this.#device = root.device;
    // As of the next look.
    this.#inode = undefined;
    this.#brake = undefined;
    this.#rootFault = undefined;
    this.#changed();
  }

  /** The first whole scan of a folder marked before this store is taken in. */
  async finishFinding(): Promise<void> {
    if (this.#phase === 'finding') await this.#enter('ready');
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** The folder as it is; one whose marker went to another disk at the start is marked as soon as it is there again. */
  async #looked(): Promise<RootState> {
    const { disk } = this.#options;
    const root = await disk.probe();
    const isUnmarked = root.state === 'present' && root.marker === undefined && root.device === this.#device;
    if (this.#phase !== 'preparing' || !isUnmarked) return root;
    await this.#mark('ready');
    return disk.probe();
  }

  /** Prepares the folder. The phase ends only when it still is the disk first looked at: another may be mounted meanwhile. */
  async #mark(phase: RootRow['phase']): Promise<void> {
    const { disk } = this.#options;
    await disk.prepare(encodeMarker(this.#marker));
    const root = await disk.probe();
    // Mounted again since, it may be without the marker, which went to the other one.
    if (root.state === 'present' && root.device === this.#device && root.marker !== undefined) await this.#enter(phase);
  }

  #faultOf(root: RootState): string | undefined {
    if (root.state !== 'present') return `The folder is ${root.state}: ${root.reason}. ${ANSWERS}`;
    if (root.marker === undefined)
      return `The folder has lost its marker: another disk, or an emptied one, may lie there. ${ANSWERS}`;
    const fault = faultOfMarker(root.marker, this.#marker);
    if (fault !== undefined) return `The folder is not this peer's: ${fault}. ${ANSWERS}`;
    if (this.#device !== undefined && root.device !== this.#device)
      return `The folder is on another disk than at the start. ${ANSWERS}`;
    // A copy of it, as a backup is, has the marker, and what it lacks nobody deleted.
    const isReplaced = this.#inode !== undefined && root.inode !== this.#inode;
    return isReplaced ? REPLACED : undefined;
  }

  #probeLater(): void {
    this.#timer?.cancel();
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(PROBE_EVERY_MS, () => {
      this.check().catch((thrown) =>
        this.#options.log.error('the folder could not be looked at', { reason: asMeshError(thrown).message }),
      );
    });
  }

  async #enter(phase: RootRow['phase']): Promise<void> {
    const row: RootRow = { phase };
    await this.#options.store.batch([{ key: ROOT_KEY, value: encodeRow(row) }]);
    this.#phase = phase;
  }
}
