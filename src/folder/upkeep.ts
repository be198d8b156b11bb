import type { Timer } from '../platform/clock.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Acts } from './acts.ts';
import type { Asides } from './asides.ts';
import { setLeftAside } from './losing.ts';
import { Pulse } from './pulse.ts';
import type { Room } from './room.ts';
import type { Runs } from './runs.ts';
import { RunsUpkeep } from './runs-upkeep.ts';
import { ONCE_MS, type Stagings } from './stagings.ts';
import { recoverStrays, sweepSiblings } from './strays.ts';

/** Old copies and stale stagings are purged so often, and at the opening. */
const PURGE_EVERY_MS = 3_600_000;

/** What the private part of the folder needs at its opening and now and then. */
export class Upkeep {
  readonly #room: Room;
  readonly #acts: Acts;
  readonly #asides: Asides;
  readonly #stagings: Stagings;
  readonly #runs: RunsUpkeep;
  readonly #pulse: Pulse;
  readonly #sleepers = new Map<Timer, () => void>();
  #purgedMs = Number.NEGATIVE_INFINITY;
  #sweeping: Timer | undefined;

  constructor(room: Room, acts: Acts, asides: Asides, stagings: Stagings, runs: Runs) {
    this.#room = room;
    this.#acts = acts;
    this.#asides = asides;
    this.#stagings = stagings;
    this.#runs = new RunsUpkeep(room, runs);
    this.#pulse = new Pulse(room.options);
  }

  /** What a person should know of the disk, and of what lies in the private part. */
  warnings(): (string | undefined)[] {
    return [this.#pulse.warning, ...this.#room.old.warnings()];
  }

  /** Finishes what a crash left; from then on acts are possible. Call with the folder believed. */
  async open(): Promise<void> {
    if (this.#room.isOpen) return;
    this.#pulse.start();
    await this.#acts.finishAll();
    await this.#stagings.refresh();
    await this.#stagings.sweep(this.#room.pinned);
    const strays = await sweepSiblings(this.#room);
    if (this.#room.belief.isFinding) this.#room.spawn('looking at stray siblings', () => recoverStrays(this.#room, strays));
    await this.#runs.sweep();
    await this.#room.kept.sweep(true);
    this.#room.isOpen = true;
    this.#room.tell();
    // By then whoever had begun something here, before this start, has come back or never will.
    this.#sweeping = this.#room.options.clock.after(ONCE_MS + ONCE_MS / 10, () =>
      this.#room.spawn('removing what nobody goes on with', async () => {
        await this.#room.calendar.look();
        await this.#stagings.sweep(this.#room.pinned);
      }),
    );
  }

  async beforeScan(): Promise<void> {
    await this.open();
    await this.#acts.retryStuck();
    await setLeftAside(this.#room, this.#acts);
    await this.#stagings.leaveIdle();
    await this.#stagings.refresh();
    await this.#runs.loseMissing();
    if (this.#runs.isOverShare(this.#stagings.room)) await this.#runs.purge(this.#stagings.room);
    const nowMs = this.#room.options.clock.now();
    if (nowMs - this.#purgedMs < PURGE_EVERY_MS) return;
    this.#purgedMs = nowMs;
    this.#room.spawn('purging old copies', () => this.#purge());
  }

  async #purge(): Promise<void> {
    const { lost, queue, belief } = this.#room;
    await this.#room.calendar.look();
    await this.#room.old.purge(this.#stagings.room, (place) => this.#isInUse(place));
    const removed = await lost.removed();
    // Of a folder that went away nothing is there, and nothing was removed.
    if (!(await belief.check())) return;
    await queue.write(removed.map(({ disk }) => lost.rowGone(disk)));
    for (const { disk } of removed) lost.delete(disk);
    await this.#runs.purge(this.#stagings.room);
    await this.#stagings.sweep(this.#room.pinned);
    await this.#room.kept.sweep(false);
  }

  #isInUse(place: DiskPath): boolean {
    const { pinned, lost } = this.#room;
    return this.#asides.isWatched(place) || pinned.has(place) || lost.isOnlyOne(place);
  }

  /** Resolves after `ms`, or when the folder stops. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#room.options.clock.after(ms, () => {
        this.#sleepers.delete(timer);
        resolve();
      });
      this.#sleepers.set(timer, resolve);
    });
  }

  stop(): void {
    this.#pulse.stop();
    this.#sweeping?.cancel();
    for (const [timer, resolve] of this.#sleepers) {
      timer.cancel();
      resolve();
    }
    this.#sleepers.clear();
  }
}
