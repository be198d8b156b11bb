import type { PeerId } from '../core/ids.ts';
import type { Link } from './link.ts';

const MIB = 1024 * 1024;
/** What the links of one client identity may keep here, each way: its programs share it. Range 8–64 MiB. */
export const CLIENT_BYTES_MAX = 32 * MIB;
/** The same of all clients together. Range 64–512 MiB. */
export const CLIENTS_BYTES_MAX = 128 * MIB;

type Client = Pick<Link, 'peer' | 'role'>;

/** Leave to keep one answer in memory, from before it is read until it is sent. */
export interface Lease {
  /** The answer is done, and so long. */
  resize(bytes: number): void;
  /** The memory is free again, or nobody waits for it any more. May be called twice. */
  end(): void;
}

/**
 * How much memory all links to clients hold together: a link has limits of its own, but one identity may have hundreds of links.
 * An answer waits for its turn here, as a few bytes. What comes in is only counted: it is here already, and whoever reads it
 * slows down. Peers have one link each, so its limits are theirs.
 */
export class ClientMemory {
  readonly #answers = new Counts();
  readonly #work = new Counts();
  /** Answers not begun, by identity; whoever was served last comes last. */
  readonly #waiting = new Map<PeerId, Waiter[]>();

  /** Calls `begin` when there is room for an answer of so many bytes; that may be at once. */
  lease({ peer, role }: Client, bytes: number, begin: (lease: Lease) => void): Lease {
    if (role === 'peer') {
      begin(UNCOUNTED);
      return UNCOUNTED;
    }
    const waiter = new Waiter(bytes, begin, (freed, isOver) => this.#freed(peer, waiter, freed, isOver));
    const waiting = this.#waiting.get(peer) ?? [];
    waiting.push(waiter);
    this.#waiting.set(peer, waiting);
    this.#serve();
    return waiter;
  }

  /** So many bytes of a client's messages more are in work, or fewer. */
  noteWork({ peer, role }: Client, bytes: number): void {
    if (role === 'client') this.#work.add(peer, bytes);
  }

  /** Too much of what this client sent is in work: no more of it is to be read than each link needs to go on. */
  isFull({ peer, role }: Client): boolean {
    return role === 'client' && !this.#work.hasRoom(peer, 0);
  }

  #freed(peer: PeerId, waiter: Waiter, bytes: number, isOver: boolean): void {
    if (waiter.isBegun) this.#answers.add(peer, -bytes);
    else if (isOver) this.#leave(peer, waiter);
    this.#serve();
  }

  #leave(peer: PeerId, waiter: Waiter): void {
    const left = (this.#waiting.get(peer) ?? []).filter((one) => one !== waiter);
    if (left.length === 0) this.#waiting.delete(peer);
    else this.#waiting.set(peer, left);
  }

  #serve(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const [peer, waiter] = next;
      const others = (this.#waiting.get(peer) ?? []).slice(1);
      this.#waiting.delete(peer);
      if (others.length > 0) this.#waiting.set(peer, others);
      this.#answers.add(peer, waiter.bytes);
      waiter.start();
    }
  }

  #next(): [PeerId, Waiter] | undefined {
    for (const [peer, [first]] of this.#waiting) {
      if (first !== undefined && this.#answers.hasRoom(peer, first.bytes)) return [peer, first];
    }
    return undefined;
  }
}

const UNCOUNTED: Lease = { resize: () => {}, end: () => {} };

class Waiter implements Lease {
  bytes: number;
  isBegun = false;
  #isOver = false;
  readonly #begin: (lease: Lease) => void;
  readonly #freed: (bytes: number, isOver: boolean) => void;

  constructor(bytes: number, begin: (lease: Lease) => void, freed: (bytes: number, isOver: boolean) => void) {
    this.bytes = bytes;
    this.#begin = begin;
    this.#freed = freed;
  }

  start(): void {
    this.isBegun = true;
    this.#begin(this);
  }

  resize(bytes: number): void {
    if (this.#isOver) return;
    const freed = this.bytes - bytes;
    this.bytes = bytes;
    this.#freed(freed, false);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#freed(this.bytes, true);
  }
}

/** Bytes by identity, and of all. */
class Counts {
  readonly #ofOne = new Map<PeerId, number>();
  #ofAll = 0;

  add(peer: PeerId, bytes: number): void {
    const now = (this.#ofOne.get(peer) ?? 0) + bytes;
    this.#ofAll += bytes;
    if (now === 0) this.#ofOne.delete(peer);
    else this.#ofOne.set(peer, now);
  }

  /** True when so many bytes more are within both limits. */
  hasRoom(peer: PeerId, bytes: number): boolean {
    return (this.#ofOne.get(peer) ?? 0) + bytes <= CLIENT_BYTES_MAX && this.#ofAll + bytes <= CLIENTS_BYTES_MAX;
  }
}
