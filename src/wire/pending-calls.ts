import { type Advice, type ErrorCode, isErrorCode, MeshError } from '../core/errors.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import { shapesOf } from './call-shapes.ts';
import type { CallName } from './calls.ts';
import { decode, validate } from './codec.ts';
import type { Frame } from './frame.ts';
import type { Answer } from './link.ts';

/** Calls of one link that wait for their answer, each way: above, `busy`. Range 64–65,536. */
export const CALLS_IN_FLIGHT_MAX = 1_024;
/** Time for an answer unless the caller says another. Range 1,000–60,000; above the time a busy disk takes for an fsync. */
export const CALL_DEADLINE_MS = 10_000;

interface PendingCall {
  readonly name: CallName;
  readonly timer: Timer | undefined;
  resolve(answer: Answer<CallName>): void;
  reject(error: MeshError): void;
}

/** The calls of this end that wait for their answer. */
export class PendingCalls {
  readonly #clock: Clock;
  readonly #calls = new Map<number, PendingCall>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get full(): boolean {
    return this.#calls.size >= CALLS_IN_FLIGHT_MAX;
  }

  /**
   * Begins a call, which `send` puts on its way under the id it is given. `withdraw` is called when nobody waits for
   * the answer any more.
   */
  begin<N extends CallName>(
    name: N,
    deadlineMs: number | 'never',
    send: (id: number) => void,
    withdraw: () => void,
  ): Promise<Answer<N>> {
    const id = this.#freeId();
    return new Promise<Answer<N>>((resolve, reject) => {
      const late = (): void => {
        this.#calls.delete(id);
        withdraw();
        reject(new MeshError('timeout', `no answer to "${name}" within ${deadlineMs} ms`));
      };
      const timer = deadlineMs === 'never' ? undefined : this.#clock.after(deadlineMs, late);
      this.#calls.set(id, { name, timer, resolve: resolve as (answer: Answer<CallName>) => void, reject });
      send(id);
    });
  }

  /** An answer came. One that nobody waits for (any more) is dropped. Throws nothing: a bad one rejects its call. */
  settle(frame: Frame): void {
    const call = this.#calls.get(frame.id);
    if (call === undefined) return;
    this.#calls.delete(frame.id);
    call.timer?.cancel();
    try {
      if (frame.kind === 'error') call.reject(errorOf(frame, call.name));
      else
        call.resolve({
          reply: validate(shapesOf(call.name).reply, decode(frame.head), `an answer to "${call.name}"`),
          tail: frame.tail,
        });
    } catch (thrown) {
      call.reject(
        thrown instanceof MeshError ? thrown : new MeshError('protocol', 'an answer that cannot be read', { cause: thrown }),
      );
    }
  }

  /** The link is over: every call rejects with `closed`. */
  abandon(reason: string): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) {
      call.timer?.cancel();
      call.reject(new MeshError('closed', `the link ended while "${call.name}" waited: ${reason}`));
    }
  }

  #freeId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#calls.has(this.#lastId));
    return this.#lastId;
  }
}

/** What an error frame's head says: code, and its advice for a reader who does not know the code. */
export function errorHead(error: MeshError): [ErrorCode, Advice] {
  return [error.code, error.advice];
}

/** The nearest known code for one of a later version, by its advice. */
const CODE_OF_ADVICE = new Map<unknown, ErrorCode>([
  ['never', 'failed'],
  ['later', 'busy'],
  ['elsewhere', 'closed'],
]);

function errorOf(frame: Frame, name: CallName): MeshError {
  const head = decode(frame.head);
  const [word, advice] = Array.isArray(head) ? (head as unknown[]) : [];
  const known = typeof word === 'string' && isErrorCode(word) ? word : undefined;
  const code = known ?? CODE_OF_ADVICE.get(advice) ?? 'protocol';
  return new MeshError(code, `the other end answered "${name}" with "${typeof word === 'string' ? word.slice(0, 32) : '?'}"`);
}
