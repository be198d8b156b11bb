import type { Host, SimLan } from './sim-lan.ts';
import type { SimRandom } from './sim-random.ts';

/** Bytes under way and not yet read by the far program: what the two kernels hold together. */
const WINDOW_BYTES = 256 * 1024;
const SEGMENT_BYTES_MAX = 64 * 1024;
/** Small segments are rarer in fact; here they are common, so that a reader meets its frames cut anywhere. */
const SMALL_SEGMENT_RATE = 0.3;
const SMALL_SEGMENT_BYTES_MAX = 1_500;
/** First retransmission, and its ceiling (RFC 6298); the kernel gives up after some 15 minutes (Linux: tcp_retries2). */
const RETRY_MS = 200;
const RETRY_MS_MAX = 120_000;
const GIVE_UP_MS = 924_000;

/** What travels: bytes, or the end. */
export type Segment = { readonly bytes: Uint8Array } | { readonly end: string };

export interface LaneEnds {
  /** A segment arrived, in order. False: the far kernel knows nothing of this pipe (any more). */
  arrived(segment: Segment): boolean;
  /** Bytes left the send buffer. */
  departed(): void;
  /** The sender's end is over: the far side knows nothing of it, or never answered. */
  lost(reason: string): void;
}

/** One direction of a pipe, as TCP has it: ordered, retried while nothing passes, held back by the reader. */
export class Lane {
  unsent = 0;
  /** Nothing passes any more, for good. */
  isSilent = false;
  readonly #lan: SimLan;
  readonly #from: Host;
  readonly #to: Host;
  readonly #random: SimRandom;
  readonly #ends: LaneEnds;
  /** Taken from the sender's program, not yet sent; lent, so copied only when it leaves. */
  #outgoing: Uint8Array[] = [];
  /** Under way, each not before its time; only the head can arrive. */
  #underway: { readonly segment: Segment; readonly arriveMs: number }[] = [];
  #unread = 0;
  #isDeparting = false;
  #isArriving = false;
  #isOver = false;

  constructor(lan: SimLan, from: Host, to: Host, random: SimRandom, ends: LaneEnds) {
    this.#lan = lan;
    this.#from = from;
    this.#to = to;
    this.#random = random;
    this.#ends = ends;
  }

  push(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      if (part.length === 0) continue;
      this.#outgoing.push(part);
      this.unsent += part.length;
    }
    this.#depart();
  }

  /** The far program has read that much: room for more, as soon as word of it is back. */
  consumed(bytes: number, retryMs: number = RETRY_MS, waitedMs = 0): void {
    if (this.#isOver) return;
    if (!this.#isBlocked(this.#to, this.#from)) {
      this.#unread -= bytes;
      this.#depart();
    } else if (waitedMs > GIVE_UP_MS) this.#ends.lost('timed out');
    else this.#outside(retryMs, () => this.consumed(bytes, nextRetry(retryMs), waitedMs + retryMs));
  }

  /** Drops what is unsent; the end arrives after what is under way. */
  finish(reason: string): void {
    this.#dropUnsent();
    this.#underway.push({ segment: { end: reason }, arriveMs: this.#nowMs + this.#lan.latencyMs(this.#from, this.#to) });
    this.#arrive();
  }

  /** Nothing of this lane happens any more. */
  abandon(): void {
    this.#dropUnsent();
    this.#underway = [];
    this.#isOver = true;
  }

  /** Sends the next segment when the last one has left and the window is open. */
  #depart(): void {
    if (this.#isDeparting || this.unsent === 0 || this.#unread >= WINDOW_BYTES) return;
    this.#isDeparting = true;
    const isSmall = this.#random.chance(SMALL_SEGMENT_RATE);
    const bytesMax = isSmall ? 1 + this.#random.integer(SMALL_SEGMENT_BYTES_MAX) : SEGMENT_BYTES_MAX;
    const size = Math.min(this.unsent, bytesMax);
    this.#outside(size / this.#lan.weather.bytesPerMs, () => {
      this.#isDeparting = false;
      if (this.unsent < size) return;
      const bytes = this.#take(size);
      this.#unread += size;
      this.#underway.push({ segment: { bytes }, arriveMs: this.#nowMs + this.#lan.latencyMs(this.#from, this.#to) });
      this.#arrive();
      this.#ends.departed();
      this.#depart();
    });
  }

  /** Lets the head of what is under way arrive at its time, or as soon as something passes again. */
  #arrive(): void {
    const head = this.#underway[0];
    if (this.#isArriving || head === undefined) return;
    this.#isArriving = true;
    this.#outside(Math.max(0, head.arriveMs - this.#nowMs), () => this.#tryArrival(RETRY_MS, 0));
  }

  #tryArrival(retryMs: number, waitedMs: number): void {
    const head = this.#underway[0];
    if (head === undefined) {
      this.#isArriving = false;
      return;
    }
    const retry = () => this.#outside(retryMs, () => this.#tryArrival(nextRetry(retryMs), waitedMs + retryMs));
    if (this.#isBlocked(this.#from, this.#to)) {
      if (waitedMs > GIVE_UP_MS) this.#ends.lost('timed out');
      else retry();
    } else if (this.#ends.arrived(head.segment)) {
      this.#underway.shift();
      this.#isArriving = false;
      this.#arrive();
    } else if (this.#isBlocked(this.#to, this.#from)) {
      // The far kernel answers that it knows nothing of this (RST), to every retransmission until that gets through.
      retry();
    } else this.#outside(this.#lan.latencyMs(this.#to, this.#from), () => this.#ends.lost('reset by the other end'));
  }

  #isBlocked(from: Host, to: Host): boolean {
    return this.isSilent || !this.#lan.isOpen(from, to);
  }

  #take(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const part = this.#outgoing.shift() as Uint8Array;
      const taken = part.subarray(0, size - filled);
      bytes.set(taken, filled);
      filled += taken.length;
      if (taken.length < part.length) this.#outgoing.unshift(part.subarray(taken.length));
    }
    this.unsent -= size;
    return bytes;
  }

  #dropUnsent(): void {
    this.#outgoing = [];
    this.unsent = 0;
  }

  get #nowMs(): number {
    return this.#lan.scheduler.nowMs;
  }

  /** Kernels and cables work on while a process is stopped, and after it is dead. */
  #outside(delayMs: number, act: () => void): void {
    this.#lan.scheduler.outside.after(delayMs, () => {
      if (!this.#isOver) act();
    });
  }
}

function nextRetry(retryMs: number): number {
  return Math.min(2 * retryMs, RETRY_MS_MAX);
}
