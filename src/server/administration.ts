import type { Catalog } from '../catalog/catalog.ts';
import type { PeerStatus } from '../catalog/peer-table.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import type { Rights } from '../core/rights.ts';
import { copiesOf, keepersOf } from '../core/striping.ts';
import type { Folder } from '../folder/folder.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ask, Reply } from '../wire/calls.ts';

import { firstWithin } from './answer-bytes.ts';
import { ALL_SEEN, type Sight } from './sessions.ts';

/** Tombstones above which `status` warns: they are never dropped yet. */
const TOMBSTONES_WARN = 1_000_000;
/** Paths counted in one step, so that a status of a large mesh blocks nobody: 8 ms at 16 µs a path. Range 100–1,000. */
const COUNT_STEP = 500;
/** A count is told again to whoever asks within so long, whatever changed. */
const COUNT_FRESH_MS = 2_000;
/** And within so many times as long as it took: whoever looks every second costs 1/20 of a core at most. Range 10–50. */
const COUNT_REST = 20;
/** People whose files are counted, each what they may see, in one walk for all: who asked last, within that time. In ms. */
const VIEWERS_MAX = 64;
const VIEWER_MS = 60_000;
/** Names told when a peer is to be removed. */
const ONLY_THERE_MAX = 1_000;

/** What administration needs of membership: its own slice. */
export interface MembershipSlice {
  inviteLine(): string;
  removeMember(peer: PeerId): Promise<void>;
  /** Another join line. */
  renewSecret(): Promise<void>;
  /** Every peer that is known to be a member is here. */
  isWhole(): boolean;
  setReplicas(value: number): Promise<void>;
  meshName(): string;
  warnings(): readonly string[];
}

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly membership: MembershipSlice;
  /** What whoever a sight was named after may see now. */
  readonly sightNamed: (name: string) => Sight;
}

/** The last count, or the one under way. */
interface Counted {
  readonly beganMs: number;
  /** What it was counted by, beside the paths: see `#yardstick`. */
  readonly yardstick: string;
  readonly rights: Rights;
  /** By `viewerOf`. */
  readonly counts: Promise<ReadonlyMap<string, Count>>;
  /** Absent while it is under way. */
  tookMs?: number;
  /** Paths changed since it began. */
  isOutdated: boolean;
}

/** Not their sight: that is of the rights they had when they asked. */
interface Viewer {
  readonly all: boolean;
  readonly name: string;
  readonly askedMs: number;
}

interface Count {
  files: number;
  bytes: number;
  under: number;
  unavailable: number;
  conflicts: number;
  tombstones: number;
}

/** Answers `peers`, `status`, `invite`, `remove`, `set`, `resume`. */
export class Administration {
  readonly #slice: Slice;
  #counted: Counted | undefined;
  /** Who asks for counts, the latest last. */
  readonly #viewers = new Map<string, Viewer>();

  constructor(slice: Slice) {
    this.#slice = slice;
    slice.catalog.onPaths(() => {
      if (this.#counted !== undefined) this.#counted.isOutdated = true;
    });
  }

  peers(): Reply<'peers'> {
    const { catalog } = this.#slice;
    const peers = catalog.peers.all().map((one) => {
      const held = catalog.heldBy(one.id);
      return {
        id: one.id,
        name: catalog.shownName(one.id),
        ...(one.address === undefined ? {} : { address: one.address }),
        ...(one.http === undefined ? {} : { http: one.http }),
        alive: one.live,
        since: one.sinceWallMs,
        ...(one.paused === undefined ? {} : { paused: one.paused.slice(0, 500) }),
        files: held.files,
        bytes: held.bytes,
        capacity: one.load.capacity,
        self: one.id === catalog.self,
      };
    });
    return { peers: peers.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, 1000) };
  }

  /** Counted and named is what may be seen. */
  async status(sight: Sight): Promise<Reply<'status'>> {
    const { catalog, folder, membership } = this.#slice;
    const state = folder.state();
    const count = await this.#count(sight);
    const tombstones =
      count.tombstones > TOMBSTONES_WARN ? [`${count.tombstones} deleted names are remembered: that takes memory`] : [];
    return {
      mesh: membership.meshName(),
      name: catalog.shownName(catalog.self),
      peers: catalog.peers.all().filter((one) => one.live).length,
      wanted: catalog.wantedCopies(),
      ...count,
      ...(state.paused === undefined ? {} : { paused: state.paused.slice(0, 500) }),
      warnings: [...(sight.all ? state.warnings : []), ...membership.warnings(), ...tombstones]
        .slice(0, 50)
        .map((one) => one.slice(0, 500)),
      notKept: state.notKept
        .filter(({ path }) => sight.sees(path.normalize('NFC')))
        .slice(0, 1000)
        .map(({ path, reason }) => ({ path: path.slice(0, 4096), reason: reason.slice(0, 500) })),
    };
  }

