import { asMeshError, invariant, MeshError } from '../core/errors.ts';
import type { Version } from '../core/version.ts';
import type { CommitIntent, DiskPath, FileStat } from '../platform/disk.ts';
import type { StoreWrite } from '../platform/store.ts';
import { type Act, type Aside, contentsOf, type IntentRow, type Move, type NewFileAct, pathsOf } from './act.ts';
import type { Asides } from './asides.ts';
import { writeEffects } from './effects.ts';
import { commitNew } from './new-files.ts';
import type { Room } from './room.ts';
import { encodeRow, INTENT_KEYS, intentKey } from './rows.ts';
import { asLifted } from './setting-aside.ts';
import { isSameFile } from './stats.ts';
import { rowsOf } from './store-queue.ts';
import { StuckActs, tellAgain } from './stuck-acts.ts';
import { actWrite, apart, decodeIntent, together } from './told-together.ts';
import { undoMove } from './undoing.ts';

export type Stats = Map<DiskPath, FileStat>;

const SIBLINGS = '.filemesh/siblings/';

/** How the moves of an act ended. */
export type Ending =
  | { readonly kind: 'done' }
  /** Somebody changed what lies there: `count` moves stand. */
  | { readonly kind: 'given up'; readonly count: number; readonly aside?: Aside; readonly isTaken: boolean }
  /** `isUnsure`: the store failed, and nobody knows whether what it was to record is recorded. */
  | { readonly kind: 'broken'; readonly count: number; readonly error: MeshError; readonly isUnsure?: boolean };

/**
 * Runs acts. The order is always: the intent durably, the moves, one change of the ledger that records the result and
 * clears the intent. The caller holds the locks of `pathsOf(act)`.
 */
export class Acts {
  readonly #room: Room;
  readonly #asides: Asides;
  readonly #stuck: StuckActs;

  constructor(room: Room, asides: Asides) {
    this.#room = room;
    this.#asides = asides;
    this.#stuck = new StuckActs(room);
  }

  /**
   * Durable and recorded when it resolves, with one version for each effect that has one. Rejects with `busy` when the
   * folder has a change of its own there (it is looked at then), and with what the disk or the store said; then nothing
   * of it stays, and staged files are where they were.
   */
  run(act: Act): Promise<readonly (Version | undefined)[]> {
    return this.#room.track(() => this.#run(act));
  }

  /**
   * The same for many acts that each put one new file in place: one batch of intents, one turn of the disk, one change of the
   * ledger. Gives why each came to nothing, or undefined; rejects when nothing was begun.
   */
  runNew(acts: readonly NewFileAct[]): Promise<(MeshError | undefined)[]> {
    return this.#room.track(() => this.#runNew(acts));
  }

