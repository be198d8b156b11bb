import { type Draft, modifiedMsOf } from '../core/version.ts';
import type { FileStat } from '../platform/disk.ts';
import type { Digest } from '../platform/hasher.ts';
import type { Aside } from './act.ts';
import type { Acts } from './acts.ts';
import type { Keeping } from './keeping.ts';
import type { Room } from './room.ts';

/**
 * Saves that came too late: a program wrote to a file after it was replaced or buried. Its bytes become a version that
 * descends from what was replaced, beside what replaced it.
 */
export class LateEdits {
  readonly #room: Room;
  readonly #acts: Acts;
  readonly #keeping: Keeping;

  constructor(room: Room, acts: Acts, keeping: Keeping) {
    this.#room = room;
    this.#acts = acts;
    this.#keeping = keeping;
  }

  /** `key`: the row of the store that ends with it. */
  async recover(aside: Aside, digest: Digest, stat: FileStat, key: string | undefined): Promise<void> {
    const { path, base, disk: from } = aside;
    const { hash, size, manifest } = digest;
    const { ledger } = this.#room.options;
    const to = this.#room.freshPlace('siblings');
    const modifiedMs = modifiedMsOf(stat.mtimeMs);
    const draft: Draft = {
      kind: 'file',
      hash,
      size,
      manifest,
      mode: stat.mode & 0o777,
      found: false,
      origin: ledger.self,
      modifiedMs,
    };
    const copy = from.slice(from.lastIndexOf('/') + 1);
    await this.#room.locks.with([path], () =>
      this.#acts.run({
        id: this.#room.freshName(),
        moves: [{ kind: 'move', from, to }],
        effects: [
          { kind: 'forget', copy },
          { kind: 'mint', path, draft, base, placed: { path, hash, disk: to } },
        ],
        ...(key !== undefined && { clears: [key] }),
      }),
    );
    this.#room.spawn('arranging a name', () => this.#keeping.arrange(path));
  }
}
