import type { Role } from '../core/facts.ts';
import type { Clock, Timer } from '../platform/clock.ts';

/** A link on which nothing was sent for so long sends a beat. Range 100–2,000: three of them are a death. */
export const BEAT_MS = 500;
/** Beats that may fail to come before a link is dead. */
const BEATS_MISSED_MAX = 3;
/** Links to peers up to which BEAT_MS holds; above, beats grow rarer in proportion, for their cost grows with the square. */
const QUICK_LINKS_MAX = 10;
/** The longest silence of any link, whatever the mesh's size; also the one allowed before the other end told its interval. */
export const SILENCE_MS_MAX = 5_000;
/**
 * The longest interval. Range SILENCE_MS_MAX / 4 – SILENCE_MS_MAX / 2: the last beat before an end stood still was sent at
 * most this and an eighth ago, so that any link may stand still for as long again without being taken for dead.
 */
export const BEAT_MS_MAX = 2_250;
/** Links are looked at so often, or four times in an interval when that is rarer; and when the time of one is up before that. */
const TICK_MS_MIN = BEAT_MS / 2;
const TICKS_IN_INTERVAL = 4;
/** A timer later than this says that this process stood still, and nothing about the others. */
const LATE_MS_MAX = 250;
/**
 * Before anyone is declared dead, and after this process stood still, the sockets are read for so long. Not 0: on a busy
 * machine two timers due together run without a look at the sockets between them. Range 5–100.
 */
const READ_FIRST_MS = 20;
/** Silence allowed to a link that is not read from now, since then its beats go unheard. Range 5,000–60,000. */
const HELD_MS_MAX = 10_000;
/**
 * A link whose pipe took nothing for so long is over, though its other end may say that it lives: what it asked for lies in
 * memory. Range HELD_MS_MAX – 120,000; long enough for a MiB at 35 KiB/s.
 */
export const STALLED_MS_MAX = 30_000;

/** What a heartbeat needs of a link. */
export interface Beating {
  readonly role: Role;
  readonly open: boolean;
  /** Clock ms of the last byte heard, or of the last sign that the other end takes ours. */
  readonly heardMs: number;
  /** Clock ms of the last frame sent. */
  readonly sentMs: number;
  /** The longest pause between two frames that the other end promised last; undefined before its first beat. */
  readonly promisedMs: number | undefined;
  /** Clock ms since when the pipe takes nothing more; undefined while it does. */
  readonly fullSinceMs: number | undefined;
  /** Reading from it is held back at this end. */
  readonly held: boolean;
  /** Sends a beat: this end lives, and sends something at least every `intervalMs` from now on. */
  beat(intervalMs: number): void;
  /** Gives it a fresh full time. */
  renew(): void;
  close(reason: string): void;
}

/**
 * Keeps links alive and finds the dead, with one timer for all of them. Each end says in its beats how often it will be
 * heard, so that two ends with different numbers of links agree about silence. A peer that stood still itself (garbage
 * collection, SIGCONT, wake-up) first reads what its sockets hold and gives every link a fresh full time.
 */
export class Heartbeat {
  readonly #clock: Clock;
  /** With the interval told last. */
  readonly #links = new Map<Beating, number>();
  /** Of links to peers, while there are so many. */
  #peersIntervalMs = BEAT_MS;
  #tickMs = TICK_MS_MIN;
  #timer: Timer | undefined;
  #dueMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now until it is closed. The first beat goes out at once. */
  watch(link: Beating): void {
    this.#links.set(link, 0);
    this.#beat();
    this.#schedule();
  }

