import { asMeshError } from '../core/errors.ts';
import { type Act, pathsOf, placesOf } from './act.ts';
import type { Room } from './room.ts';
import { apart, type Together } from './told-together.ts';

/** Acts that could be neither finished nor undone. Until they are, nobody touches their paths, or where their bytes lie. */
export class StuckActs {
  readonly #room: Room;
  readonly #acts = new Map<string, Act>();
  /** Rows that still tell some of them together. */
  #rows: Together[] = [];

  constructor(room: Room) {
    this.#room = room;
  }

  /** @param rows what tells them, if that is not a row each. */
  add(acts: readonly Act[], rows: readonly Together[] = []): void {
    this.#rows.push(...rows);
    for (const act of acts) {
      this.#acts.set(act.id, act);
      this.#room.locks.bar(pathsOf(act));
      for (const place of placesOf(act)) this.#room.pinned.add(place);
    }
  }

  /** All of them, told durably once more, for another try. None while the store takes nothing. */
  async told(): Promise<Act[]> {
    const acts = [...this.#acts.values()];
    if (acts.length === 0 || !(await tellAgain(this.#room, this.#rows, acts))) return [];
    this.#rows = [];
    return acts;
  }

  /** It is tried now. */
  delete(act: Act): void {
    this.#acts.delete(act.id);
    this.#room.locks.unbar(pathsOf(act));
    for (const place of placesOf(act)) this.#room.pinned.delete(place);
  }
}

/**
 * Tells acts durably once more, each alone, whatever told them before: a crash must find told whatever is done or undone next. False
 * when the store does not take it. When it does, a record that it failed on before is not there, and never will be.
 */
export async function tellAgain(room: Room, rows: readonly Together[], acts: readonly Act[]): Promise<boolean> {
  try {
    await room.queue.write(apart(rows, acts));
    return true;
  } catch (thrown) {
    room.options.log.error('acts are left as they stand: the store takes nothing', { reason: asMeshError(thrown).message });
    return false;
  }
}
