import { asMeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Timer } from '../platform/clock.ts';
import type { Room } from './room.ts';
import { decodeRow, encodeRow, HELD_KEYS, RUNS_KEYS, SCRUB_KEY } from './rows.ts';
import type { HeldRuns } from './runs-table.ts';

/** Every copy is read again about so often: disks rot slowly, and reading wears nobody's patience. */
const ROUND_MS = 30 * 24 * 3_600_000;
/** Rest between two copies. At least 1 s, however many there are; at most a quarter of a day, however few. */
const REST_MS_MIN = 1_000;
const REST_MS_MAX = 6 * 3_600_000;

/** True when the copy is right; sets it aside when it is not. */
type Verify = (path: FilePath, hash: ContentHash) => Promise<boolean>;

/** The row of the store that says how far the round has come: a key of HELD_KEYS, or then of RUNS_KEYS. */
interface ScrubRow {
  readonly after: string;
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
    if (this.#room.isStopped) return;
    const restMs = Math.min(
      REST_MS_MAX,
      Math.max(REST_MS_MIN, ROUND_MS / Math.max(1, this.#room.held.files + this.#room.runs.files)),
    );
    this.#timer = this.#room.options.clock.after(restMs, () => this.#room.spawn('scrubbing', () => this.#turn()));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #turn(): Promise<void> {
    try {
      if (this.#room.isOpen && (await this.#room.belief.check())) await this.#verifyNext();
    } finally {
      this.start();
    }
  }

  async #verifyNext(): Promise<void> {
    const { store, log } = this.#room.options;
    const row = await store.get(SCRUB_KEY);
    const after = row === undefined ? '' : decodeRow<ScrubRow>(row).after;
    const next = (await this.#after(after, HELD_KEYS)) ?? (await this.#after(after, RUNS_KEYS));
    // Noted before: a copy that cannot be read must not hold up the others for ever.
    const noted = next === undefined ? undefined : encodeRow({ after: next.key } satisfies ScrubRow);
    await this.#room.queue.write([{ key: SCRUB_KEY, value: noted }]);
    if (next === undefined) return;
    const { hash, ...held } = decodeRow<{ path: FilePath; hash: ContentHash } | HeldRuns>(next.value);
    const path = 'path' in held ? held.path : held.paths[0];
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
