import { type ErrorCode, isErrorCode, MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import { type Ask, MANY_ITEMS_MAX, type Reply, TAIL_BYTES_MAX } from '../wire/calls.ts';

/** Batches under way to one peer: while one is put on its disk, the next is read. 1…4. */
const UNDER_WAY_MAX = 2;
/** The first of a batch waits so long for others, in ms: less than anything a copy takes. 0…10. */
const GATHER_MS = 2;

interface Waiting {
  readonly ask: Ask<'place'>;
  readonly taken: () => void;
  readonly declined: (reason: unknown) => void;
}

interface Line {
  readonly waiting: Waiting[];
  underWay: number;
  isGathering: boolean;
}

interface Sends {
  many(target: PeerId, ask: Ask<'place-many'>): Promise<Reply<'place-many'>>;
  /** One by itself: joins what the taker is doing for it. */
  one(target: PeerId, ask: Ask<'place'>): Promise<void>;
}

/** Gathers what a peer is to take into batches: what comes while some are under way goes with the next. */
export class AskingMany {
  readonly #clock: Clock;
  readonly #send: Sends;
  readonly #lines = new Map<PeerId, Line>();

  constructor(clock: Clock, send: Sends) {
    this.#clock = clock;
    this.#send = send;
  }

  /** `ask` is of a small content. Resolves when it was taken; rejects with why not. */
  ask(target: PeerId, ask: Ask<'place'>): Promise<void> {
    return new Promise((resolve, reject) => {
      const line = this.#lines.get(target) ?? { waiting: [], underWay: 0, isGathering: false };
      this.#lines.set(target, line);
      line.waiting.push({ ask, taken: resolve, declined: reject });
      this.#gather(target, line);
    });
  }

  #gather(target: PeerId, line: Line): void {
    if (line.isGathering || line.underWay >= UNDER_WAY_MAX || line.waiting.length === 0) return;
    line.isGathering = true;
    this.#clock.after(GATHER_MS, () => {
      line.isGathering = false;
      while (line.underWay < UNDER_WAY_MAX && line.waiting.length > 0) this.#begin(target, line);
    });
  }

  #begin(target: PeerId, line: Line): void {
    const batch = line.waiting.splice(0, batchLength(line.waiting));
    line.underWay += 1;
    this.#sendBatch(target, batch)
      .catch((thrown: unknown) => {
        for (const { declined } of batch) declined(thrown);
      })
      .finally(() => {
        line.underWay -= 1;
        if (line.underWay === 0 && line.waiting.length === 0 && !line.isGathering) this.#lines.delete(target);
        else this.#gather(target, line);
      });
  }

  async #sendBatch(target: PeerId, batch: readonly Waiting[]): Promise<void> {
    const items = batch.map(({ ask: { path, hash, version, size } }) => ({ path, hash, version, size }));
    const { declined, late = [] } = await this.#send.many(target, { items, holders: batch[0]?.ask.holders ?? [] });
    const reasons = new Map(declined.map(({ item, code }) => [item, codeOf(code)] as const));
    const stragglers = new Set(late);
    for (const [index, one] of batch.entries()) {
      const code = reasons.get(index);
      if (stragglers.has(index)) this.#send.one(target, one.ask).then(one.taken, one.declined);
      else if (code === undefined) one.taken();
      else one.declined(new MeshError(code, 'the other end declined it'));
    }
  }
}

/** How many of the first go together: those with the same holders, as many as one answer has room for. */
function batchLength(waiting: readonly Waiting[]): number {
  const holders = waiting[0]?.ask.holders.join();
  let bytes = 0;
  let length = 0;
  for (const { ask } of waiting) {
    bytes += ask.size;
    if (length >= MANY_ITEMS_MAX || (length > 0 && bytes > TAIL_BYTES_MAX) || ask.holders.join() !== holders) break;
    length += 1;
  }
  return length;
}

/** A code of a later version is one nobody here knows: it is tried again later. */
function codeOf(word: string): ErrorCode {
  return isErrorCode(word) ? word : 'busy';
}
