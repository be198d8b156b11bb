import { asMeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Timer } from '../platform/clock.ts';
import type { Room } from './room.ts';
import { decodeRow, encodeRow, HELD_KEYS, SCRUB_KEY } from './rows.ts';

/** Every copy is read again about so often: disks rot slowly, and reading wears nobody's patience. */
const ROUND_MS = 30 * 24 * 3_600_000;
/** Rest between two copies. At least 1 s, however many there are; at most a quarter of a day, however few. */
const REST_MS_MIN = 1_000;
const REST_MS_MAX = 6 * 3_600_000;

/** True when the copy is right; sets it aside when it is not. */
type Verify = (path: FilePath, hash: ContentHash) => Promise<boolean>;

/** The row of the store that says how far the round has come: a key of HELD_KEYS. */
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
    const restMs = Math.min(REST_MS_MAX, Math.max(REST_MS_MIN, ROUND_MS / Math.max(1, this.#room.held.files)));
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
    const after = row === undefined ? HELD_KEYS.from : `${decodeRow<ScrubRow>(row).after}\u0000`;
    const [next] = await store.range({ from: after, to: HELD_KEYS.to, limit: 1 });
    // Noted before: a copy that cannot be read must not hold up the others for ever.
    const noted = next === undefined ? undefined : encodeRow({ after: next.key } satisfies ScrubRow);
    await this.#room.queue.write([{ key: SCRUB_KEY, value: noted }]);
    if (next === undefined) return;
    const { path, hash } = decodeRow<{ path: FilePath; hash: ContentHash }>(next.value);
    try {
      await this.#verify(path, hash);
    } catch (thrown) {
      log.warn('a copy could not be read again', { path, reason: asMeshError(thrown).message });
    }
  }
}
