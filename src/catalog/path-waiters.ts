import type { FilePath } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';

interface Slice {
  readonly clock: Clock;
  onPaths(listener: (paths: ReadonlySet<FilePath>) => void): void;
}

/** Lets behaviours wait for something to become true of one path, without each of them listening to all paths. */
export class PathWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Map<FilePath, Set<() => void>>();

  constructor(slice: Slice) {
    this.#clock = slice.clock;
    slice.onPaths((paths) => {
      for (const path of paths) for (const look of [...(this.#waiting.get(path) ?? [])]) look();
    });
  }

  /** Resolves true as soon as `holds` does, false after `deadlineMs`. `holds` is asked at once and after each change of the path. */
  until(path: FilePath, holds: () => boolean, deadlineMs: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (result: boolean) => {
        timer.cancel();
        looks.delete(look);
        if (looks.size === 0 && this.#waiting.get(path) === looks) this.#waiting.delete(path);
        resolve(result);
      };
      const look = () => {
        if (holds()) end(true);
      };
      const timer = this.#clock.after(deadlineMs, () => end(false));
      const looks = this.#waiting.get(path) ?? new Set();
      looks.add(look);
      this.#waiting.set(path, looks);
    });
  }
}
