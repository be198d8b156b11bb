import { asMeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import { hasRun, NO_RUNS, runsIn } from '../core/striping.ts';
import { KEEP_MS, KEEP_SHARE } from './old-copies.ts';
import type { Room } from './room.ts';
import { runsKey } from './rows.ts';
import type { Runs } from './runs.ts';
import { bytesHeld, type HeldRuns, keyOf, placeOfRun } from './runs-table.ts';

/** So long runs may wait for the version they were sent for, however much they are. */
const LOOSE_MS = 24 * 3_600_000;
/** All files of runs are looked at anew after so many times as long as the last look took: a hundredth of the time at most. Range 20–500. */
const LOOK_REST = 100;

/** What runs need at the opening and now and then. */
export class RunsUpkeep {
  readonly #room: Room;
  readonly #runs: Runs;
  #nextLookMs = 0;

  constructor(room: Room, runs: Runs) {
    this.#room = room;
    this.#runs = runs;
  }

  /** Sets aside files that no row tells of. Acts being finished, nobody is served from them. */
  async sweep(): Promise<void> {
    const { disk, log } = this.#room.options;
    for (const { name } of await disk.list('runs')) {
      const [key, run] = name.split('-');
      const place = `.filemesh/runs/${name}`;
      const mask = this.#room.runs.at(key as ContentHash)?.mask ?? NO_RUNS;
      if (hasRun(mask, Number.parseInt(run ?? '', 10) || 0) || this.#room.pinned.has(place)) continue;
      await disk.move(place, `.filemesh/trash/${name}`).catch((thrown) => {
        log.warn('a stray run stays', { place, reason: asMeshError(thrown).message });
      });
    }
  }

  /** Runs whose file is gone: the disk lost it, or the folder is an older one put back. The others bring them back. */
  async loseMissing(): Promise<void> {
    const { clock } = this.#room.options;
    const beganMs = clock.now();
    if (beganMs < this.#nextLookMs) return;
    await this.#lookForMissing();
    this.#nextLookMs = clock.now() + LOOK_REST * (clock.now() - beganMs);
  }

  async #lookForMissing(): Promise<void> {
    const held = [...this.#room.runs.all()].filter(({ mask, paths }) => mask !== NO_RUNS && paths.length > 0);
    if (held.length === 0) return;
    const there = new Set((await this.#room.options.disk.list('runs')).map(({ name }) => `.filemesh/runs/${name}`));
    for (const one of held) {
      const key = keyOf(one);
      const missing = runsIn(one.mask).filter((run) => !there.has(placeOfRun(key, run)));
      if (missing.length > 0) await this.#runs.lose(key, missing);
    }
  }

  /** What was given up takes its share of the room and no more, for longer than it takes to notice. */
  isOverShare(room: number): boolean {
    return this.#room.runs.idleBytes > room * KEEP_SHARE;
  }

  /** Removes what is held for no name and too old or too much, oldest first. `room`: bytes the folder has room for. */
  async purge(room: number): Promise<void> {
    const nowMs = this.#room.calendar.todayMs;
    const idle = [...this.#room.runs.all()]
      .filter(({ paths, isLoose, idleMs = 0 }) => paths.length === 0 && !(isLoose === true && idleMs >= nowMs - LOOSE_MS))
      .sort((a, b) => (a.idleMs ?? 0) - (b.idleMs ?? 0));
    let bytes = idle.reduce((sum, held) => sum + bytesHeld(held), 0);
    for (const held of idle) {
      // All of it lies here: who let go of them for that did not come to remove them.
      const isDouble = this.#room.held.hasHash(held.hash);
      if (!isDouble && (held.idleMs ?? 0) >= nowMs - KEEP_MS && bytes <= room * KEEP_SHARE) continue;
      await removeRuns(this.#room, keyOf(held));
      bytes -= bytesHeld(held);
    }
  }
}

/** Forgets runs unless they are held for some name, and removes their files. */
export async function removeRuns(room: Room, key: ContentHash): Promise<void> {
  const { hash = key } = room.runs.at(key) ?? {};
  await room.locks.with([lockOf(hash)], async () => {
    const held = room.runs.at(key);
    if (held !== undefined && held.paths.length === 0) await removeRunsLocked(room, held);
  });
}

/** The same for who holds the lock of the content. */
async function removeRunsLocked(room: Room, held: HeldRuns): Promise<void> {
  const key = keyOf(held);
  const { writes, forgotten } = await room.kept.removal(key);
  const isLast = !room.held.hasHash(key) && !room.old.hasHash(key);
  await room.queue.write([{ key: runsKey(key), value: undefined }, ...(isLast ? writes : [])]);
  room.runs.delete(key);
  if (isLast) forgotten();
  for (const run of runsIn(held.mask)) await room.options.disk.remove(placeOfRun(key, run));
}

/** One content's runs are shared by its names: whoever changes them holds this lock too. No file has such a name. */
export function lockOf(hash: ContentHash): FilePath {
  return `/${hash}` as FilePath;
}
