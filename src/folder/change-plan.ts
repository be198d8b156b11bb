import { invariant, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath, RequestId } from '../core/ids.ts';
import type { Draft, FileVersion, Version } from '../core/version.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Act, Effect, Move, Placed } from './act.ts';
import { copyBytes, openNoted } from './copying.ts';
import { buriedBy, isCovered } from './descent.ts';
import type { Step } from './face.ts';
import { groundAt, isReplacedBy } from './ground.ts';
import type { HeldCopy } from './held-table.ts';
import type { Room } from './room.ts';
import { asideOf, placedOf } from './setting-aside.ts';
import type { Staged } from './staged.ts';
import type { Stagings } from './stagings.ts';

type PutStep = Step & { kind: 'put' };
type CopyStep = Step & { kind: 'copy' };
type BuryStep = Step & { kind: 'bury' };
/** The facts of a content that a new version states. */
type Facts = Pick<FileVersion, 'hash' | 'size' | 'mode' | 'manifest' | 'modifiedMs'>;

/**
 * Draws up one act for the steps of a client's change, as the folder is now. The caller holds the locks of all paths
 * named. Nothing but private copies is written until the act is run.
 */
export class ChangePlan {
  /** For each step the effect whose version it results in. */
  readonly results: number[] = [];
  readonly #room: Room;
  readonly #stagings: Stagings;
  readonly #request: RequestId;
  readonly #steps: readonly Step[];
  readonly #moves: Move[] = [];
  readonly #effects: Effect[] = [];
  /** Copies that some step has moved away already. */
  readonly #moved = new Set<HeldCopy>();
  readonly #used: Staged[] = [];
  readonly #unused: Staged[] = [];
  readonly #copies: Staged[] = [];
  readonly #emptied: FilePath[] = [];

  constructor(room: Room, stagings: Stagings, request: RequestId, steps: readonly Step[]) {
    this.#room = room;
    this.#stagings = stagings;
    this.#request = request;
    this.#steps = steps;
  }

  async draw(): Promise<void> {
    for (const step of this.#steps) {
      if (step.kind === 'put') await this.#put(step);
      else if (step.kind === 'copy') await this.#copy(step);
      else if (step.kind === 'stripe') this.#state(step.path, step.base, step.facts, undefined);
      else await this.#bury(step);
    }
  }

