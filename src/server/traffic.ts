import type { PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import { TRAFFIC_LINKS_MAX } from '../wire/server-calls.ts';
import { CLIENTS, type Switchboard } from '../wire/switchboard.ts';

/** Whoever has not answered by then tells nothing this time. Range 500–3,000 ms. */
const ANSWER_MS = 1_500;
/** The others are asked at most so often, however many look on. Range 1,000–10,000 ms. */
const FRESH_MS = 2_000;
const NOTHING = { inBytes: 0, outBytes: 0 };

/** File data moved since the start, in bytes: in all, and by who was at the other end: a peer, or `clients` for all of those together. */
export type Traffic = Reply<'traffic'>;

/** What the other peers said when they were asked. */
export interface OthersTraffic {
  /** `Clock.now()` when they were: rates are what lies between two answers. */
  readonly atMs: number;
  readonly peers: readonly (Traffic & { readonly id: PeerId })[];
  /** Linked here, and told nothing: too slow, of an older version, or what they told is no answer. */
  readonly silent: readonly PeerId[];
}

/** What travels in the mesh: each peer counts its own, and is asked for it while somebody looks. Nobody is asked at rest. */
export class MeshTraffic {
  readonly #clock: Clock;
  readonly #switchboard: Switchboard;
  #last: { readonly atMs: number; readonly told: Promise<OthersTraffic> } | undefined;

  constructor({ clock, switchboard }: { readonly clock: Clock; readonly switchboard: Switchboard }) {
    this.#clock = clock;
    this.#switchboard = switchboard;
    switchboard.answer('traffic', async () => this.#ofLinks());
  }

  /** Of this peer, also with those that are away. */
  own(): Traffic {
    const links = [...this.#switchboard.traffic].map(([id, moved]) => ({ id, ...moved }));
    const sum = (of: 'inBytes' | 'outBytes') => links.reduce((bytes, link) => bytes + link[of], 0);
    return { inBytes: sum('inBytes'), outBytes: sum('outBytes'), links };
  }

  /** Of the peers linked with this one, as they say. Never rejects; within ANSWER_MS. */
  others(): Promise<OthersTraffic> {
    const atMs = this.#clock.now();
    if (this.#last === undefined || atMs - this.#last.atMs >= FRESH_MS) this.#last = { atMs, told: this.#askAll(atMs) };
    return this.#last.told;
  }

  async #askAll(atMs: number): Promise<OthersTraffic> {
    const answers = await Promise.all(this.#switchboard.peers().slice(0, TRAFFIC_LINKS_MAX).map(askOne));
    return {
      atMs,
      peers: answers.flatMap(({ id, told }) => (told === undefined ? [] : { id, ...told })),
      silent: answers.flatMap(({ id, told }) => (told === undefined ? id : [])),
    };
  }

  /** The links there are now, whether or not anything went over them. */
  #ofLinks(): Traffic {
    const { traffic } = this.#switchboard;
    const peers = this.#switchboard.peers().slice(0, TRAFFIC_LINKS_MAX - 1);
    const ids = [...peers.map(({ peer }) => peer), CLIENTS] as const;
    const links = ids.map((id) => ({ id, ...(traffic.get(id) ?? NOTHING) }));
    return { ...this.own(), links };
  }
}

async function askOne(link: Link): Promise<{ readonly id: PeerId; readonly told?: Traffic }> {
  const id = link.peer;
  try {
    return { id, told: (await link.call('traffic', {}, { deadlineMs: ANSWER_MS })).reply };
  } catch {
    return { id };
  }
}
