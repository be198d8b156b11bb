import type { Catalog } from '../catalog/catalog.ts';
import { loadOf } from '../catalog/load-of.ts';
import { CHUNKING_SCHEME } from '../core/chunking.ts';
import { asMeshError, invariant, MeshError } from '../core/errors.ts';
import type { ContentHash, PeerId, RequestId } from '../core/ids.ts';
import type { Candidate } from '../core/placement.ts';
import { planStripes } from '../core/stripe-plan.ts';
import { bytesOfRuns, hasRun, maskOf, NO_RUNS, type RunMask, withoutRuns } from '../core/striping.ts';
import type { FileVersion } from '../core/version.ts';
import type { Folder, Striped } from '../folder/folder.ts';
import { Gapless } from '../folder/gapless.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Ask, Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { giveBackTail } from '../wire/tail-memory.ts';
import { roomForManifest } from './manifest-memory.ts';
import { checkManifestBytes, ManifestPieces } from './manifest-pieces.ts';
import { type RunReceiver, runOf } from './run-receiver.ts';
import { RunTakers } from './run-takers.ts';

/** Striped uploads at once. */
const UPLOADS_MAX = 16;
/** One nobody writes is let go after so long; the runs that are kept stay where they are. */
const IDLE_MS = 10 * 60_000;
/** With so many peers all are asked what they have of it already; of more only those that are to take something. */
const ASKED_MAX = 8;

/** Of which account it is; absent: nobody need be told apart. */
type Stripe = Ask<'stripe'> & { readonly by?: string };

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
  readonly receiver: RunReceiver;
}

/** One run on its way through this peer. */
interface Passing {
  /** Who takes it; one that fails is left out, and the owner of the name heals that later. */
  readonly targets: Set<PeerId>;
  readonly written: Gapless;
  /** Some of it was taken. */
  isBegun: boolean;
  /** How many keep it. */
  kept: number;
  /** Under way, or done: two writes that end the run may be answered in one turn. */
  keeping?: Promise<void>;
}

/** An upload whose runs are planned. */
interface Planned {
  readonly striped: Striped;
  readonly takers: RunTakers;
}

interface StripedUpload {
  readonly size: number;
  readonly hash: ContentHash;
  readonly by: string | undefined;
  readonly manifest: ManifestPieces;
  /** By which it was asked for last. */
  from: Link;
  planned?: Planned;
  runs: Passing[];
  reservations: { release(): void }[];
  usedMs: number;
}

/**
 * Uploads in runs: each write goes on to the peers that are to have its run, and nothing of it lies here unless this is one
 * of them. So a file may be larger than what any single peer has room for. The version is made when every run is kept.
 */
