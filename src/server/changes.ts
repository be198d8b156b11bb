import type { Catalog } from '../catalog/catalog.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath, RequestId, VersionKey } from '../core/ids.ts';
import { type Content, type IndexRecord, madeBy } from '../core/namespace.ts';
import { copiesOf } from '../core/striping.ts';
import { isBefore, isSameVersion, type Version, versionKey } from '../core/version.ts';
import type { Folder, Step } from '../folder/folder.ts';
import { type Clock, nextTurn } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { type Ask, type Done, HOPS_MAX, type Holder, type Reply } from '../wire/calls.ts';
import type { Claiming } from './claiming.ts';
import type { Copies } from './copies.ts';
import type { Entries } from './entries.ts';
import { partsOf } from './parts-of.ts';
import type { Plan, PlannedStep, Planner } from './plans.ts';
import type { Pulling } from './pulling.ts';
import type { StripedUploads } from './striped-uploads.ts';
import { REDIRECTS_MAX, type Uploads } from './uploads.ts';

/** A folder that had a change of its own there is tried again so often. */
const ATTEMPTS_MAX = 5;
const ATTEMPT_PAUSE_MS = 200;

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly entries: Entries;
  readonly uploads: Uploads;
  readonly stripes: StripedUploads;
  readonly claiming: Claiming;
  readonly copies: Copies;
  readonly planner: Planner;
  readonly pulling: Pulling;
}

/**
 * Carries out what clients ask: replay check, plan, claims, one act in the folder, release, and the wait for copies.
 * A request acts at most once: its id lies in the versions it made.
 */
export class Changes {
  readonly #slice: Slice;
  /** By who asked and their request. */
  readonly #underWay = new Map<string, Promise<Reply<'change'>>>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /**
   * A request that `by` asks for again while it is under way joins it. `assertMay` throws when they may not do that any more: asked
   * right before it is done, for until then names are waited for, and bytes may be fetched for hours.
   */
  carryOut(ask: Ask<'change'>, by: string, assertMay: () => void): Promise<Reply<'change'>> {
    const key = `${by}/${ask.request}`;
    const running = this.#underWay.get(key);
    if (running !== undefined) return running;
    const acting = this.#carryOut(ask, assertMay)
      .catch(async (thrown: unknown) => {
        if (asMeshError(thrown).advice === 'never') await this.#refuseUpload(ask);
        throw thrown;
      })
      .finally(() => {
        this.#underWay.delete(key);
        if (ask.change.kind === 'create' || ask.change.kind === 'put') this.#slice.uploads.giveBack(ask.change.upload);
      });
    this.#underWay.set(key, acting);
    return acting;
  }

