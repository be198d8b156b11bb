import type { FilePath, PeerId } from '../core/ids.ts';
import { Owners } from '../core/ownership.ts';
import type { Load } from '../core/placement.ts';
import type { Address } from '../platform/network.ts';

/** What is known of one peer's process now. Volatile: made anew at each start. */
export interface PeerStatus {
  readonly id: PeerId;
  /** The name it gives itself; `shownName` of the catalog makes it unique. */
  readonly name: string;
  readonly address: Address | undefined;
  /** Where its page is: scheme, host and port. Absent: it serves none, or was not met. */
  readonly http?: string | undefined;
  readonly live: boolean;
  /** Clock.now() of the last change of `live`; for peers never seen by this process: of its start. */
  readonly sinceMs: number;
  /** Wall ms of the same moment, for people. */
  readonly sinceWallMs: number;
  /** It said goodbye: its absence is on purpose, and healing waits longer. */
  readonly saidGoodbye: boolean;
  readonly paused: string | undefined;
  /** Its folder is being opened: its load says nothing yet, and it takes nothing. */
  readonly opening: boolean;
  readonly caughtUp: boolean;
  readonly load: Load;
}

/**
 * Live peers, their loads, and reservations for what is on its way. The one place where behaviours learn of each other's
 * peers. The own peer is in it too, always live.
 */
export class PeerTable {
  readonly #statuses = new Map<PeerId, PeerStatus>();
  /** Until the table changes: they are asked for at each copy. */
  #all: readonly PeerStatus[] | undefined;
  readonly #listeners: (() => void)[] = [];
  readonly #read = new Map<PeerId, number>();
  readonly #readListeners: ((peer: PeerId) => void)[] = [];
  readonly #reserved = new Map<PeerId, { bytes: number; files: number }>();
  /** Until the table changes. */
  #owners: Owners | undefined;

  get(peer: PeerId): PeerStatus | undefined {
    return this.#statuses.get(peer);
  }

  all(): readonly PeerStatus[] {
    this.#all ??= [...this.#statuses.values()];
    return this.#all;
  }

  isLive(peer: PeerId): boolean {
    return this.#statuses.get(peer)?.live === true;
  }

  /** Its copies count, and it takes some: it lives, and believes its folder. */
  isServing(peer: PeerId): boolean {
    const status = this.#statuses.get(peer);
    return status?.live === true && status.paused === undefined;
  }

  /** Replaces what is known of a peer; listeners are told once, after. */
  set(status: PeerStatus): void {
    this.#statuses.set(status.id, status);
    this.#tell();
  }

  /** Changes some fields of a peer already known. */
  update(peer: PeerId, change: Partial<Omit<PeerStatus, 'id'>>): void {
    const before = this.#statuses.get(peer);
    if (before !== undefined) this.set({ ...before, ...change });
  }

  remove(peer: PeerId): void {
    if (this.#statuses.delete(peer)) this.#tell();
  }

  /** The owner of a name: of the peers that are live, unpaused and caught up. Undefined when there is none. */
  ownerOf(path: FilePath): PeerId | undefined {
    this.#owners ??= new Owners(
      this.all()
        .filter((one) => this.isServing(one.id) && one.caughtUp)
        .map((one) => one.id),
    );
    return this.#owners.of(path);
  }

  /** Counts what this peer has asked another to take, until `release` is called. */
  reserve(peer: PeerId, bytes: number): { release(): void } {
    this.#addReserved(peer, bytes, 1);
    let released = false;
    return {
      release: () => {
        if (!released) this.#addReserved(peer, -bytes, -1);
        released = true;
      },
    };
  }

  /** What this peer has asked another to take and does not see there yet. */
  reservedFor(peer: PeerId): { readonly bytes: number; readonly files: number } {
    return this.#reserved.get(peer) ?? { bytes: 0, files: 0 };
  }

  /** How far that peer has the own index durably, as it acknowledged; 0 when it never did. */
  readSequence(peer: PeerId): number {
    return this.#read.get(peer) ?? 0;
  }

  /** Notes an acknowledgement; does not count as a change of the table. */
  noteRead(peer: PeerId, sequence: number): void {
    this.#read.set(peer, sequence);
    for (const listener of this.#readListeners) listener(peer);
  }

  onRead(listener: (peer: PeerId) => void): void {
    this.#readListeners.push(listener);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #addReserved(peer: PeerId, bytes: number, files: number): void {
    const before = this.#reserved.get(peer) ?? { bytes: 0, files: 0 };
    const after = { bytes: before.bytes + bytes, files: before.files + files };
    if (after.files === 0) this.#reserved.delete(peer);
    else this.#reserved.set(peer, after);
  }

  #tell(): void {
    this.#all = undefined;
    this.#owners = undefined;
    for (const listener of this.#listeners) listener();
  }
}
