import type { Catalog } from '../catalog/catalog.ts';
import { MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import type { Range } from '../core/range.ts';
import { hasRun, keepersOf, NO_RUNS, type RunMask, rangeOfRun, runsIn } from '../core/striping.ts';
import type { FileVersion } from '../core/version.ts';
import type { Folder, Striped } from '../folder/folder.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ask } from '../wire/calls.ts';
import { fetchContent } from '../wire/fetch.ts';
import { Gate } from '../wire/gate.ts';
import type { Link } from '../wire/link.ts';
import { reachOf } from '../wire/stripe-reach.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { givingBack } from '../wire/tail-memory.ts';
import { announcedManifest } from './announced-manifest.ts';
import type { CutShort } from './cut-short.ts';
import { MANIFESTS_WEIGHT_MAX, manifestWeight } from './manifest-weight.ts';

/** Runs of one content fetched at once: while one is verified and committed, others are on the wire. 1…8. */
const RUNS_AT_ONCE = 3;
/** Contents that may wait for others to be here: beyond that the owner is told to come later. */
const WAITING_MAX = 1_000;

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
}

type StripeAsk = Ask<'place'> & { readonly runs: RunMask };

/** The candidate's side of a striped content: fetches runs from whoever has them, and keeps each as it is there. */
export class TakingRuns {
  readonly #slice: Slice;
  readonly #gate: Gate;
  readonly #cutShort: CutShort;
  /** Contents whose manifests are in memory. */
  readonly #contents = new Gate(MANIFESTS_WEIGHT_MAX, WAITING_MAX);
  /** Runs being fetched; each resolves when it is over, however it ended. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(slice: Slice, gate: Gate, cutShort: CutShort) {
    this.#slice = slice;
    this.#gate = gate;
    this.#cutShort = cutShort;
  }

  /** Resolves when all these runs are here, verified, durable and recorded; the first failure ends it, and what came stays. */
  take(ask: StripeAsk, version: FileVersion): Promise<void> {
    return this.#contents.pass(() => this.#take(ask, version), manifestWeight(ask.size));
  }

  async #take(ask: StripeAsk, version: FileVersion): Promise<void> {
    const { runs } = this.#slice.folder;
    const striped = await this.#stripedOf(ask, version);
    await runs.adopt(ask.path, version);
    const lying = runs.lying(version.hash, version.manifest.hash);
    const missing = runsIn(ask.runs).filter((run) => run < striped.ends.length && !hasRun(lying, run));
    const lane = async (): Promise<void> => {
      try {
        for (let run = missing.shift(); run !== undefined; run = missing.shift()) await this.#takeRun(ask, version, striped, run);
      } finally {
        // Empty already, unless one failed: then no other is begun.
        missing.length = 0;
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: RUNS_AT_ONCE }, lane));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  /** One fetch of a run at a time, for whatever name it was asked: then the others only record what came. */
  async #takeRun(ask: StripeAsk, version: FileVersion, striped: Striped, run: number): Promise<void> {
    const key = `${ask.hash}/${version.manifest.hash}/${run}`;
    for (let other = this.#underWay.get(key); other !== undefined; other = this.#underWay.get(key)) await other;
    const { runs } = this.#slice.folder;
    if (hasRun(runs.lying(version.hash, version.manifest.hash), run)) {
      await runs.adopt(ask.path, version);
      return;
    }
    const taking = this.#gate.pass(() => this.#fetch(ask, version, striped, run));
    this.#underWay.set(
      key,
      taking.catch(() => undefined).finally(() => this.#underWay.delete(key)),
    );
    await taking;
  }

  async #fetch(ask: StripeAsk, version: FileVersion, striped: Striped, run: number): Promise<void> {
    const { folder, clock, switchboard } = this.#slice;
    const { path, hash, size } = ask;
    const { offset, length } = rangeOfRun(striped.ends, run);
    const staging = await folder.stage(`run-${hash.slice(0, 32)}-${striped.manifestHash.slice(0, 32)}-${run}`, length);
    const stop = this.#cutShort.begin(staging, ask);
    const used = new Set<Link>();
    try {
      const isCut = folder.chunks.isCut(length);
      const { first, chunks } = striped.chunks.within(offset, offset + length);
      if (isCut) await staging.cut({ ...striped, chunks });
      // The run's own first byte and chunk are somewhere in the content.
      const check = async (asked: readonly number[]) =>
        (await staging.check(asked.map((chunk) => chunk - first))).map((chunk) => chunk + first);
      await fetchContent({
        path,
        hash,
        size,
        missing: staging.missing().map((range) => ({ ...range, offset: offset + range.offset })),
        ...(isCut && { ends: striped.chunks.ends }),
        sources: () => this.#sources(ask, run, used),
        reach: reachOf(() => this.#content(ask), striped.ends),
        sink: { ...givingBack({ write: (at, bytes) => staging.write(at - offset, bytes) }), check },
        blamed: (link) => void verifyAt([link], ask, { offset, length }),
        clock,
        limit: switchboard.limits.down,
        stop,
      });
      await folder.runs.keep(path, version, striped, run, staging);
      this.#cutShort.done(staging);
    } catch (error) {
      if (error instanceof MeshError && error.code === 'corrupt') await verifyAt(used, ask, { offset, length });
      await this.#cutShort.end(staging, error, ask);
      throw error;
    }
  }

  /** By the first manifest that is the announced one. */
  async #stripedOf(ask: StripeAsk, version: FileVersion): Promise<Striped> {
    const { runs } = this.#slice.folder;
    const own = await runs.manifest(ask.hash, ask.path);
    if (own !== undefined && runs.lying(version.hash, version.manifest.hash) !== NO_RUNS) return await runs.striped(version, own);
    const links = this.#links(keepersOf(this.#content(ask) ?? ask));
    const striped = await announcedManifest(this.#slice.folder, links, ask.path, version);
    if (striped !== undefined) return striped;
    throw new MeshError('unavailable', `nobody in reach has the manifest of ${ask.path}`);
  }

  /** Who has that run. */
  #sources(ask: StripeAsk, run: number, used: Set<Link>): Link[] {
    const content = this.#content(ask);
    const parts = [...(content?.parts ?? [])].filter(([, mask]) => hasRun(mask, run)).map(([peer]) => peer);
    const links = this.#links([...(content?.holders ?? []), ...parts]);
    for (const link of links) used.add(link);
    return links;
  }

  #links(peers: readonly PeerId[]): Link[] {
    return peers.map((peer) => this.#slice.switchboard.link(peer)).filter((link) => link !== undefined);
  }

  #content({ path, hash }: StripeAsk): Content | undefined {
    return this.#slice.catalog.view(path)?.contents.find((one) => one.hash === hash);
  }
}

/** Wrong bytes came: the holders look at the run they gave, and set it aside when it is bad. */
async function verifyAt(links: Iterable<Link>, { path, hash }: StripeAsk, run: Range): Promise<void> {
  await Promise.allSettled([...links].map((link) => link.call('verify', { path, hash, ...run })));
}