  /** Finishes what a crash interrupted. Call once, before the first scan. */
  async finishAll(): Promise<void> {
    for await (const page of rowsOf(this.#room.options.store, INTENT_KEYS)) {
      for (const { key, value } of page) {
        const row = decodeIntent(value, this.#room.options.ledger);
        if (row.phase === 'watching') {
          this.#asides.watch(key, row.asides);
          continue;
        }
        if (row.phase === 'acting together') await this.#room.queue.write(apart([{ key }], row.acts));
        for (const act of row.phase === 'acting' ? [row.act] : row.acts) await this.#finish(act);
      }
    }
  }

  /** True while a program may still be writing to what was set aside there. */
  isWatched(place: DiskPath): boolean {
    return this.#asides.isWatched(place);
  }

  /** Tries again what a sick disk left half done. */
  async retryStuck(): Promise<void> {
    for (const act of await this.#stuck.told()) {
      this.#stuck.delete(act);
      await this.#finish(act);
    }
  }

  async #run(act: Act): Promise<readonly (Version | undefined)[]> {
    // Nothing happens on the disk: the ledger's change is the whole act.
    if (act.moves.length === 0) return this.#record(act, new Map());
    // What was read is forgotten by a crash: its manifest goes before.
    const manifests = this.#room.kept.writesFor(contentsOf(act));
    await this.#room.queue.write([actWrite(act), ...manifests.writes]);
    manifests.noted();
    return this.#perform(act);
  }

  async #runNew(acts: readonly NewFileAct[]): Promise<(MeshError | undefined)[]> {
    if (acts.length === 0) return [];
    const { queue, options } = this.#room;
    const rows = together(acts, options.ledger);
    await queue.write(rows);
    const stats: Stats = new Map();
    const endings = await commitNew(options.disk, acts, stats);
    const done = acts.filter((_, index) => endings[index]?.kind === 'done');
    const left = acts.filter((act) => !done.includes(act));
    let error: MeshError | undefined;
    try {
      // What was done on another disk than ours must not be told of ours: it would be missing there, and taken for deleted.
      if (!(await this.#room.belief.isItself())) this.#room.belief.assert();
      await this.#recordAll(done, stats, apart(rows, left));
    } catch (thrown) {
      error = asMeshError(thrown);
      if (!(await tellAgain(this.#room, rows, acts))) {
        this.#stuck.add(acts, rows);
        return acts.map(() => error);
      }
    }
    const errors: (MeshError | undefined)[] = [];
    for (const [index, act] of acts.entries()) {
      const moved = endings[index] as Ending;
      const ending = moved.kind === 'done' && error !== undefined ? ({ kind: 'broken', count: 1, error } as const) : moved;
      errors.push(ending.kind === 'done' ? undefined : await this.#giveUp(act, stats, ending).catch(asMeshError));
    }
    return errors;
  }

  async #recordAll(acts: readonly NewFileAct[], stats: Stats, intents: readonly StoreWrite[]): Promise<void> {
    const written = await this.#room.options.ledger.change(acts.flatMap(pathsOf), (transaction) => {
      for (const { key, value } of intents) transaction.save(key, value);
      return acts.map((act) => writeEffects(this.#room, transaction, act.effects, stats));
    });
    for (const { tell } of written) tell();
    this.#room.tell();
  }

  async #finish(act: Act): Promise<void> {
    try {
      await this.#room.locks.with(pathsOf(act), () => this.#perform(act));
    } catch (thrown) {
      this.#room.options.log.warn('an act was given up', { paths: pathsOf(act), reason: asMeshError(thrown).message });
    }
    for (const path of pathsOf(act)) this.#room.suspect(path);
  }

  async #perform(act: Act): Promise<readonly (Version | undefined)[]> {
    const stats: Stats = new Map();
    const ending = await this.#runMoves(act.moves, stats);
    if (ending.kind !== 'done') return this.#giveUp(act, stats, ending);
    try {
      // What was done on another disk than ours must not be told of ours: it would be missing there, and taken for deleted.
      if (!(await this.#room.belief.isItself())) this.#room.belief.assert();
      return await this.#record(act, stats);
    } catch (thrown) {
      const error = asMeshError(thrown);
      // A full one wrote nothing of it, and says so.
      return this.#giveUp(act, stats, { kind: 'broken', count: act.moves.length, error, isUnsure: error.code === 'failed' });
    }
  }

  async #record(act: Act, stats: Stats): Promise<readonly (Version | undefined)[]> {
    const asides = act.moves.flatMap((move) => asideOf(move) ?? []);
    const key = intentKey(act.id);
    const watching: IntentRow = { phase: 'watching', asides };
    const written = await this.#room.options.ledger.change(pathsOf(act), (transaction) => {
      for (const cleared of act.clears ?? []) transaction.save(cleared, undefined);
      transaction.save(key, asides.length > 0 ? encodeRow(watching) : undefined);
      return writeEffects(this.#room, transaction, act.effects, stats);
    });
    written.tell();
    if (asides.length > 0) this.#asides.watch(key, asides);
    this.#room.tell();
    return written.versions;
  }

  async #runMoves(moves: readonly Move[], stats: Stats): Promise<Ending> {
    for (const [count, move] of moves.entries()) {
      try {
        if (move.kind === 'move') {
          await this.#moveFile(move, stats);
          continue;
        }
        if (await this.#isCarriedOn(move, moves[count + 1])) continue;
        const outcome = await this.#room.options.disk.commit(move.intent);
        if (outcome.result === 'done') {
          if (outcome.stat !== undefined) stats.set(move.intent.path, asLifted(moves, move.intent, outcome.stat));
          await this.#noteKept(move.intent, stats);
          continue;
        }
        const isKept = outcome.result === 'changed' && outcome.asideKept;
        const aside = isKept ? { disk: move.intent.aside, path: pathOf(move), base: move.replaced } : undefined;
        return { kind: 'given up', count, isTaken: outcome.result === 'taken', ...(aside && { aside }) };
      } catch (thrown) {
        return { kind: 'broken', count, error: asMeshError(thrown) };
      }
    }
    return { kind: 'done' };
  }

  /** What was set aside beside its name stays a copy. Written to meanwhile, it is none: whoever watches it finds that. */
  async #noteKept({ aside, replaces }: CommitIntent, stats: Stats): Promise<void> {
    if (replaces === undefined || !aside.startsWith(SIBLINGS)) return;
    const stat = await this.#room.options.disk.stat(aside);
    if (stat !== undefined && isSameFile(stat, replaces)) stats.set(aside, stat);
  }

  /**
   * In a rerun: what this move set aside, the next one has put in its place already. The disk alone could not tell that
   * from a file that was never there.
   */
  async #isCarriedOn({ intent }: Move & { kind: 'commit' }, next: Move | undefined): Promise<boolean> {
    const { staged, aside, replaces } = intent;
    const [source, target] = next?.kind === 'commit' ? [next.intent.staged, next.intent.path] : [next?.from, next?.to];
    if (staged !== undefined || replaces === undefined || source !== aside || target === undefined) return false;
    const { disk } = this.#room.options;
    if ((await disk.stat(aside)) !== undefined) return false;
    return (await disk.stat(target))?.inode === replaces.inode;
  }