  /** What a client is told does not grow with the mesh: there are few of them, and a person waits behind each. */
  #intervalMs(link: Beating): number {
    return link.role === 'peer' ? this.#peersIntervalMs : BEAT_MS;
  }

  /** Sees how many links there are, which decides how often they are looked at. */
  #count(): void {
    let peers = 0;
    for (const link of this.#links.keys()) if (link.role === 'peer') peers++;
    const intervalMs = Math.min(BEAT_MS_MAX, BEAT_MS * Math.max(1, peers / QUICK_LINKS_MAX));
    this.#peersIntervalMs = Math.round(intervalMs);
    const shortestMs = peers < this.#links.size ? BEAT_MS : intervalMs;
    this.#tickMs = Math.max(TICK_MS_MIN, shortestMs / TICKS_IN_INTERVAL);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#links.size === 0) return;
    const restMs = Math.ceil(Math.min(this.#tickMs, this.#firstDeathMs()));
    this.#dueMs = this.#clock.now() + restMs;
    this.#timer = this.#clock.after(restMs, () => {
      this.#timer = undefined;
      this.#tick();
      this.#schedule();
    });
  }

  #tick(): void {
    for (const link of this.#links.keys()) if (!link.open) this.#links.delete(link);
    this.#beat();
    // What lies in a socket is life too: it is read before anyone is declared dead.
    if (this.#isLate(this.#dueMs)) this.#clock.after(READ_FIRST_MS, () => this.#renewAll());
    else if (this.#silent().length > 0) this.#closeSilentSoon();
  }

  /** This process may stand still in between as well: then everything lies unread, and all get a fresh full time instead. */
  #closeSilentSoon(): void {
    const dueMs = this.#clock.now() + READ_FIRST_MS;
    this.#clock.after(READ_FIRST_MS, () => {
      if (this.#isLate(dueMs)) this.#clock.after(READ_FIRST_MS, () => this.#renewAll());
      else this.#closeSilent();
    });
  }

  #isLate(dueMs: number): boolean {
    return this.#clock.now() - dueMs > LATE_MS_MAX;
  }

  /** At the look that is nearest to when a beat is due. */
  #beat(): void {
    this.#count();
    const nowMs = this.#clock.now();
    for (const [link, toldMs] of this.#links) {
      if (!link.open) continue;
      const intervalMs = this.#intervalMs(link);
      if (toldMs === intervalMs && nowMs - link.sentMs < intervalMs - this.#tickMs / 2) continue;
      this.#links.set(link, intervalMs);
      link.beat(intervalMs);
    }
  }

  #renewAll(): void {
    for (const link of this.#links.keys()) link.renew();
  }

  #silent(): Beating[] {
    return [...this.#links.keys()].filter((link) => link.open && this.#leftMs(link) <= 0);
  }

  /**
   * Ms until the first link that lives is dead, if it stays as silent. While all are heard, that is later than the next look; a
   * dead one of fifty would else be found half a second late, for so rare are the looks.
   */
  #firstDeathMs(): number {
    let firstMs = Number.POSITIVE_INFINITY;
    for (const link of this.#links.keys()) {
      const leftMs = link.open ? this.#leftMs(link) : 0;
      if (leftMs > 0) firstMs = Math.min(firstMs, leftMs);
    }
    return firstMs;
  }

  #leftMs(link: Beating): number {
    return Math.min(this.#silenceMsMax(link) - (this.#clock.now() - link.heardMs), this.#untilStalledMs(link));
  }

  #untilStalledMs({ fullSinceMs }: Beating): number {
    return fullSinceMs === undefined ? Number.POSITIVE_INFINITY : STALLED_MS_MAX - (this.#clock.now() - fullSinceMs);
  }

  #silenceMsMax(link: Beating): number {
    if (link.held) return HELD_MS_MAX;
    if (link.promisedMs === undefined) return SILENCE_MS_MAX;
    return Math.min(SILENCE_MS_MAX, BEATS_MISSED_MAX * Math.max(this.#intervalMs(link), link.promisedMs));
  }

  #closeSilent(): void {
    for (const link of this.#silent()) link.close(this.#untilStalledMs(link) <= 0 ? 'stalled' : 'silent');
  }
}
