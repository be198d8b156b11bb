import { invariant } from '../core/errors.ts';
import { NO_RUNS, unionOf, withoutRuns } from '../core/striping.ts';
import { type FileVersion, type Version, versionKey } from '../core/version.ts';
import type { DiskPath, FileStat } from '../platform/disk.ts';
import type { Effect, Placed } from './act.ts';
import type { LedgerTransaction } from './ledger.ts';
import { unknownFacts } from './old-copies.ts';
import type { Room } from './room.ts';
import { oldKey } from './rows.ts';
import { type HeldRuns, keyOf } from './runs-table.ts';

/** Names remembered of runs that were held for them. */
const PAST_MAX = 32;
/** People remembered who sent runs of one content: whoever is forgotten sends them again. 1…1,000. */
const SENDERS_MAX = 32;

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
  /** Runs as the effects before leave them; most acts have none. */
  #runsNow: Map<Placed['hash'], HeldRuns> | undefined;

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
      case 'leave':
        return this.#leave(effect);
      case 'hold':
        for (const version of effect.versions) this.#transaction.put({ path: effect.placed.path, version, holding: 'all' });
        this.#place(effect.placed, effect.versions);
        return effect.versions[0];
      case 'hold-runs':
        return this.#holdRuns(effect);
      case 'keep-runs':
        return this.#keepRuns(effect);
      case 'lose-runs':
        return this.#loseRuns(effect);
      case 'drop-runs':
        return this.#dropRuns(effect);
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
    this.#carry(path, by);
    this.#forget(path, hash);
  }

  #carry(path: Placed['path'], by: Version | undefined): void {
    const own = this.#transaction.own(path);
    const isRecorded = by === undefined || own.some((record) => versionKey(record.version) === versionKey(by));
    if (by !== undefined && !isRecorded) this.#transaction.put({ path, version: by, holding: 'none' });
  }

  #holdRuns({ path, runs, more, versions }: Effect & { kind: 'hold-runs' }): undefined {
    const held = this.#runs(keyOf(runs));
    const mask = unionOf(held?.mask ?? NO_RUNS, more);
    const own = this.#transaction.own(path);
    for (const version of versions) {
      const isWhole = own.some((record) => versionKey(record.version) === versionKey(version) && record.holding === 'all');
      if (!isWhole) this.#transaction.put({ path, version, holding: { mask } });
    }
    const past = held?.past?.filter((one) => one.path !== path) ?? [];
    this.#setRuns({ ...runs, mask, paths: [...new Set([...(held?.paths ?? []), path])], past });
  }

  #keepRuns({ runs, more, by }: Effect & { kind: 'keep-runs' }): undefined {
    const held = this.#runs(keyOf(runs));
    const paths = held?.paths ?? [];
    const mask = unionOf(held?.mask ?? NO_RUNS, more);
    const sent = held?.sentBy?.find(({ name }) => name === by)?.mask ?? NO_RUNS;
    const others = held?.sentBy?.filter(({ name }) => name !== by) ?? [];
    const sentBy = by === undefined ? others : [...others, { name: by, mask: unionOf(sent, more) }].slice(-SENDERS_MAX);
    this.#setRuns({
      ...runs,
      mask,
      paths,
      ...(held?.past && { past: held.past }),
      ...(sentBy.length > 0 && { sentBy }),
      ...(paths.length === 0 && { idleMs: this.#room.calendar.stampMs, isLoose: true }),
    });
  }

  #loseRuns({ path, hash, key = hash, lost }: Effect & { kind: 'lose-runs' }): undefined {
    const held = this.#runs(key);
    if (held === undefined) return;
    const mask = withoutRuns(held.mask, lost);
    for (const { version, holding } of this.#transaction.own(path)) {
      if (version.kind !== 'file' || version.hash !== hash || holding === 'all' || holding === 'none') continue;
      this.#transaction.put({ path, version, holding: { mask } });
    }
    this.#setRuns({ ...held, mask });
  }

  #dropRuns({ path, hash, key = hash, by }: Effect & { kind: 'drop-runs' }): undefined {
    const version = this.#transaction.own(path).find((one) => one.version.kind === 'file' && one.version.hash === hash)?.version;
    this.#carry(path, by);
    const held = this.#runs(key);
    if (held === undefined) return;
    const paths = held.paths.filter((one) => one !== path);
    const asideMs = this.#room.calendar.stampMs;
    const past = (held.past ?? []).filter((one) => one.path !== path).slice(-PAST_MAX);
    // Its record may be gone for one that replaced it: what lies here is told all the same, for who lacks these runs has nothing.
    const { modifiedMs, mode, origin } = version?.kind === 'file' ? version : unknownFacts(this.#room.options.ledger.self);
    past.push({ path, modifiedMs, mode, origin, asideMs });
    this.#setRuns({ ...held, paths, past, ...(paths.length === 0 && { idleMs: asideMs }) });
  }

  /** As the effects before this one leave them. */
  #runs(key: Placed['hash']): HeldRuns | undefined {
    return this.#runsNow?.get(key) ?? this.#room.runs.at(key);
  }

  #setRuns(held: HeldRuns): void {
    this.#runsNow ??= new Map();
    this.#runsNow.set(keyOf(held), held);
    const { key, value } = this.#room.runs.row(held);
    this.#transaction.save(key, value);
    this.#told.push(() => this.#room.runs.set(held));
  }

  #lose({ path, hash, left }: Effect & { kind: 'lose' }): undefined {
    for (const { version, holding } of this.#transaction.own(path)) {
      if (version.kind !== 'file' || version.hash !== hash || holding === 'none') continue;
      this.#transaction.put({ path, version, holding: 'none' });
    }
    this.#forget(path, hash);
    if (left === undefined) return;
    this.#findAgain(path);
    this.#leave({ path, hash, left });
  }

  #leave({ path, hash, left }: Omit<Effect & { kind: 'leave' }, 'kind'>): undefined {
    const { versions, ...facts } = left;
    const { lost, held } = this.#room;
    const { key, value } = lost.row({ path, hash, ...facts }, versions);
    this.#transaction.save(key, value);
    this.#told.push(() => lost.set({ path, hash, ...facts }, held.scanNumber));
  }

  /** Nothing is lost there any more. */
  #findAgain(disk: DiskPath): void {
    const { lost } = this.#room;
    if (lost.at(disk) === undefined) return;
    const { key, value } = lost.rowGone(disk);
    this.#transaction.save(key, value);
    this.#told.push(() => lost.delete(disk));
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
    if (draft.kind === 'tombstone') return this.#transaction.mint(path, draft, base, 'none');
    if (placed === undefined) {
      const lying = this.#room.runs.of(draft.hash, draft.manifest.hash);
      const held = lying && this.#runs(keyOf(lying));
      if (held !== undefined) this.#setRuns({ ...held, paths: [...new Set([...held.paths, path])] });
      return this.#transaction.mint(path, draft, base, { mask: held?.mask ?? NO_RUNS });
    }
    const version = this.#transaction.mint(path, draft, base, 'all');
    if (version.kind === 'file') this.#place(placed, [version]);
    return version;
  }

  #place(placed: Placed, versions: readonly FileVersion[]): void {
    const { path, hash, disk } = placed;
    this.#findAgain(disk);
    const stat = this.#stats.get(disk) ?? placed.stat;
    invariant(stat !== undefined, 'a copy that is recorded has been seen');
    const copy = { path, hash, disk, stat };
    const packed = versions.map((version) => this.#transaction.pack(path, version));
    const { key, value } = this.#room.held.row(copy, packed);
    const manifest = this.#room.kept.writesFor([hash]);
    for (const write of [{ key, value }, ...manifest.writes]) this.#transaction.save(write.key, write.value);
    this.#told.push(() => this.#room.held.set(copy), manifest.noted);
  }
}