  invite(): Reply<'invite'> {
    return { join: this.#slice.membership.inviteLine() };
  }

  /** Tells first which newest contents only that peer has; removes on `confirm`. */
  async remove(ask: Ask<'remove'>): Promise<Reply<'remove'>> {
    const { catalog } = this.#slice;
    const onlyThere: string[] = [];
    let more = 0;
    await this.#eachPath((path) => {
      const members = catalog.members();
      // What a peer removed before has is lost already.
      const isOther = (peer: PeerId) => peer !== ask.peer && (peer === catalog.self || members.has(peer));
      const contents = catalog.view(path)?.contents ?? [];
      const lost = contents.some((content) => keepersOf(content).includes(ask.peer) && copiesOf(content, isOther) === 0);
      if (lost && onlyThere.length < ONLY_THERE_MAX) onlyThere.push(path);
      else if (lost) more++;
    });
    if (ask.confirm) await this.#slice.membership.removeMember(ask.peer);
    const told = firstWithin(onlyThere);
    return { onlyThere: told, more: more + onlyThere.length - told.length, removed: ask.confirm };
  }

  async set(ask: Ask<'set'>): Promise<Reply<'set'>> {
    await this.#slice.membership.setReplicas(ask.value);
    return {};
  }

  async resume(ask: Ask<'resume'>): Promise<Reply<'resume'>> {
    await this.#slice.folder.resume(ask.how);
    return {};
  }

  /** The last count while it holds or is young enough, else a new one. */
  async #count(sight: Sight): Promise<Count> {
    const viewer = viewerOf(sight);
    for (;;) {
      this.#remember(viewer, sight);
      const last = this.#counted;
      const holds = last !== undefined && (last.tookMs === undefined || !this.#mustCount(last, last.tookMs));
      const counted = holds ? last : this.#begin();
      const count = (await counted.counts).get(viewer);
      if (count !== undefined) return count;
      // Who asks for the first time is not in a count that began before.
      if (this.#counted === counted) this.#counted = undefined;
    }
  }

  #begin(): Counted {
    const { clock, catalog, sightNamed } = this.#slice;
    const beganMs = clock.now();
    const rights = catalog.people.rights();
    const sights = [...this.#viewers].map(([viewer, { all, name }]) => [viewer, all ? ALL_SEEN : sightNamed(name)] as const);
    const counts = this.#countAll(sights);
    const counted: Counted = { beganMs, yardstick: this.#yardstick(), rights, counts, isOutdated: false };
    this.#counted = counted;
    const over = (): void => {
      counted.tookMs = clock.now() - beganMs;
    };
    counts.then(over, over);
    return counted;
  }

  #remember(viewer: string, { all, name }: Sight): void {
    const now = this.#slice.clock.now();
    this.#viewers.delete(viewer);
    this.#viewers.set(viewer, { all, name, askedMs: now });
    for (const [other, { askedMs }] of this.#viewers) {
      if (now - askedMs <= VIEWER_MS && this.#viewers.size <= VIEWERS_MAX) return;
      this.#viewers.delete(other);
    }
  }

  #mustCount(last: Counted, tookMs: number): boolean {
    const holds = last.yardstick === this.#yardstick() && last.rights === this.#slice.catalog.people.rights();
    if (!last.isOutdated && holds) return false;
    return this.#slice.clock.now() - last.beganMs - tookMs > Math.max(COUNT_FRESH_MS, COUNT_REST * tookMs);
  }

  /** What a count depends on beside the paths: the wanted copies, and whose copies count. */
  #yardstick(): string {
    const { catalog } = this.#slice;
    const counting = catalog.peers.all().filter(isServing);
    return [catalog.wantedCopies(), ...counting.map((one) => one.id).sort()].join();
  }

  async #countAll(sights: readonly (readonly [string, Sight])[]): Promise<ReadonlyMap<string, Count>> {
    const counts = sights.map(([viewer, sight]) => ({ viewer, sight, count: { ...NONE } }));
    await this.#eachPath((path) => {
      const one = this.#countOne(path);
      if (one === undefined) return;
      for (const { sight, count } of counts) {
        if (!sight.all && !sight.sees(path)) continue;
        for (const name of COUNTED) count[name] += one[name];
      }
    });
    return new Map(counts.map(({ viewer, count }) => [viewer, count]));
  }

  #countOne(path: FilePath): Count | undefined {
    const { catalog } = this.#slice;
    const wanted = catalog.wantedCopies();
    const view = catalog.view(path);
    if (view === undefined) return undefined;
    const tombstones = view.tombstones.length;
    if (view.contents.length === 0) return { ...NONE, tombstones };
    const copies = view.contents.map((content) => copiesOf(content, (peer) => isServing(catalog.peers.get(peer))));
    return {
      files: 1,
      bytes: view.contents.reduce((sum, content) => sum + content.size, 0),
      under: copies.some((live) => live < wanted) ? 1 : 0,
      unavailable: copies.some((live) => live === 0) ? 1 : 0,
      conflicts: view.contents.length > 1 ? 1 : 0,
      tombstones,
    };
  }

  async #eachPath(look: (path: FilePath) => void): Promise<void> {
    const { catalog, clock } = this.#slice;
    for (let after = ''; ; ) {
      const paths = catalog.paths(after, COUNT_STEP);
      for (const path of paths) look(path);
      const last = paths.at(-1);
      if (last === undefined || paths.length < COUNT_STEP) return;
      after = last;
      await new Promise<void>((resolve) => clock.after(0, resolve));
    }
  }
}

const NONE: Count = { files: 0, bytes: 0, under: 0, unavailable: 0, conflicts: 0, tombstones: 0 };
const COUNTED = Object.keys(NONE) as (keyof Count)[];

/** Everybody who sees all is told the same; whoever sees nothing is nobody of them. */
function viewerOf({ all, name }: Sight): string {
  return all ? 'all' : `of ${name}`;
}

/** Its copies count as live ones. */
function isServing(status: PeerStatus | undefined): boolean {
  return status?.live === true && status.paused === undefined;
}
