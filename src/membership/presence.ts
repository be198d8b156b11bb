import type { Catalog } from '../catalog/catalog.ts';
import type { PeerStatus } from '../catalog/peer-table.ts';
import type { ContentHash, PeerId } from '../core/ids.ts';
import type { Load } from '../core/placement.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Address } from '../platform/network.ts';
import type { Ask, Note } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import { WORDS_LENGTH_MAX } from '../wire/shapes.ts';
import type { Switchboard } from '../wire/switchboard.ts';

/** What a peer or client tells first on a link. */
export type Hello = Ask<'hello'>;

/** A change of the own state is told at most so often. Range 50 ms – 2 s: placement decides by what is told. */
export const LOAD_MS_MIN = 250;
/** The own state is looked at so often, whatever changed without a word. Range 1–60 s. */
const LOOK_MS = 5_000;
/** The own state is told at least so often. Nothing is lost on a link: this is for what nobody thought of. Range 5–600 s. */
export const LOAD_MS_MAX = 60_000;

/** What the folder says of itself. */
export interface FolderReport {
  /** Why the folder is not believed; undefined while it is. */
  readonly paused: string | undefined;
  /** It is being opened: its load says nothing yet. */
  readonly opening: boolean;
  readonly load: Load;
}

const NO_LOAD: Load = { bytes: 0, capacity: 0, files: 0, incomingBytes: 0, incomingFiles: 0 };

export interface PresenceOptions {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly switchboard: Pick<Switchboard, 'peers' | 'link' | 'hear' | 'onDown' | 'remove'>;
  readonly name: string;
  /** Where this peer listens now, best first: it may change, for networks come and go. */
  readonly addresses: () => readonly Address[];
  readonly folderState: () => FolderReport;
  /** Over all facts known here. */
  readonly factsDigest: () => ContentHash;
}

/**
 * Keeps the table of peers: who lives, what each says of itself. The own entry is always live; members this process has
 * not met are in it as not live. Tells the others of the own state, when it changes and now and then.
 */
