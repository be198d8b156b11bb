import type { Catalog } from '../catalog/catalog.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import type { PeerStatus } from '../catalog/peer-table.ts';
import type { ContentHash, FilePath, PeerId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import { hasRoom } from '../core/placement.ts';
import { planStripes } from '../core/stripe-plan.ts';
import { copiesOf, keepersOf, STRIPE_BYTES_MIN } from '../core/striping.ts';
import type { Clock, Timer } from '../platform/clock.ts';

/** A client waits for the copies of its change at least so long… */
const WAIT_MS = 10_000;
/** …and a millisecond more for so many bytes: 2 MB/s is a slow wireless link. */
const BYTES_PER_MS = 2_000;
/** Bytes that lie there already are announced within so long. */
const TOLD_MS = 2_000;
/** Whether copies can come at all is looked at anew so often. */
const LOOK_MS = 250;
/** Peers named in one note. */
const NAMED_MAX = 3;

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly waiters: PathWaiters;
  /** Why a path gets no more copies for now, as far as its owner tried; undefined: it may still get them. Never rejects. */
  readonly reasonOf: (path: FilePath) => Promise<string | undefined>;
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

  /**
   * For a content made here: until R live holders announced it, or nobody else can take it, or the wait is over. `isMoved`:
   * whoever held it under its old name needs no room for it.
   */
  async ofContent(path: FilePath, hash: ContentHash, isMoved = false): Promise<Kept> {
    const { catalog, waiters, clock } = this.#slice;
    const wanted = catalog.wantedCopies();
    const content = () => catalog.view(path)?.contents.find((one) => one.hash === hash);
    const copies = () => this.#liveCopies(content());
    const endMs = clock.now() + WAIT_MS + (content()?.size ?? 0) / BYTES_PER_MS;
    const lacks = () => content() !== undefined && copies() < wanted;
    const told = this.#reason(path);
    // Overwritten meanwhile: its successor is somebody else's to wait for.
    // What lies somewhere already, under another name or for a version to come, is told of within this time.
    const toldMs = isMoved || content()?.parts !== undefined ? clock.now() + TOLD_MS : 0;
    const mayGrow = () => clock.now() < toldMs || this.#canGrow(content());
    while (lacks() && clock.now() < endMs && mayGrow() && told.reason === undefined) {
      await waiters.until(path, () => !lacks(), LOOK_MS);
      if (lacks()) told.ask();
    }
    const current = content();
    if (current === undefined) return { copies: 1, wanted, note: 'changed or deleted again before it had its copies' };
    if (copies() >= wanted) return { copies: copies(), wanted };
    const why = told.reason ?? this.#why(current);
    return { copies: copies(), wanted, note: `kept on ${copies()} of ${wanted}: ${why}` };
  }

  /** The owner's reason, asked for beside the waiting, by one call at a time. */
  #reason(path: FilePath): { readonly reason: string | undefined; ask(): void } {
    let reason: string | undefined;
    let isAsking = false;
    const ask = async () => {
      isAsking = true;
      reason = await this.#slice.reasonOf(path);
      isAsking = false;
    };
    return {
      get reason() {
        return reason;
      },
      ask: () => {
        if (!isAsking) void ask();
      },
    };
  }

  /** For a tombstone: until R peers, or all that are up, have the own index durably up to `sequence`. `what` names it in the note. */
  async ofTombstone(sequence: number, what = 'the delete'): Promise<Kept> {
    const { catalog } = this.#slice;
    const wanted = catalog.wantedCopies();
    const others = () => catalog.peers.all().filter((one) => one.live && one.id !== catalog.self);
    const having = () => 1 + others().filter((one) => catalog.peers.readSequence(one.id) >= sequence).length;
    const enough = () => having() >= Math.min(wanted, 1 + others().length);
    await this.#until(enough, WAIT_MS);
    const copies = having();
    return copies >= wanted ? { copies, wanted } : { copies, wanted, note: `${what} is known to ${copies} of ${wanted} peers` };
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

  #liveCopies(content: Content | undefined): number {
    return content === undefined ? 0 : copiesOf(content, (peer) => this.#slice.catalog.peers.isServing(peer));
  }

  #hasLiveKeeper(content: Content): boolean {
    return keepersOf(content).some((peer) => this.#slice.catalog.peers.isServing(peer));
  }

  /** Somebody may take it from somebody who has it. */
  #canGrow(content: Content | undefined): boolean {
    if (content === undefined || !this.#hasLiveKeeper(content)) return false;
    // Whoever keeps runs of a new one tells so as soon as it has read of it.
    if (content.parts !== undefined && this.#liveCopies(content) === 0) return true;
    const { peers } = this.#slice.catalog;
    const takers = peers.all().filter((one) => this.#slice.catalog.peers.isServing(one.id) && !content.holders.includes(one.id));
    // Whoever has runs of a striped one is no taker for all of it.
    if (takers.some((one) => one.opening || (content.parts === undefined && hasRoom(one.load, content.size)))) return true;
    return content.parts !== undefined || content.size >= STRIPE_BYTES_MIN ? this.#canGrowInRuns(content, takers) : false;
  }

  /** Who has no room for all of it may have some for a part. What is on its way may be this very content. */
  #canGrowInRuns(content: Content, takers: readonly PeerStatus[]): boolean {
    const { catalog } = this.#slice;
    const candidates = takers.map(({ id, load }) => ({
      ...{ id, name: catalog.shownName(id), load },
      ...{ hasBytes: false, heldBase: false },
    }));
    const standing = (peer: PeerId) => (this.#slice.catalog.peers.isServing(peer) ? 'live' : 'away');
    const { masks, isComplete } = planStripes(content, candidates, { wanted: catalog.wantedCopies(), standing });
    const isToGrow = content.parts === undefined ? isComplete : masks.size > 0;
    return isToGrow || takers.some(({ load }) => load.incomingBytes > 0);
  }

  /** The reasons that can be seen from here. */
  #why(content: Content): string {
    const { peers } = this.#slice.catalog;
    const others = peers.all().filter((one) => !content.holders.includes(one.id));
    const nameOf = (peer: PeerId) => this.#slice.catalog.shownName(peer);
    if (!this.#hasLiveKeeper(content)) return `only ${named(keepersOf(content).map(nameOf))} had it, away now`;
    const full = others
      .filter((one) => this.#slice.catalog.peers.isServing(one.id) && !one.opening && !hasRoom(one.load, content.size))
      .map((one) => `${nameOf(one.id)} is full`);
    const opening = others.filter((one) => one.live && one.opening).map((one) => `${nameOf(one.id)} is still opening its folder`);
    const paused = others.filter((one) => one.live && one.paused !== undefined).map((one) => `${nameOf(one.id)} is paused`);
    const away = others.filter((one) => !one.live).map((one) => `${nameOf(one.id)} is away`);
    const reasons = [...full, ...opening, ...paused, ...away].slice(0, NAMED_MAX);
    if (reasons.length > 0) return reasons.join(', ');
    return this.#canGrow(content) ? 'more copies are on their way' : 'there is no other peer';
  }
}

/** As many as a sentence has room for. */
function named(names: readonly string[]): string {
  const more = names.length - NAMED_MAX;
  return more <= 0 ? names.join(', ') : `${names.slice(0, NAMED_MAX).join(', ')} and ${more} more`;
}
