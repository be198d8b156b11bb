import type { Clock } from '../platform/clock.ts';
import type { Store } from '../platform/store.ts';
import { CALENDAR_KEY, decodeRow, encodeRow } from './rows.ts';
import type { StoreQueue } from './store-queue.ts';

/** One look takes the calendar so much on at most: a clock that is far ahead for an hour makes nothing old. */
const STEP_MS_MAX = 24 * 3_600_000;

interface CalendarRow {
  readonly wallMs: number;
}

/**
 * The time by which things grow old and are removed for good. It follows the clock of the machine, back at once and ahead in
 * steps: that clock may be years off until the network has set it.
 */
export class Calendar {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #queue: StoreQueue;
  #wallMs: number | undefined;

  constructor(clock: Clock, store: Store, queue: StoreQueue) {
    this.#clock = clock;
    this.#store = store;
    this.#queue = queue;
  }

  async load(): Promise<void> {
    const row = await this.#store.get(CALENDAR_KEY);
    this.#wallMs = row && decodeRow<CalendarRow>(row).wallMs;
  }

  /** Wall ms as of the last look; until the first one nothing is old. */
  get todayMs(): number {
    return this.#wallMs ?? 0;
  }

  /** What is put away now: never before what the calendar says, though the clock was set back. */
  get stampMs(): number {
    return Math.max(this.#clock.wall(), this.todayMs);
  }

  /** Looks at the clock. Durable, so that a restart takes it no step further than another look would. */
  async look(): Promise<void> {
    const wallMs = this.#clock.wall();
    this.#wallMs = this.#wallMs === undefined ? wallMs : Math.min(wallMs, this.#wallMs + STEP_MS_MAX);
    await this.#queue.write([{ key: CALENDAR_KEY, value: encodeRow({ wallMs: this.#wallMs } satisfies CalendarRow) }]);
  }
}
