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
import { type Ask, type Reply, TAIL_BYTES_MAX } from '../wire/calls.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { giveBackTail } from '../wire/tail-memory.ts';
import { ManifestPieces } from './manifest-pieces.ts';
import { type RunReceiver, runOf } from './run-receiver.ts';

/** Striped uploads at once. */
const UPLOADS_MAX = 16;
/** One nobody writes is let go after so long; the runs that are kept stay where they are. */
const IDLE_MS = 10 * 60_000;
/** A peer has so long to verify a run and make it durable, or to take one write: a slow disk. */
const KEEP_MS = 120_000;
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
  /** How many keep it. */
  kept: number;
  /** Under way, or done: two writes that end the run may be answered in one turn. */
  keeping?: Promise<void>;
}

interface StripedUpload {
  readonly size: number;
  readonly hash: ContentHash;
  readonly manifest: ManifestPieces;
  striped?: Striped;
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
    return this.#uploads.get(upload)?.striped !== undefined;
  }

  /** Takes the manifest; once it is whole, finds peers for the runs. Rejects with `full` when there is no room for some run. */
  async begin(ask: Stripe, tail: Uint8Array): Promise<Reply<'stripe'>> {
    const upload = this.#find(ask);
    const manifest = upload.manifest.add(ask.offset, tail);
    if (manifest === undefined) return { more: true, have: NO_RUNS };
    try {
      const striped = this.#slice.folder.runs.cut(ask, manifest);
      const have = await this.#plan(ask, upload, striped);
      upload.striped = striped;
      return { more: false, have };
    } catch (error) {
      this.end(ask.upload);
      throw error;
    }
  }

  /** Passes bytes of one run on. Rejects with `gone` when the upload is not known here, with `closed` when nobody took them. */
  async write(ask: Ask<'write'>, tail: Uint8Array): Promise<Reply<'write'>> {
    const { upload, striped } = this.#known(ask.upload);
    const { run, range } = runOf(striped, ask.offset, tail);
    const passing = upload.runs[run];
    invariant(passing !== undefined, 'every run is planned');
    // Sent again although somebody keeps it.
    if (passing.kept > 0) return {};
    await this.#forAll(passing, (peer) => this.#writeTo(peer, { upload: ask.upload, offset: ask.offset }, tail));
    passing.written.add(ask.offset - range.offset, tail.length);
    const { length } = tail;
    giveBackTail(tail);
    // As in Uploads: they came already, and the next come when one is answered.
    await this.#slice.switchboard.limits.down?.pass(`upload/${ask.upload}`, length);
    if (passing.written.have === range.length) {
      passing.keeping ??= this.#keep(ask.upload, passing, run);
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

  #find({ upload, hash, size, offset, manifestBytes }: Ask<'stripe'>): StripedUpload {
    const known = this.#uploads.get(upload);
    const isGoingOn = known?.hash === hash && known.size === size && offset > 0;
    if (known === undefined && this.#uploads.size >= UPLOADS_MAX)
      throw new MeshError('busy', 'too many striped uploads are under way');
    if (known !== undefined && isGoingOn) return this.#used(known);
    this.end(upload);
    const begun = { hash, size, manifest: new ManifestPieces(manifestBytes), runs: [], reservations: [], usedMs: 0 };
    this.#uploads.set(upload, begun);
    this.#sweeper ??= this.#slice.clock.after(IDLE_MS, () => this.#sweep());
    return this.#used(begun);
  }

  #known(id: RequestId): { upload: StripedUpload; striped: Striped } {
    const upload = this.#uploads.get(id);
    if (upload?.striped === undefined) throw new MeshError('gone', 'this upload is not known here: begin it again');
    return { upload: this.#used(upload), striped: upload.striped };
  }

  #used(upload: StripedUpload): StripedUpload {
    upload.usedMs = this.#slice.clock.now();
    return upload;
  }

  /** Resolves with the runs that are kept already. */
  async #plan(ask: Stripe, upload: StripedUpload, striped: Striped): Promise<RunMask> {
    const { catalog } = this.#slice;
    const candidates = this.#candidates();
    const parts = new Map<PeerId, RunMask>();
    if (candidates.length <= ASKED_MAX) {
      await this.#openAll(candidates, ask, striped, parts);
    }
    if (parts.size === 0 && candidates.length <= ASKED_MAX) throw new MeshError('busy', 'no peer takes runs of an upload now');
    const asked = candidates.filter(({ id }) => candidates.length > ASKED_MAX || parts.has(id));
    const { size } = striped;
    const wanted = catalog.wantedCopies();
    const plan = planStripes({ size, holders: [], parts }, asked, { wanted, standing: () => 'live', isNew: true });
    if (candidates.length > ASKED_MAX) {
      await this.#openAll(
        asked.filter(({ id }) => plan.masks.has(id)),
        ask,
        striped,
        parts,
      );
    }
    const have = maskOf(striped.ends.flatMap((_, run) => ([...parts.values()].some((mask) => hasRun(mask, run)) ? [run] : [])));
    upload.runs = striped.ends.map((_, run) => {
      const targets = [...plan.masks].filter(([peer, mask]) => parts.has(peer) && hasRun(mask, run)).map(([peer]) => peer);
      return { targets: new Set(targets), written: new Gapless(0), kept: hasRun(have, run) ? 1 : 0 };
    });
    if (upload.runs.some(({ targets, kept }) => kept === 0 && targets.size === 0)) {
      const isEarly = catalog.peers.all().some(({ live, opening }) => live && opening);
      if (isEarly) throw new MeshError('busy', 'some peers are still opening their folders');
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
    return catalog.peers.all().flatMap(({ id, live, paused, opening }) => {
      const load = loadOf(catalog, id);
      const isInReach = id === catalog.self || switchboard.link(id) !== undefined;
      if (!live || opening || paused !== undefined || load === undefined || !isInReach) return [];
      return [{ id, name: catalog.shownName(id), load, hasBytes: false, heldBase: false }];
    });
  }

  /** Gives these peers the manifest, and notes what each has; one that fails is noted with nothing, in no mask. */
  async #openAll(peers: readonly Candidate[], ask: Stripe, striped: Striped, parts: Map<PeerId, RunMask>): Promise<void> {
    await Promise.all(
      peers.map(async ({ id }) => {
        try {
          parts.set(id, await this.#openAt(id, ask, striped.manifest));
        } catch (error) {
          this.#slice.log.info('a peer takes no runs', { peer: id, reason: asMeshError(error).code });
        }
      }),
    );
  }

  async #openAt(peer: PeerId, { upload, by, size, hash }: Stripe, manifest: Uint8Array): Promise<RunMask> {
    const { catalog, receiver } = this.#slice;
    for (let offset = 0; ; offset += TAIL_BYTES_MAX) {
      const tail = manifest.subarray(offset, offset + TAIL_BYTES_MAX);
      const open = { upload, ...(by && { by }), size, hash, offset, manifestBytes: manifest.length };
      const reply =
        peer === catalog.self ? await receiver.open(open, tail) : (await this.#link(peer).call('run-open', open, { tail })).reply;
      if (!reply.more) return reply.lying;
      if (offset + TAIL_BYTES_MAX >= manifest.length)
        throw new MeshError('protocol', 'a peer wants more of a manifest than there is');
    }
  }

  async #writeTo(peer: PeerId, ask: Ask<'run-write'>, tail: Uint8Array): Promise<void> {
    const { catalog, receiver } = this.#slice;
    if (peer === catalog.self) return await receiver.write(ask, tail);
    await this.#slice.switchboard.limits.up?.pass(`upload/${ask.upload}/${peer}`, tail.length);
    await this.#link(peer).call('run-write', ask, { tail, deadlineMs: KEEP_MS });
  }

  async #keep(upload: RequestId, passing: Passing, run: number): Promise<void> {
    const { catalog, receiver } = this.#slice;
    await this.#forAll(passing, async (peer) => {
      if (peer === catalog.self) await receiver.keep({ upload, run });
      else await this.#link(peer).call('run-keep', { upload, run }, { deadlineMs: KEEP_MS });
    });
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

  #link(peer: PeerId) {
    const link = this.#slice.switchboard.link(peer);
    if (link === undefined) throw new MeshError('closed', 'the link is down');
    return link;
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
