import { invariant } from '../core/errors.ts';
import { type FileVersion, type Version, versionKey } from '../core/version.ts';
import type { DiskPath, FileStat } from '../platform/disk.ts';
import type { Effect, Placed } from './act.ts';
import type { LedgerTransaction } from './ledger.ts';
import type { Room } from './room.ts';
import { oldKey } from './rows.ts';

/** What a plan did: the versions, one an effect where it has one, and what memory is to be told once that is durable. */
export interface Written {
  readonly versions: readonly (Version | undefined)[];
  readonly tell: () => void;
}

/**
 * Writes the effects of an act, or of what people did in the folder, into one transaction.
 *
 * @param stats what the moves put where.
 */
export function writeEffects(
  room: Room,
  transaction: LedgerTransaction,
  effects: readonly Effect[],
  stats: ReadonlyMap<DiskPath, FileStat>,
): Written {
  const told: (() => void)[] = [];
  const writer = new EffectWriter(room, transaction, stats, told);
  const versions = effects.map((effect) => writer.write(effect));
  const tell = () => {
    for (const one of told) one();
  };
  return { versions, tell };
}

class EffectWriter {
  readonly #room: Room;
  readonly #transaction: LedgerTransaction;
  readonly #stats: ReadonlyMap<DiskPath, FileStat>;
  readonly #told: (() => void)[];

  constructor(room: Room, transaction: LedgerTransaction, stats: ReadonlyMap<DiskPath, FileStat>, told: (() => void)[]) {
    this.#room = room;
    this.#transaction = transaction;
    this.#stats = stats;
    this.#told = told;
  }

  write(effect: Effect): Version | undefined {
    switch (effect.kind) {
      case 'drop':
        return this.#drop(effect);
      case 'lose':
        return this.#lose(effect);
      case 'hold':
        for (const version of effect.versions) this.#transaction.put({ path: effect.placed.path, version, holding: 'all' });
        this.#place(effect.placed, effect.versions);
        return effect.versions[0];
      case 'note':
        this.#place(effect.placed, effect.versions);
        return undefined;
      case 'mint':
        return this.#mint(effect);
      case 'old': {
        const { key, value } = this.#room.old.write(effect.row);
        this.#transaction.save(key, value);
        this.#told.push(() => this.#room.old.add(effect.row));
        return undefined;
      }
      case 'forget':
        this.#transaction.save(oldKey(effect.copy), undefined);
        this.#told.push(() => this.#room.old.drop(effect.copy));
        return undefined;
    }
  }

  #drop({ path, hash, by }: Effect & { kind: 'drop' }): undefined {
    const own = this.#transaction.own(path);
    const isRecorded = by === undefined || own.some((record) => versionKey(record.version) === versionKey(by));
    if (by !== undefined && !isRecorded) this.#transaction.put({ path, version: by, holding: 'none' });
    this.#forget(path, hash);
  }

  #lose({ path, hash }: Effect & { kind: 'lose' }): undefined {
    for (const { version, holding } of this.#transaction.own(path)) {
      if (version.kind !== 'file' || version.hash !== hash || holding === 'none') continue;
      this.#transaction.put({ path, version, holding: 'none' });
    }
    this.#forget(path, hash);
  }

  #forget(path: Placed['path'], hash: Placed['hash']): void {
    const { held } = this.#room;
    const { key, value } = held.rowGone({ path, hash });
    this.#transaction.save(key, value);
    this.#told.push(() => {
      const copy = held.find(path, hash);
      if (copy !== undefined) held.delete(copy);
    });
  }

  #mint({ path, draft, base, placed }: Effect & { kind: 'mint' }): Version {
    const version = this.#transaction.mint(path, draft, base, draft.kind === 'file' ? 'all' : 'none');
    if (placed !== undefined && version.kind === 'file') this.#place(placed, [version]);
    return version;
  }

  #place(placed: Placed, versions: readonly FileVersion[]): void {
    const { path, hash, disk } = placed;
    const stat = this.#stats.get(disk) ?? placed.stat;
    invariant(stat !== undefined, 'a copy that is recorded has been seen');
    const copy = { path, hash, disk, stat };
    const { key, value } = this.#room.held.row(copy, versions);
    this.#transaction.save(key, value);
    this.#told.push(() => this.#room.held.set(copy));
  }
}
