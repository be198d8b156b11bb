import { asMeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Timer } from '../platform/clock.ts';
import { decodeHeld } from './held-row.ts';
import type { Room } from './room.ts';
import { decodeRow, encodeRow, HELD_KEYS, RUNS_KEYS, SCRUB_KEY } from './rows.ts';
import type { HeldRuns } from './runs-table.ts';

/** Every copy is read again about so often: disks rot slowly, and reading wears nobody's patience. */
const ROUND_MS = 30 * 24 * 3_600_000;
/** Rest between two copies. At least 1 s, however many there are; at most a quarter of a day, however few. */
const REST_MS_MIN = 1_000;
const REST_MS_MAX = 6 * 3_600_000;
/** One that became due while the program did not run waits so long at most: a start has much to read as it is. 0…10 min. */
const OVERDUE_REST_MS = 60_000;

/** True when the copy is right; sets it aside when it is not. */
type Verify = (path: FilePath, hash: ContentHash) => Promise<boolean>;

/** The row of the store. */
interface ScrubRow {
  /** How far the round has come: a key of HELD_KEYS, or then of RUNS_KEYS. */
  readonly after: string;
  /** Wall ms of the next turn: a machine that runs for less than a rest at a time comes to it too. */
  readonly dueMs?: number;
}

/**
 * Reads what is held again, one copy after the other, so that what rotted is found and healed while others still have it.
 * Goes on after a restart where it was.
 */
export class Scrub {
  readonly #room: Room;
  readonly #verify: Verify;
  #timer: Timer | undefined;

  constructor(room: Room, verify: Verify) {
    this.#room = room;
    this.#verify = verify;
  }

  start(): void {
    this.#room.spawn('finding out when to scrub', async () => this.#wait(await this.#firstRestMs().catch(() => this.#restMs)));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  get #restMs(): number {
    const files = this.#room.held.files + this.#room.runs.files;
    return Math.min(REST_MS_MAX, Math.max(REST_MS_MIN, ROUND_MS / Math.max(1, files)));
  }

  #wait(ms: number): void {
    if (this.#room.isStopped) return;
    this.#timer = this.#room.options.clock.after(ms, () => this.#room.spawn('scrubbing', () => this.#turn()));
  }

  /** What is left of the rest that the last run of the program began. */
  async #firstRestMs(): Promise<number> {
    const { store, clock } = this.#room.options;
    const row = await store.get(SCRUB_KEY);
    const { after = '', dueMs } = row === undefined ? {} : decodeRow<Partial<ScrubRow>>(row);
    const restMs = this.#restMs;
    const leftMs = (dueMs ?? Number.POSITIVE_INFINITY) - clock.wall();
    // Later than a rest from now: nothing was noted yet, or the clock was ahead then.
    if (leftMs > restMs) {
      await this.#note(after);
      return restMs;
    }
    return Math.max(leftMs, Math.min(restMs, OVERDUE_REST_MS));
  }

  async #note(after: string): Promise<void> {
    const dueMs = this.#room.options.clock.wall() + this.#restMs;
    await this.#room.queue.write([{ key: SCRUB_KEY, value: encodeRow({ after, dueMs } satisfies ScrubRow) }]);
  }

  async #turn(): Promise<void> {
    try {
      if (this.#room.isOpen && (await this.#room.belief.check())) await this.#verifyNext();
    } finally {
      this.#wait(this.#restMs);
    }
  }

  async #verifyNext(): Promise<void> {
    const { store, log } = this.#room.options;
    const row = await store.get(SCRUB_KEY);
    const after = row === undefined ? '' : decodeRow<ScrubRow>(row).after;
    const held = await this.#after(after, HELD_KEYS);
    const next = held ?? (await this.#after(after, RUNS_KEYS));
    // Noted before: a copy that cannot be read must not hold up the others for ever.
    await this.#note(next?.key ?? '');
    if (next === undefined) return;
    const { path, hash } = held === undefined ? runsIn(next.value) : decodeHeld(next.key, next.value);
    // Runs kept for no name are told of to nobody.
    if (path === undefined) return;
    try {
      await this.#verify(path, hash);
    } catch (thrown) {
      log.warn('a copy could not be read again', { path, reason: asMeshError(thrown).message });
    }
  }

  async #after(key: string, { from, to }: { from: string; to: string }): Promise<{ key: string; value: Uint8Array } | undefined> {
    if (key >= to) return undefined;
    const begin = key < from ? from : `${key}\u0000`;
    return (await this.#room.options.store.range({ from: begin, to, limit: 1 }))[0];
  }
}

function runsIn(row: Uint8Array): { readonly path: FilePath | undefined; readonly hash: ContentHash } {
  const { paths, hash } = decodeRow<HeldRuns>(row);
  return { path: paths[0], hash };
}