  act(): Act {
    return { id: this.#room.freshName(), moves: this.#moves, effects: this.#effects };
  }

  /** After the act: stagings end, folders left empty go. */
  async finish(): Promise<void> {
    for (const staging of this.#used) await staging.forget();
    for (const staging of this.#unused) await staging.discard();
    for (const path of this.#emptied) await this.#room.options.disk.removeEmptyFolders(path);
  }

  /** When the act came to nothing: the copies made for it go; what the caller staged stays. */
  async discardCopies(): Promise<void> {
    for (const staging of this.#copies) await staging.discard();
  }

  async #put(step: PutStep): Promise<void> {
    const { path, base, digest, mode, modifiedMs } = step;
    const staging = this.#stagings.own(step.staging);
    const own = await staging.digest();
    if (own.hash !== digest.hash || own.size !== digest.size)
      throw new MeshError('corrupt', `what came for ${path} is not what was sent`);
    this.#room.manifests.note(own);
    const facts = { hash: own.hash, size: own.size, mode, manifest: own.manifest, modifiedMs };
    await staging.finish(mode, modifiedMs);
    const { placed, isUsed } = await this.#lay(path, base, own.hash, staging.place);
    (isUsed ? this.#used : this.#unused).push(staging);
    this.#state(path, base, facts, placed);
  }

  async #copy(step: CopyStep): Promise<void> {
    const { path, base, from, hash } = step;
    const source = this.#room.held.find(from, hash);
    if (source === undefined) throw new MeshError('gone', `${from} is not held here`);
    const version = await this.#shownVersion(source);
    if (from === path) {
      const { placed, isUsed } = await this.#lay(path, base, hash, source.disk, source);
      if (isUsed) this.#effects.push({ kind: 'drop', path, hash });
      return this.#state(path, base, version, placed);
    }
    if (await this.#mayMove(step, source)) {
      const { placed, isUsed } = await this.#lay(path, base, hash, await this.#lift(source), undefined, from);
      invariant(isUsed, 'a content that moves has no copy at its new name');
      return this.#state(path, base, version, placed);
    }
    const staging = await this.#copyOf(source, version);
    const { placed, isUsed } = await this.#lay(path, base, hash, staging.place);
    (isUsed ? this.#used : this.#unused).push(staging);
    this.#state(path, base, version, placed);
  }

  async #bury(step: BuryStep): Promise<void> {
    const { path, base, renamedTo } = step;
    for (const copy of this.#room.held.copies(path)) {
      if (this.#moved.has(copy) || !isCovered(await this.#room.versionsOf(copy), base)) continue;
      if (copy.disk === path) await groundAt(this.#room, path);
      await this.#setAside(copy, 'trash');
    }
    if (this.#room.held.plain(path) === undefined) await groundAt(this.#room, path);
    for (const { version } of this.#room.runs.recordsOf(this.#room.options.ledger, path))
      if (isCovered([version], base)) this.#effects.push({ kind: 'drop-runs', path, hash: version.hash });
    this.#emptied.push(path);
    const { clock, ledger } = this.#room.options;
    const draft: Draft = {
      kind: 'tombstone',
      buried: buriedBy(base),
      ...(renamedTo !== undefined && { renamedTo }),
      request: this.#request,
      origin: ledger.self,
      modifiedMs: clock.wall(),
    };
    this.results.push(this.#effects.length);
    this.#effects.push({ kind: 'mint', path, draft, base });
  }

  /**
   * Adds the moves that bring `staged` to `path`: under the plain name when that is free or its content is in the base,
   * else as a sibling. A content that lies there already stays, and `staged` is not used.
   *
   * @param self the copy that `staged` is, when it is a sibling of this path.
   */
  async #lay(path: FilePath, base: readonly Version[], hash: ContentHash, staged: DiskPath, self?: HeldCopy, leaving?: FilePath) {
    const ground = await groundAt(this.#room, path, leaving);
    const { plain } = ground;
    const isFree = plain === undefined || isReplacedBy(this.#room, path, ground, base);
    const there = this.#room.held.copies(path).find((copy) => copy.hash === hash && !this.#moved.has(copy));
    const isHere = there !== undefined && (there === plain || !isFree);
    for (const sibling of this.#room.held.siblings(path)) {
      if (sibling === self || this.#moved.has(sibling) || (isHere && sibling === there)) continue;
      // One of the same content would stand beside itself.
      const isOver = sibling === there || isCovered(await this.#room.versionsOf(sibling), base);
      if (isOver) await this.#setAside(sibling, 'versions');
    }
    if (isHere) return { placed: placedOf(there), isUsed: false };
    if (!isFree) {
      const disk = this.#room.freshPlace('siblings');
      this.#moves.push({ kind: 'move', from: staged, to: disk });
      return { placed: { path, hash, disk }, isUsed: true };
    }
    if (plain === undefined) {
      this.#moves.push({ kind: 'commit', intent: { path, staged, aside: this.#room.freshPlace('versions') }, replaced: [] });
    } else {
      const aside = await asideOf(this.#room, plain, 'versions', staged);
      this.#moves.push(aside.move);
      this.#effects.push({ kind: 'drop', path, hash: plain.hash }, aside.effect);
    }
    return { placed: { path, hash, disk: path }, isUsed: true };
  }

  /** Adds the version. Content equal to all there is is no new version: the one known is held. */
  #state(path: FilePath, base: readonly Version[], facts: Facts, placed: Placed | undefined): void {
    this.results.push(this.#effects.length);
    const { contents } = this.#room.options.ledger.view(path) ?? { contents: [] };
    const files = base.filter((version) => version.kind === 'file');
    const current = contents.length === 1 && contents[0]?.hash === facts.hash ? contents[0] : undefined;
    if (
      placed !== undefined &&
      current !== undefined &&
      files.length > 0 &&
      files.every((version) => version.hash === facts.hash)
    ) {
      this.#effects.push({ kind: 'hold', placed, versions: current.versions });
      return;
    }
    const { hash, size, mode, manifest, modifiedMs } = facts;
    const origin = this.#room.options.ledger.self;
    const draft: Draft = { kind: 'file', hash, size, mode, manifest, found: false, request: this.#request, origin, modifiedMs };
    this.#effects.push({ kind: 'mint', path, draft, base, ...(placed && { placed }) });
  }

  /** A rename moves the file when the old name is buried with it, and nothing else wants these bytes. */
  async #mayMove({ from, hash, path }: CopyStep, source: HeldCopy): Promise<boolean> {
    const bury = this.#steps.find((step) => step.kind === 'bury' && step.path === from);
    const users = this.#steps.filter((step) => step.kind === 'copy' && step.from === from && step.hash === hash);
    if (bury === undefined || users.length > 1 || this.#room.held.find(path, hash) !== undefined) return false;
    return isCovered(await this.#room.versionsOf(source), bury.base);
  }

  /** Takes a copy away from its name; tells where it lies then. */
  async #lift(source: HeldCopy): Promise<DiskPath> {
    this.#moved.add(source);
    this.#effects.push({ kind: 'drop', path: source.path, hash: source.hash });
    if (source.disk !== source.path) return source.disk;
    await groundAt(this.#room, source.path);
    const aside = this.#room.freshPlace('stage');
    const intent = { path: source.path, aside, replaces: source.stat };
    this.#moves.push({ kind: 'commit', intent, replaced: await this.#room.versionsOf(source) });
    return aside;
  }

  async #copyOf(source: HeldCopy, version: FileVersion): Promise<Staged> {
    const copy = await openNoted(this.#room, source);
    try {
      const staging = await this.#stagings.open(`make-${this.#room.freshName()}`, version.size);
      this.#copies.push(staging);
      await copyBytes(copy, staging);
      if ((await staging.digest()).hash !== source.hash) throw new MeshError('corrupt', `the copy of ${source.path} here is bad`);
      await staging.finish(version.mode, version.modifiedMs);
      return staging;
    } finally {
      await copy.close();
    }
  }

  async #setAside(copy: HeldCopy, folder: 'versions' | 'trash'): Promise<void> {
    this.#moved.add(copy);
    const aside = await asideOf(this.#room, copy, folder);
    this.#moves.push(aside.move);
    this.#effects.push({ kind: 'drop', path: copy.path, hash: copy.hash }, aside.effect);
  }

  async #shownVersion(copy: HeldCopy): Promise<FileVersion> {
    const content = this.#room.options.ledger.view(copy.path)?.contents.find((one) => one.hash === copy.hash);
    const version = content?.shown ?? (await this.#room.versionsOf(copy))[0];
    if (version === undefined) throw new MeshError('gone', `nothing is known of what lies at ${copy.path}`);
    return version;
  }
}
