import { MeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';

/** Waiters of one path; beyond that the caller is told `busy`. A path has a handful at most. */
const WAITERS_MAX = 1_000;

/** One lock a path: whoever changes what lies at a path, or what is recorded of it, holds it. */
export class PathLocks {
  /** Present: locked. The list: who waits, in order of coming. */
  readonly #locked = new Map<FilePath, (() => void)[]>();
  readonly #barred = new Set<FilePath>();

  /** Runs `act` while holding all `paths`, taken in one order so that two callers cannot wait for each other. */
  async with<T>(paths: readonly FilePath[], act: () => Promise<T>): Promise<T> {
    const sorted = [...new Set(paths)].sort();
    const held: FilePath[] = [];
    try {
      for (const path of sorted) {
        await this.#hold(path);
        held.push(path);
      }
      return await act();
    } finally {
      for (const path of held) this.#release(path);
    }
  }

  /** Takes the lock if it is free: the function returned gives it back. */
  tryHold(path: FilePath): (() => void) | undefined {
    if (this.#locked.has(path) || this.#barred.has(path)) return undefined;
    this.#locked.set(path, []);
    return () => this.#release(path);
  }

  /** An act on these paths could be neither finished nor undone: nobody touches them until it is. */
  bar(paths: readonly FilePath[]): void {
    for (const path of paths) this.#barred.add(path);
  }

  unbar(paths: readonly FilePath[]): void {
    for (const path of paths) this.#barred.delete(path);
  }

  async #hold(path: FilePath): Promise<void> {
    const waiting = this.#locked.get(path);
    if (waiting === undefined) this.#locked.set(path, []);
    else if (waiting.length >= WAITERS_MAX) throw new MeshError('busy', `too much is asked of ${path} at once`);
    else await new Promise<void>((resolve) => waiting.push(resolve));
    if (!this.#barred.has(path)) return;
    this.#release(path);
    throw new MeshError('busy', `a disk error left ${path} half done; it is tried again`);
  }

  #release(path: FilePath): void {
    const next = this.#locked.get(path)?.shift();
    if (next === undefined) this.#locked.delete(path);
    else next();
  }
}
