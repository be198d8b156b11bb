import type { Clock, Timer } from '../platform/clock.ts';
import type { Disk } from '../platform/disk.ts';
import type { Log } from '../platform/log.ts';

/** The disk is asked something so often, at rest too: a few small reads. */
const BEAT_EVERY_MS = 15_000;
/** Who waits so long is not answered soon: a disk that was asleep takes some 10 s. */
const SILENT_MS = 20_000;

interface Slice {
  readonly clock: Clock;
  readonly disk: Pick<Disk, 'probe'>;
  readonly log: Log;
}

/**
 * Whether the disk answers at all. One that is failing, or a network drive out of reach, may hold a read for ever: nothing
 * fails then, and all that is asked of it later waits behind. Heartbeats go on, and others serve what it has.
 */
export class Pulse {
  readonly #slice: Slice;
  /** Of the question that is not answered. */
  #askedMs: number | undefined;
  #isTold = false;
  #timer: Timer | undefined;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** For a person; undefined while it answers. */
  get warning(): string | undefined {
    const silentMs = this.#askedMs === undefined ? 0 : this.#slice.clock.now() - this.#askedMs;
    if (silentMs < SILENT_MS) return undefined;
    return `the disk of this folder has not answered for ${Math.floor(silentMs / 1000)} s: it may be failing, or out of reach`;
  }

  start(): void {
    if (this.#timer === undefined) this.#beat();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #beat(): void {
    const { clock, disk, log } = this.#slice;
    this.#timer = clock.after(BEAT_EVERY_MS, () => this.#beat());
    const { warning } = this;
    if (warning !== undefined && !this.#isTold) {
      this.#isTold = true;
      log.error(warning);
    }
    if (this.#askedMs !== undefined) return;
    this.#askedMs = clock.now();
    const answered = () => {
      this.#askedMs = undefined;
      if (this.#isTold) log.warn('the disk of this folder answers again');
      this.#isTold = false;
    };
    // A failure is an answer too: whoever needs something of the disk is told of it.
    disk.probe().then(answered, answered);
  }
}