export class StripedUploads {
  readonly #slice: Slice;
  readonly #uploads = new Map<RequestId, StripedUpload>();
  #sweeper: Timer | undefined;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  has(upload: RequestId): boolean {
    return this.#uploads.get(upload)?.planned !== undefined;
  }

  /**
   * Takes the manifest; once it is whole, finds peers for the runs. Rejects with `full` when there is no room for some run, with
   * `busy` when there is none for the manifest.
   */
  async begin(ask: Stripe, tail: Uint8Array, from: Link): Promise<Reply<'stripe'>> {
    const upload = this.#find(ask, from);
    const manifest = upload.manifest.add(ask.offset, tail);
    if (manifest === undefined) return { more: true, have: NO_RUNS };
    const isOurs = () => this.#uploads.get(ask.upload) === upload;
    try {
      const striped = await this.#slice.folder.runs.cut(ask, manifest);
      const takers = new RunTakers(this.#slice, ask.upload, ask.by, striped);
      const have = await this.#plan(upload, striped, takers);
      if (!isOurs()) throw new MeshError('gone', 'this upload was begun anew meanwhile');
      upload.planned = { striped, takers };
      return { more: false, have };
    } catch (error) {
      if (isOurs()) this.end(ask.upload);
      else this.#release(upload);
      throw error;
    }
  }

  /** Passes bytes of one run on. Rejects with `gone` when the upload is not known here, with `closed` when nobody took them. */
  async write(ask: Ask<'write'>, tail: Uint8Array): Promise<Reply<'write'>> {
    const { upload, striped, takers } = this.#known(ask.upload);
    const { run, range } = runOf(striped, ask.offset, tail);
    const passing = upload.runs[run];
    invariant(passing !== undefined, 'every run is planned');
    // Sent again although somebody keeps it.
    if (passing.kept > 0) return {};
    await this.#forAll(passing, (peer) => takers.write(peer, ask.offset, tail, !passing.isBegun));
    passing.isBegun = true;
    passing.written.add(ask.offset - range.offset, tail.length);
    const { length } = tail;
    giveBackTail(tail);
    // As in Uploads: they came already, and the next come when one is answered.
    await this.#slice.switchboard.limits.down?.pass(`upload/${ask.upload}`, length);
    if (passing.written.have === range.length) {
      passing.keeping ??= this.#keep(takers, passing, run);
      await passing.keeping;
    }
    return {};
  }

  /** What is to be stated of the content. Rejects with `gone` until every run is kept by somebody. */
  facts(id: RequestId): Pick<FileVersion, 'hash' | 'size' | 'manifest'> {
    const { upload, striped } = this.#known(id);
    if (upload.runs.some(({ kept }) => kept === 0))
      throw new MeshError('gone', 'some runs of this upload are not kept: begin it again');
    const { hash, size, manifestHash } = striped;
    return { hash, size, manifest: { scheme: CHUNKING_SCHEME, hash: manifestHash } };
  }

  end(id: RequestId): void {
    const upload = this.#uploads.get(id);
    this.#uploads.delete(id);
    if (upload !== undefined) this.#release(upload);
  }

  stop(): void {
    this.#sweeper?.cancel();
    for (const id of [...this.#uploads.keys()]) this.end(id);
  }

  #find({ upload, by, hash, size, offset, manifestBytes }: Stripe, from: Link): StripedUpload {
    const known = this.#uploads.get(upload);
    const isGoingOn = known?.hash === hash && known.size === size && offset > 0;
    if (known !== undefined && isGoingOn) {
      known.from = from;
      return this.#used(known);
    }
    checkManifestBytes(manifestBytes, size);
    const others = [...this.#uploads]
      .filter(([id]) => id !== upload)
      .map(([id, other]) => ({ id, other, by: other.by, manifestBytes: other.manifest.bytes }));
    // Whoever comes back begins anew; what is kept of it is not sent again.
    for (const { id } of roomForManifest({ manifestBytes, by }, others, ({ other }) => !other.from.open)) this.end(id);
    this.end(upload);
    if (this.#uploads.size >= UPLOADS_MAX) throw new MeshError('busy', 'too many striped uploads are under way');
    const manifest = new ManifestPieces(manifestBytes);
    const begun = { hash, size, by, manifest, from, runs: [], reservations: [], usedMs: 0 };
    this.#uploads.set(upload, begun);
    this.#sweeper ??= this.#slice.clock.after(IDLE_MS, () => this.#sweep());
    return this.#used(begun);
  }

  #known(id: RequestId): Planned & { readonly upload: StripedUpload } {
    const upload = this.#uploads.get(id);
    if (upload?.planned === undefined) throw new MeshError('gone', 'this upload is not known here: begin it again');
    return { upload: this.#used(upload), ...upload.planned };
  }

  #used(upload: StripedUpload): StripedUpload {
    upload.usedMs = this.#slice.clock.now();
    return upload;
  }

  /** Resolves with the runs that are kept already. */
  async #plan(upload: StripedUpload, striped: Striped, takers: RunTakers): Promise<RunMask> {
    const { catalog } = this.#slice;
    const candidates = this.#candidates();
    const parts = new Map<PeerId, RunMask>();
    let isLater = false;
    if (candidates.length <= ASKED_MAX) isLater = await this.#openAll(candidates, takers, parts);
    if (parts.size === 0 && candidates.length <= ASKED_MAX) throw new MeshError('busy', 'no peer takes runs of an upload now');
    const asked = candidates.filter(({ id }) => candidates.length > ASKED_MAX || parts.has(id));
    const { size } = striped;
    const wanted = catalog.wantedCopies();
    const plan = planStripes({ size, holders: [], parts }, asked, { wanted, standing: () => 'live', isNew: true });
    if (candidates.length > ASKED_MAX) {
      isLater = await this.#openAll(
        asked.filter(({ id }) => plan.masks.has(id)),
        takers,
        parts,
      );
    }
    upload.runs = striped.ends.map((_, run) => passingOf(run, plan.masks, parts));
    const have = maskOf(upload.runs.flatMap(({ kept }, run) => (kept > 0 ? [run] : [])));
    if (upload.runs.some(({ targets, kept }) => kept === 0 && targets.size === 0)) {
      isLater ||= catalog.peers.all().some(({ live, opening }) => live && opening);
      if (isLater)
        throw new MeshError('busy', 'some peers take no runs yet: they open their folders, or have too much under way');
      throw new MeshError('full', 'all peers together have no room for this file');
    }
    for (const [peer, mask] of plan.masks) {
      const bytes = bytesOfRuns(size, withoutRuns(mask, have));
      if (bytes > 0) upload.reservations.push(catalog.peers.reserve(peer, bytes));
    }
    return have;
  }

  #candidates(): Candidate[] {
    const { catalog, switchboard } = this.#slice;
    return catalog.peers.all().flatMap(({ id, opening }) => {
      const load = loadOf(catalog, id);
      const isInReach = id === catalog.self || switchboard.link(id) !== undefined;
      if (!catalog.peers.isServing(id) || opening || load === undefined || !isInReach) return [];
      return [{ id, name: catalog.shownName(id), load, hasBytes: false, heldBase: false }];
    });
  }

  /**
   * Gives these peers the manifest, and notes what each has; one that fails is noted with nothing, in no mask. True when one of
   * them may take some later.
   */
  async #openAll(peers: readonly Candidate[], takers: RunTakers, parts: Map<PeerId, RunMask>): Promise<boolean> {
    let isLater = false;
    await Promise.all(
      peers.map(async ({ id }) => {
        try {
          parts.set(id, await takers.open(id));
        } catch (error) {
          const { code, advice } = asMeshError(error);
          isLater ||= advice === 'later';
          this.#slice.log.info('a peer takes no runs', { peer: id, reason: code });
        }
      }),
    );
    return isLater;
  }

  async #keep(takers: RunTakers, passing: Passing, run: number): Promise<void> {
    await this.#forAll(passing, (peer) => takers.keep(peer, run));
    passing.kept = passing.targets.size;
  }

  /** Rejects when nobody is left who could do it. */
  async #forAll({ targets }: Passing, act: (peer: PeerId) => Promise<void>): Promise<void> {
    let reason: unknown;
    await Promise.all(
      [...targets].map(async (peer) => {
        try {
          await act(peer);
        } catch (error) {
          reason = error;
          targets.delete(peer);
          this.#slice.log.info('a peer takes no more of a run', { peer, reason: asMeshError(error).message });
        }
      }),
    );
    if (targets.size === 0) throw new MeshError('closed', 'nobody keeps a run of this upload any more', { cause: reason });
  }

  #release(upload: StripedUpload): void {
    for (const reservation of upload.reservations.splice(0)) reservation.release();
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const oldestMs = this.#slice.clock.now() - IDLE_MS;
    for (const [id, { usedMs }] of this.#uploads) if (usedMs <= oldestMs) this.end(id);
    if (this.#uploads.size > 0) this.#sweeper = this.#slice.clock.after(IDLE_MS, () => this.#sweep());
  }
}

/**
 * `parts`: what those say to have who can be asked; of these `masks` are to take something. A run is sent as long as one of them
 * lacks it: the word of fewer peers than are to keep it is none that it is kept.
 */
function passingOf(run: number, masks: ReadonlyMap<PeerId, RunMask>, parts: ReadonlyMap<PeerId, RunMask>): Passing {
  const has = (peer: PeerId) => hasRun(parts.get(peer) ?? NO_RUNS, run);
  const lacking = [...masks].flatMap(([peer, mask]) => (parts.has(peer) && hasRun(mask, run) && !has(peer) ? [peer] : []));
  const isThere = [...parts.keys()].some(has);
  return { targets: new Set(lacking), written: new Gapless(0), isBegun: false, kept: isThere && lacking.length === 0 ? 1 : 0 };
}
