import type { PeerId, WriterId } from '../core/ids.ts';
import { cursorAt, type Trail, withStart } from '../core/trail.ts';
import { type Random, randomHex } from '../platform/random.ts';
import type { IndexState } from './index-copy.ts';
import { encodeHead } from './persistence.ts';

/**
 * Writer, trail and sequences of the own index. The trail shows a start only when it is durable; sequences are given out
 * once, also those of a plan that threw or of a batch that failed.
 */
export class OwnIndex {
  readonly peer: PeerId;
  readonly #random: Random;
  #trail: Trail;
  #sequence: number;
  #next: number;
  #writer: WriterId;
  /** The first sequence this writer may use, while its start is not durable. */
  #pendingFirst: number | undefined;

  constructor(peer: PeerId, random: Random, trail: Trail, sequence: number) {
    this.peer = peer;
    this.#random = random;
    this.#trail = trail;
    this.#sequence = sequence;
    this.#next = sequence + 1;
    this.#writer = this.newWriter();
    this.#pendingFirst = this.#next;
  }

  /** Of durable starts. */
  get trail(): Trail {
    return this.#trail;
  }

  /** Highest sequence given out that is durable. */
  get sequence(): number {
    return this.#sequence;
  }

  /** How far it reaches, of what is durable. */
  get state(): IndexState {
    const { peer, trail, sequence } = this;
    return { peer, trail, sequence, cursor: cursorAt(trail, sequence) };
  }

  get writer(): WriterId {
    return this.#writer;
  }

  /** A writer nobody has: of one start, or of one version. */
  newWriter(): WriterId {
    return randomHex(this.#random, 8) as WriterId;
  }

  nextSequence(): number {
    return this.#next++;
  }

  /** Draws a new writer: no counter of the one before is used from now on. Durable with the next head. */
  startAnew(): void {
    this.#writer = this.newWriter();
    this.#pendingFirst = this.#next;
  }

  /** The head to store with the records of a batch, and what to do once it is durable. */
  head(): { value: Uint8Array; durable: () => void } {
    const first = this.#pendingFirst;
    const trail = first === undefined ? this.#trail : withStart(this.#trail, { writer: this.#writer, first });
    const sequence = this.#next - 1;
    const durable = () => {
      this.#trail = trail;
      this.#sequence = sequence;
      this.#pendingFirst = undefined;
    };
    return { value: encodeHead({ trail, sequence }), durable };
  }
}