export class Presence {
  readonly #options: PresenceOptions;
  /** The state told last, to see a change. */
  #told = '';
  #toldMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Enters the own entry, and begins to tell. Call when this peer listens. `http`: where its page is. */
  start(http: string | undefined): void {
    const { catalog, switchboard, name, addresses, folderState } = this.#options;
    const { paused, opening, load } = folderState();
    catalog.peers.set({
      ...this.#absent(catalog.self, name),
      address: addresses()[0],
      http,
      live: true,
      paused,
      opening,
      caughtUp: switchboard.peers().length === 0,
      load,
    });
    this.listMembers();
    switchboard.hear('load', (note, from) => this.#hear(note, from));
    switchboard.hear('goodbye', (_note, from) => {
      if (from.role === 'peer' && switchboard.link(from.peer) === from) catalog.peers.update(from.peer, { saidGoodbye: true });
      // The end of the link is the answer: who said it waits for that.
      switchboard.remove(from, 'goodbye');
    });
    switchboard.onDown((link) => this.#linkDown(link));
    catalog.onOwn(() => this.stateChanged());
    catalog.peers.onChange(() => this.stateChanged());
    this.#lookLater();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Folder, index or reading may have changed the own state: it is told if so, not more often than allowed. */
  stateChanged(): void {
    if (this.#timer === undefined || this.#words() === this.#told) return;
    const waitMs = this.#toldMs + LOAD_MS_MIN - this.#options.clock.now();
    if (waitMs <= 0) {
      this.#tell();
      return;
    }
    this.#timer.cancel();
    this.#timer = this.#options.clock.after(waitMs, () => this.#tell());
  }

  #lookLater(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#lookAtAddress();
      const isDue = this.#options.clock.now() - this.#toldMs >= LOAD_MS_MAX;
      if (isDue || this.#words() !== this.#told) this.#tell();
      else this.#lookLater();
    });
  }

  /** Others are told of it by `hello`: a link does not outlive the address it was made at. Here it is shown, and to clients. */
  #lookAtAddress(): void {
    const { catalog, addresses } = this.#options;
    const address = addresses()[0];
    if (catalog.peers.get(catalog.self)?.address !== address) catalog.peers.update(catalog.self, { address });
  }

  /** What this peer says of itself now; a `load` note has the same and the digest of the facts, a `hello` more. */
  self(): Note<'load'> {
    const { catalog, name, folderState } = this.#options;
    const { paused, opening, load } = folderState();
    const own = catalog.index(catalog.self);
    return {
      name,
      // It may name a folder that lies deep: what is longer than a sentence nobody takes, nor links with who says it.
      ...(paused === undefined ? {} : { paused: paused.slice(0, WORDS_LENGTH_MAX) }),
      ...(opening && { opening }),
      caughtUp: catalog.peers.get(catalog.self)?.caughtUp ?? false,
      load,
      ...(own === undefined ? {} : { head: { peer: own.peer, trail: [...own.trail], sequence: own.sequence } }),
    };
  }

  /** A link to a peer comes up: its entry lives before anyone else hears of the link. */
  linkUp(link: Link, hello: Hello): void {
    const { catalog, clock } = this.#options;
    catalog.peers.set({
      id: link.peer,
      name: hello.name,
      address: addressesOf(link, hello)[0],
      http: hello.http,
      live: true,
      sinceMs: clock.now(),
      sinceWallMs: clock.wall(),
      saidGoodbye: false,
      paused: hello.paused,
      opening: hello.opening === true,
      caughtUp: hello.caughtUp,
      load: hello.load,
    });
  }

  /** Members that are not in the table yet are entered as not live; who is no member any more leaves it. */
  listMembers(): void {
    const { catalog } = this.#options;
    const members = catalog.members();
    for (const { id, role, name } of members.values()) {
      if (role === 'peer' && catalog.peers.get(id) === undefined) catalog.peers.set(this.#absent(id, name));
    }
    for (const { id, live } of catalog.peers.all()) if (!live && !members.has(id)) catalog.peers.remove(id);
  }

  #absent(id: PeerId, name: string): PeerStatus {
    const { clock } = this.#options;
    return {
      id,
      name,
      address: undefined,
      live: false,
      sinceMs: clock.now(),
      sinceWallMs: clock.wall(),
      saidGoodbye: false,
      paused: undefined,
      opening: false,
      caughtUp: false,
      load: NO_LOAD,
    };
  }

  #linkDown(link: Link): void {
    if (link.role !== 'peer') return;
    const { catalog, clock } = this.#options;
    catalog.peers.update(link.peer, { live: false, caughtUp: false, sinceMs: clock.now(), sinceWallMs: clock.wall() });
    this.listMembers();
  }

  #hear(note: Note<'load'>, from: Link): void {
    this.#options.catalog.peers.update(from.peer, {
      name: note.name,
      paused: note.paused,
      opening: note.opening === true,
      caughtUp: note.caughtUp,
      load: note.load,
    });
  }

  #tell(): void {
    const { catalog, clock, switchboard, factsDigest } = this.#options;
    const note = { ...this.self(), factsDigest: factsDigest() };
    this.#toldMs = clock.now();
    this.#lookLater();
    const words = this.#words();
    if (words !== this.#told) {
      this.#told = words;
      const { paused, opening = false, load } = note;
      catalog.peers.update(catalog.self, { paused, opening, load });
    }
    for (const link of switchboard.peers()) link.note('load', note);
  }

  #words(): string {
    const { paused, opening, caughtUp, load, head } = this.self();
    return JSON.stringify([paused, opening, caughtUp, load, head?.sequence]);
  }
}

/** Where the other end of a link can be dialled, likeliest first: where it was met, then what it told itself. */
export function addressesOf(link: Link, hello: Hello): Address[] {
  if (link.dialled) return [...new Set([link.remoteAddress, ...hello.addresses])];
  const met = withoutPort(link.remoteAddress);
  return [...hello.addresses].sort((a, b) => Number(withoutPort(b) === met) - Number(withoutPort(a) === met));
}

function withoutPort(address: Address): string {
  return address.slice(0, address.lastIndexOf(':'));
}