  /** Whoever sent the bytes is told so: they do not come again under this id. */
  async #refuseUpload({ change }: Ask<'change'>): Promise<void> {
    if (change.kind !== 'create' && change.kind !== 'put') return;
    await this.#slice.uploads.refuse(change.upload).catch((thrown: unknown) => {
      this.#slice.log.debug('a refused upload stays staged for now', { reason: asMeshError(thrown).message });
    });
  }

  async #carryOut(ask: Ask<'change'>, assertMay: () => void): Promise<Reply<'change'>> {
    const replayed = await this.#replayed(ask);
    if (replayed !== undefined) {
      await this.#keepAgain(ask, replayed);
      return await this.#answer(ask, replayed);
    }
    const { paused } = this.#slice.folder;
    if (paused !== undefined) throw new MeshError('paused', paused);
    const plan = this.#slice.planner.plan(ask);
    const redirect = this.#elsewhere(ask, plan);
    if (redirect.length > 0) return { done: [], redirect };
    const made = await this.#act(ask, plan, assertMay);
    return await this.#answer(ask, made);
  }

  /**
   * Whoever made it died with the only copy: then the client has the bytes and this peer is to have them too. Rejects with
   * `gone` while they are not here: the client sends them again.
   */
  async #keepAgain({ change }: Ask<'change'>, made: ReadonlyMap<FilePath, Version>): Promise<void> {
    if (change.kind !== 'create' && change.kind !== 'put') return;
    const { catalog, entries, folder, uploads, log } = this.#slice;
    const { path, upload } = change;
    const version = made.get(path);
    const content = catalog.view(path)?.contents.find((one) => version?.kind === 'file' && one.hash === version.hash);
    if (version?.kind !== 'file' || content === undefined) return;
    if (this.#slice.stripes.has(upload) || folder.holds(path, content.hash)) return;
    const live = new Set(entries.holders(content).flatMap((one) => (one.live ? [one.id] : [])));
    // Some runs of a striped one are no copy.
    if (copiesOf(content, (peer) => live.has(peer)) > 0) return;
    const staging = await uploads.take(upload);
    try {
      await folder.keep(path, version, staging);
    } catch (error) {
      // It is made all the same, and the answer says how few have it.
      log.info('what a peer had made and died with was not kept here', { path, reason: asMeshError(error).code });
    }
  }

  /** The versions this request made before, as far as known here. */
  async #replayed(ask: Ask<'change'>): Promise<Map<FilePath, Version> | undefined> {
    const { catalog, clock } = this.#slice;
    const { request, change } = ask;
    const shown = subjectOf(ask);
    const version = madeBy(catalog.view(shown), request);
    if (version === undefined) return undefined;
    const others = change.kind === 'resolve-both' ? await partsOf(catalog, shown, request, () => nextTurn(clock)) : [];
    const buried = change.kind === 'rename' ? madeBy(catalog.view(change.path), request) : undefined;
    if (buried !== undefined) others.push([change.path, buried]);
    return new Map([...others, [shown, version]]);
  }

  #isMade(ask: Ask<'change'>): boolean {
    return madeBy(this.#slice.catalog.view(subjectOf(ask)), ask.request) !== undefined;
  }

  /** Holders who should carry the change out; none: this peer does. */
  #elsewhere(ask: Ask<'change'>, plan: Plan): Holder[] {
    const { catalog, folder, entries } = this.#slice;
    for (const { path, hash } of plan.needs) {
      if (folder.holds(path, hash)) continue;
      const content = catalog.view(path)?.contents.find((one) => one.hash === hash);
      const keepers = content === undefined ? [] : entries.holders(content).filter((one) => one.live);
      const holders = keepers.filter((one) => one.runs === undefined);
      // Of a striped content nobody need have all: its new name is told, and nothing is read.
      if (holders.length === 0 && content?.parts !== undefined) continue;
      if (holders.length === 0) throw new MeshError('unavailable', `no holder of ${path} is up now`);
      if (ask.hops < HOPS_MAX) return holders.slice(0, REDIRECTS_MAX);
    }
    return [];
  }

  async #act(ask: Ask<'change'>, plan: Plan, assertMay: () => void): Promise<Map<FilePath, Version>> {
    const { claiming, clock, folder } = this.#slice;
    for (let attempt = 1; ; attempt++) {
      // Through another peer it may have been carried out meanwhile.
      const earlier = await this.#replayed(ask);
      if (earlier !== undefined) return earlier;
      const made = new Map<FilePath, VersionKey>();
      const grant = await claiming.claim(ask.request, plan.wishes, () => this.#isMade(ask));
      if (grant === undefined) continue;
      try {
        const steps = await Promise.all(plan.steps.map((step) => this.#step(ask, step)));
        if (!grant.holds()) throw new MeshError('busy', 'the owner of the name went away: the name is claimed again');
        assertMay();
        const versions = await folder.make(ask.request, steps);
        for (const [index, version] of versions.entries()) made.set((steps[index] as Step).path, versionKey(version));
        return new Map(versions.map((version, index) => [(steps[index] as Step).path, version]));
      } catch (error) {
        if (asMeshError(error).code !== 'busy' || attempt >= ATTEMPTS_MAX) throw error;
      } finally {
        await grant.release(made);
      }
      await new Promise<void>((resolve) => clock.after(ATTEMPT_PAUSE_MS, resolve));
    }
  }

  async #step(ask: Ask<'change'>, step: PlannedStep): Promise<Step> {
    const { folder, pulling, clock } = this.#slice;
    if (step.kind === 'bury') return step;
    if (step.kind === 'put-upload') return await this.#putUpload(ask, step);
    const { path, base } = step;
    if (step.kind === 'put-content') {
      const { from, content } = step;
      if (folder.holds(from, content.hash)) return { kind: 'copy', path, base, from, hash: content.hash };
      if (this.#isKeptInRuns(ask, content)) return { kind: 'stripe', path, base, facts: content.shown };
      const staging = await pulling.content(from, content, ask.request);
      const digest = await staging.digest();
      return { kind: 'put', path, base, staging, digest, mode: content.shown.mode, modifiedMs: clock.wall() };
    }
    const old = await pulling.old(path, step.copy, ask.request);
    if ('facts' in old) return { kind: 'stripe', path, base, facts: { ...old.facts, modifiedMs: clock.wall() } };
    const { staging, mode } = old;
    return { kind: 'put', path, base, staging, digest: await staging.digest(), mode, modifiedMs: clock.wall() };
  }

  /**
   * A striped content gets another name by word alone. Whoever has all of it follows a rename and a resolve; where a conflict
   * becomes files of their own only runs do, so these must be all there are.
   */
  #isKeptInRuns({ change }: Ask<'change'>, content: Content): boolean {
    if (content.parts === undefined) return false;
    const { peers } = this.#slice.catalog;
    return change.kind !== 'resolve-both' || copiesOf({ ...content, holders: [] }, (peer) => peers.isServing(peer)) > 0;
  }

  async #putUpload(ask: Ask<'change'>, step: Extract<PlannedStep, { kind: 'put-upload' }>): Promise<Step> {
    const { uploads, clock } = this.#slice;
    if (ask.change.kind !== 'create' && ask.change.kind !== 'put') throw new MeshError('protocol', 'the change has no upload');
    if (this.#slice.stripes.has(ask.change.upload)) return this.#putStripes(ask, ask.change.upload, step);
    const staging = await uploads.take(ask.change.upload);
    const digest = await staging.digest();
    if ((ask.size !== undefined && digest.size !== ask.size) || (ask.hash !== undefined && digest.hash !== ask.hash)) {
      await uploads.end(ask.change.upload, true);
      throw new MeshError('corrupt', 'the bytes that came are not those that were sent');
    }
    const { path, base } = step;
    return { kind: 'put', path, base, staging, digest, mode: ask.mode ?? 0o644, modifiedMs: ask.modified ?? clock.wall() };
  }

  /** The runs lie where they were sent: there is only the version to make. */
  #putStripes(ask: Ask<'change'>, upload: RequestId, { path, base }: Extract<PlannedStep, { kind: 'put-upload' }>): Step {
    const facts = this.#slice.stripes.facts(upload);
    if (ask.size !== facts.size || ask.hash !== facts.hash)
      throw new MeshError('corrupt', 'the bytes that came are not those that were sent');
    const modifiedMs = ask.modified ?? this.#slice.clock.wall();
    return { kind: 'stripe', path, base, facts: { ...facts, mode: ask.mode ?? 0o644, modifiedMs } };
  }

  /** A tombstone that another peer made before it died is told done by who bears it too: who else has it is counted by that. */
  async #bear(path: FilePath, version: Version): Promise<void> {
    await this.#slice.catalog.change([path], (transaction) => {
      // Bytes that were renamed come under their new name before their record may go: replication sees to that.
      const isMoving = version.kind === 'tombstone' && version.renamedTo !== undefined;
      const stays = (record: IndexRecord) => isMoving && record.holding !== 'none' && isBefore(record.version, version);
      const isThere = transaction.own(path).some((record) => isSameVersion(record.version, version) || stays(record));
      if (!isThere) transaction.put({ path, version, holding: 'none' });
    });
  }

  /** Waits for the copies of what was made, and tells. */
  async #answer(ask: Ask<'change'>, made: ReadonlyMap<FilePath, Version>): Promise<Reply<'change'>> {
    const { catalog, copies, uploads, stripes } = this.#slice;
    if (ask.change.kind === 'create' || ask.change.kind === 'put') {
      await uploads.end(ask.change.upload, false);
      stripes.end(ask.change.upload);
    }
    for (const [path, version] of made) if (version.kind === 'tombstone') await this.#bear(path, version);
    const sequence = catalog.index(catalog.self)?.sequence ?? 0;
    const files = [...made].filter(([, version]) => version.kind === 'file');
    const isMoved = files.length > 0 && files.length < made.size;
    // Else whoever outlives this peer might show the old name beside the new ones.
    const gone = isMoved ? copies.ofTombstone(sequence, 'the end of the old name') : undefined;
    const done: Done[] = [];
    for (const [path, version] of isMoved ? files : made) {
      const hash: ContentHash | undefined = version.kind === 'file' ? version.hash : undefined;
      const kept = hash === undefined ? await copies.ofTombstone(sequence) : await copies.ofContent(path, hash, isMoved);
      done.push({ path, version: versionKey(version), ...(hash === undefined ? {} : { hash }), ...kept });
    }
    const note = (await gone)?.note;
    const [first, ...others] = done;
    if (note === undefined || first === undefined || first.note !== undefined) return { done, redirect: [] };
    return { done: [{ ...first, note }, ...others], redirect: [] };
  }
}

/** The path that a change leaves with what it made. */
function subjectOf({ change }: Ask<'change'>): FilePath {
  return change.kind === 'rename' ? change.to : change.path;
}
