import type { Catalog } from '../catalog/catalog.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import type { ContentHash, FilePath, PeerId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import { hasRoom } from '../core/placement.ts';
import { wantedCopies } from '../core/settings.ts';
import type { Clock, Timer } from '../platform/clock.ts';

/** A client waits for the copies of its change at least so long… */
const WAIT_MS = 10_000;
/** …and a millisecond more for so many bytes: 2 MB/s is a slow wireless link. */
const BYTES_PER_MS = 2_000;
/** Whether copies can come at all is looked at anew so often. */
const LOOK_MS = 250;

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly waiters: PathWaiters;
}

/** How a change stands when the client is told. */
export interface Kept {
  readonly copies: number;
  readonly wanted: number;
  /** Why there are fewer copies than wanted, in words. */
  readonly note?: string;
}

/** Waits until a change is as safe as it can be now: R copies, or all that can be had with the reason in words. */
export class Copies {
  readonly #slice: Slice;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** For a content made here: until R live holders announced it, or nobody else can take it, or the wait is over. */
  async ofContent(path: FilePath, hash: ContentHash): Promise<Kept> {
    const { catalog, waiters, clock } = this.#slice;
    const wanted = wantedCopies(catalog.facts());
    const content = () => catalog.view(path)?.contents.find((one) => one.hash === hash);
    const copies = () => this.#live(content()).length;
    const endMs = clock.now() + WAIT_MS + (content()?.size ?? 0) / BYTES_PER_MS;
    // Overwritten meanwhile: its successor is somebody else's to wait for.
    while (content() !== undefined && copies() < wanted && clock.now() < endMs && this.#canGrow(content())) {
      await waiters.until(path, () => content() === undefined || copies() >= wanted, LOOK_MS);
    }
    const current = content();
    if (current === undefined || copies() >= wanted) return { copies: Math.max(1, copies()), wanted };
    return { copies: copies(), wanted, note: this.#note(current, wanted) };
  }

  /** For a tombstone: until R peers, or all that are up, have the own index durably up to `sequence`. */
  async ofTombstone(sequence: number): Promise<Kept> {
    const { catalog } = this.#slice;
    const wanted = wantedCopies(catalog.facts());
    const others = () => catalog.peers.all().filter((one) => one.live && one.id !== catalog.self);
    const having = () => 1 + others().filter((one) => catalog.peers.readSequence(one.id) >= sequence).length;
    const enough = () => having() >= Math.min(wanted, 1 + others().length);
    await this.#until(enough, WAIT_MS);
    const copies = having();
    return copies >= wanted
      ? { copies, wanted }
      : { copies, wanted, note: `the delete is known to ${copies} of ${wanted} peers` };
  }

  #until(holds: () => boolean, deadlineMs: number): Promise<void> {
    if (holds()) return Promise.resolve();
    const endMs = this.#slice.clock.now() + deadlineMs;
    return new Promise((resolve) => {
      const look = () => {
        if (holds() || this.#slice.clock.now() >= endMs) {
          this.#looks.delete(look);
          resolve();
        }
      };
      this.#looks.add(look);
      this.#listen();
      this.#tick();
    });
  }

  readonly #looks = new Set<() => void>();
  #listening = false;
  #ticker: Timer | undefined;

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#slice.catalog.peers.onRead(() => this.#lookAll());
  }

  #tick(): void {
    this.#ticker ??= this.#slice.clock.after(LOOK_MS, () => {
      this.#ticker = undefined;
      this.#lookAll();
      if (this.#looks.size > 0) this.#tick();
    });
  }

  #lookAll(): void {
    for (const look of [...this.#looks]) look();
  }

  #live(content: Content | undefined): PeerId[] {
    return (content?.holders ?? []).filter((peer) => this.#isLive(peer));
  }

  #isLive(peer: PeerId): boolean {
    const status = this.#slice.catalog.peers.get(peer);
    return status?.live === true && status.paused === undefined;
  }

  #canGrow(content: Content | undefined): boolean {
    if (content === undefined) return false;
    const { peers } = this.#slice.catalog;
    return peers
      .all()
      .some((one) => this.#isLive(one.id) && !content.holders.includes(one.id) && hasRoom(one.load, content.size));
  }

  #note(content: Content, wanted: number): string {
    const { peers } = this.#slice.catalog;
    const others = peers.all().filter((one) => !content.holders.includes(one.id));
    const nameOf = (peer: PeerId) => this.#slice.catalog.shownName(peer);
    const full = others
      .filter((one) => this.#isLive(one.id) && !hasRoom(one.load, content.size))
      .map((one) => `${nameOf(one.id)} is full`);
    const paused = others.filter((one) => one.live && one.paused !== undefined).map((one) => `${nameOf(one.id)} is paused`);
    const away = others.filter((one) => !one.live).map((one) => `${nameOf(one.id)} is away`);
    const reasons = [...full, ...paused, ...away].slice(0, 3);
    const why =
      reasons.length > 0
        ? reasons.join(', ')
        : this.#canGrow(content)
          ? 'more copies are on their way'
          : 'there is no other peer';
    return `kept on ${this.#live(content).length} of ${wanted}: ${why}`;
  }
}
