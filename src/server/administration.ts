import type { Catalog } from '../catalog/catalog.ts';
import type { FilePath, PeerId, RequestId } from '../core/ids.ts';
import type { Rights } from '../core/rights.ts';
import { copiesOf, keepersOf } from '../core/striping.ts';
import type { Folder } from '../folder/folder.ts';
import { type Clock, nextTurn } from '../platform/clock.ts';
import type { Ask, Reply } from '../wire/calls.ts';
import { Gate } from '../wire/gate.ts';

import { firstWithin } from './answer-bytes.ts';
import type { Sight } from './sessions.ts';

/** Tombstones above which `status` warns: they are never dropped yet. */
const TOMBSTONES_WARN = 1_000_000;
/** Paths counted in one step, so that a status of a large mesh blocks nobody: 8 ms at 16 µs a path. Range 100–1,000. */
const COUNT_STEP = 500;
/** A count is told again to whoever asks within so long, whatever changed. */
const COUNT_FRESH_MS = 2_000;
/** And within so many times as long as it took: whoever looks every second costs 1/20 of a core at most. Range 10–50. */
const COUNT_REST = 20;
/** Names told when a peer is to be removed. */
const ONLY_THERE_MAX = 1_000;
/** Removals that wait while one looks at all paths; more are told to come again. Range 1–64. */
const REMOVALS_WAITING_MAX = 16;

/** What administration needs of membership: its own slice. */
export interface MembershipSlice {
  inviteLine(): string;
  removeMember(peer: PeerId): Promise<void>;
  /** Another join line. */
  renewSecret(): Promise<void>;
  /** Every peer that is known to be a member is here. */
  isWhole(): boolean;
  /** Once for each request. */
  setReplicas(value: number, request: RequestId | undefined): Promise<void>;
  meshName(): string;
  warnings(): readonly string[];
}

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly membership: MembershipSlice;
}

/** The last count, or the one under way. */
interface Counted {
  readonly beganMs: number;
  /** What it was counted by, beside the paths: see `#yardstick`. */
  readonly yardstick: string;
  /** What the regions were drawn by. */
  readonly rights: Rights;
  /** By the region of rights: whoever may read that may read all of it, so one walk counts for everybody. */
  readonly counts: Promise<ReadonlyMap<string, Count>>;
  /** Absent while it is under way. */
  tookMs?: number;
  /** Paths changed since it began. */
  isOutdated: boolean;
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
  readonly #removing = new Gate(1, REMOVALS_WAITING_MAX);

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
        bytes: asCount(held.bytes),
        capacity: one.load.capacity,
        self: one.id === catalog.self,
      };
    });
    return { peers: firstWithin(peers.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, 1000)) };
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
      notKept: firstWithin(
        state.notKept
          .filter(({ path }) => sight.sees(path.normalize('NFC')))
          .slice(0, 1000)
          .map(({ path, reason }) => ({ path: path.slice(0, 4096), reason: reason.slice(0, 500) })),
      ),
    };
  }

  invite(): Reply<'invite'> {
    return { join: this.#slice.membership.inviteLine() };
  }

  /** Tells first which newest contents only that peer has; removes on `confirm`. */
  remove(ask: Ask<'remove'>): Promise<Reply<'remove'>> {
    return this.#removing.pass(() => this.#remove(ask));
  }

  async #remove(ask: Ask<'remove'>): Promise<Reply<'remove'>> {
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

  async set({ value, request }: Ask<'set'>): Promise<Reply<'set'>> {
    await this.#slice.membership.setReplicas(value, request);
    return {};
  }

  async resume(ask: Ask<'resume'>): Promise<Reply<'resume'>> {
    await this.#slice.folder.resume(ask.how);
    return {};
  }

  /** Of the last count while it holds or is young enough, and was made by the rights of now; else of a new one. */
  async #count(sight: Sight): Promise<Count> {
    const before = this.#counted;
    for (;;) {
      const counted = this.#counted;
      // One that began since then is of the rights of then, or later ones.
      if (counted !== undefined && (counted !== before || this.#isGoodFor(sight, counted))) {
        return sumOf(await counted.counts, sight);
      }
      // One walk at a time, however often rights change.
      if (counted?.tookMs === undefined) await counted?.counts;
      if (this.#counted === counted) this.#begin();
    }
  }

  #isGoodFor(sight: Sight, counted: Counted): boolean {
    const { tookMs, rights } = counted;
    const isOfNow = sight.all || rights === this.#slice.catalog.people.rights();
    return isOfNow && (tookMs === undefined || !this.#mustCount(counted, tookMs));
  }

  #begin(): void {
    const { clock, catalog } = this.#slice;
    const beganMs = clock.now();
    const rights = catalog.people.rights();
    const counts = this.#countAll(rights);
    const counted: Counted = { beganMs, yardstick: this.#yardstick(), rights, counts, isOutdated: false };
    this.#counted = counted;
    counts.then(
      () => {
        counted.tookMs = clock.now() - beganMs;
      },
      () => {
        if (this.#counted === counted) this.#counted = undefined;
      },
    );
  }

  #mustCount(last: Counted, tookMs: number): boolean {
    if (!last.isOutdated && last.yardstick === this.#yardstick()) return false;
    return this.#slice.clock.now() - last.beganMs - tookMs > Math.max(COUNT_FRESH_MS, COUNT_REST * tookMs);
  }

  /** What a count depends on beside the paths: the wanted copies, and whose copies count. */
  #yardstick(): string {
    const { catalog } = this.#slice;
    const counting = catalog.peers.all().filter(({ id }) => catalog.peers.isServing(id));
    return [catalog.wantedCopies(), ...counting.map((one) => one.id).sort()].join();
  }

  async #countAll(rights: Rights): Promise<ReadonlyMap<string, Count>> {
    const counts = new Map<string, Count>();
    await this.#eachPath((path) => {
      const one = this.#countOne(path);
      if (one === undefined) return;
      const region = rights.regionOf(path);
      const count = counts.get(region) ?? { ...NONE };
      for (const name of COUNTED) count[name] += one[name];
      counts.set(region, count);
    });
    return counts;
  }

  #countOne(path: FilePath): Count | undefined {
    const { catalog } = this.#slice;
    const wanted = catalog.wantedCopies();
    const view = catalog.view(path);
    if (view === undefined) return undefined;
    const tombstones = view.tombstones.length;
    if (view.contents.length === 0) return { ...NONE, tombstones };
    const copies = view.contents.map((content) => copiesOf(content, (peer) => catalog.peers.isServing(peer)));
    return {
      files: 1,
      bytes: view.contents.reduce((sum, content) => sum + content.size, 0),
      under: copies.some((live) => live < wanted) ? 1 : 0,
      unavailable: copies.every((live) => live === 0) ? 1 : 0,
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
      await nextTurn(clock);
    }
  }
}

const NONE: Count = { files: 0, bytes: 0, under: 0, unavailable: 0, conflicts: 0, tombstones: 0 };
const COUNTED = Object.keys(NONE) as (keyof Count)[];

function sumOf(counts: ReadonlyMap<string, Count>, sight: Sight): Count {
  const sum = { ...NONE };
  for (const [region, count] of counts) {
    if (!sight.all && !sight.sees(region)) continue;
    for (const name of COUNTED) sum[name] += count[name];
  }
  return { ...sum, bytes: asCount(sum.bytes) };
}

/** Sizes are what peers say: of some together there may be more than a count can tell, and sums are off by as much. */
function asCount(sum: number): number {
  return Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, sum));
}
