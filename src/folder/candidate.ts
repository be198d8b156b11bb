import type { FilePath } from '../core/ids.ts';
import type { FileStat } from '../platform/disk.ts';

/** Paths looked at in one turn: a turn stays short. */
const TURN_PATHS_MAX = 2_000;

/** A path that is watched until it rests. */
export interface Candidate {
  readonly path: FilePath;
  /** `fresh`: to be looked at; `waiting`: until `dueMs`; `reading`: with the intake. */
  phase: 'fresh' | 'waiting' | 'reading';
  stat: FileStat | undefined;
  dueMs: number;
  /** When it was named. */
  readonly sinceMs: number;
  /** Times it was found busy. */
  rounds: number;
  /** Hinted while it was read: to be looked at once more. */
  isHinted: boolean;
  /** The scan-to-scan period it was first named in; undefined once it is busy, for nobody waits for it. */
  generation: number | undefined;
}

/** What settled, or is missing (no `stat`). */
export interface Settled {
  readonly path: FilePath;
  readonly stat: FileStat | undefined;
}

export interface SettlingEvents {
  /** Its settle time begins: it looks like that now. */
  settling(path: FilePath, stat: FileStat): void;
  /** Takes a path over, until it calls `done` or `again` for it. */
  settled(settled: Settled): void;
}

/** Takes the first candidates out of a map, in its order, while they are due. */
export function takeFirst(map: Map<FilePath, Candidate>, isDue: (candidate: Candidate) => boolean): Candidate[] {
  const taken: Candidate[] = [];
  for (const candidate of map.values()) {
    if (!isDue(candidate) || taken.length >= TURN_PATHS_MAX) break;
    taken.push(candidate);
  }
  for (const { path } of taken) map.delete(path);
  return taken;
}