  /** A rerun finds the file under either name or, after a crash in between, under both. */
  async #moveFile({ from, to }: Move & { kind: 'move' }, stats: Stats): Promise<void> {
    const { disk } = this.#room.options;
    try {
      await disk.move(from, to);
    } catch (thrown) {
      const [before, after] = [await disk.stat(from), await disk.stat(to)];
      if (after === undefined) throw thrown;
      if (before !== undefined && before.inode !== after.inode) throw thrown;
      // It has the new name, but nobody knows whether that is durable: the old one goes only after it is.
      await disk.syncNames(to);
      if (before !== undefined) await disk.remove(from);
    }
    const stat = await disk.stat(to);
    // The disk went away for a moment: nothing is recorded of what was not seen.
    if (stat === undefined) throw new MeshError('gone', `${to} is not to be seen after it was put there`);
    stats.set(to, stat);
  }

  /** Undoes what stands, then clears the intent; what can be neither done nor undone stays told, for later. */
  async #giveUp(act: Act, stats: Stats, ending: Exclude<Ending, { kind: 'done' }>): Promise<never> {
    const { log } = this.#room.options;
    const paths = pathsOf(act);
    const isUnsure = ending.kind === 'broken' && ending.isUnsure === true;
    try {
      // Undone, what is recorded after all would be missing there, and taken for deleted.
      if (isUnsure && !(await tellAgain(this.#room, [], [act]))) throw ending.error;
      // Undone on another disk it would look undone.
      if (!(await this.#room.belief.isItself())) this.#room.belief.assert();
      const broken = ending.kind === 'broken' ? act.moves[ending.count] : undefined;
      if (broken !== undefined) await undoMove(this.#room, broken, undefined);
      for (const move of act.moves.slice(0, ending.count).reverse()) {
        await undoMove(this.#room, move, stats.get(move.kind === 'commit' ? move.intent.path : move.to));
      }
      await this.#clear(act, ending);
    } catch (thrown) {
      log.error('an act is half done and is tried again', { paths, reason: asMeshError(thrown).message });
      this.#stuck.add([act]);
    }
    for (const path of paths) this.#room.suspect(path);
    if (ending.kind === 'broken') throw ending.error;
    throw new MeshError('busy', `${paths.join(', ')} was changed in the folder just now; try again`);
  }

  async #clear(act: Act, ending: Exclude<Ending, { kind: 'done' }>): Promise<void> {
    const key = intentKey(act.id);
    if (ending.kind === 'given up' && ending.aside !== undefined) {
      const row: IntentRow = { phase: 'watching', asides: [ending.aside] };
      await this.#room.queue.write([{ key, value: encodeRow(row) }]);
      this.#asides.watch(key, [ending.aside]);
      return;
    }
    const move = act.moves[ending.count];
    const isTaken = ending.kind === 'given up' && ending.isTaken;
    // What was replaced lies aside, and a new file has its name: it is an older content now.
    const old = isTaken && move?.kind === 'commit' ? oldRowOf(act, move.intent.aside) : undefined;
    await this.#room.queue.write([...(old === undefined ? [] : [this.#room.old.write(old)]), { key, value: undefined }]);
    if (old !== undefined) this.#room.old.add(old);
  }
}

/** What an act replaced and a program may still hold open. */
function asideOf(move: Move): Aside | undefined {
  if (move.kind !== 'commit' || move.intent.replaces === undefined) return undefined;
  return { disk: move.intent.aside, path: pathOf(move), replaces: move.intent.replaces, base: move.replaced };
}

function pathOf(move: Move & { kind: 'commit' }): Aside['path'] {
  invariant(!move.intent.path.startsWith('.filemesh/'), 'a commit puts a file of the user in place');
  return move.intent.path as Aside['path'];
}

function oldRowOf(act: Act, disk: DiskPath) {
  for (const effect of act.effects) if (effect.kind === 'old' && effect.row.disk === disk) return effect.row;
  return undefined;
}
