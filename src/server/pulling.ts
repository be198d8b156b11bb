import type { Catalog } from '../catalog/catalog.ts';
import { CHUNKING_SCHEME } from '../core/chunking.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath, PeerId, RequestId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import { ALL_RUNS, hasAllRuns } from '../core/striping.ts';
import type { FileVersion } from '../core/version.ts';
import type { Folder, Staging } from '../folder/folder.ts';
import { ONCE_PREFIX } from '../folder/stagings.ts';
import type { Clock } from '../platform/clock.ts';
import { fetchContent } from '../wire/fetch.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { givingBack } from '../wire/tail-memory.ts';
import { type History, tellWrong } from './history.ts';

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
  readonly history: History;
}

/** An older content, brought here; of a striped one there is only something to be told. */
export type OldContent =
  | { readonly staging: Staging; readonly mode: number }
  | { readonly facts: Pick<FileVersion, 'hash' | 'size' | 'mode' | 'manifest'> };

/** Brings bytes here that a change needs and another peer has. */
export class Pulling {
  readonly #slice: Slice;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /**
   * A current content, from its live holders, whole and right: where wrong bytes came its givers look at their copies, and
   * others are asked. Rejects with `unavailable`.
   */
  async content(path: FilePath, content: Content, request: RequestId): Promise<Staging> {
    const name = `${ONCE_PREFIX}pull-${request}-${content.hash.slice(0, 8)}`;
    const wrong = new Set<PeerId>();
    // One try more than there are holders: what an earlier one left staged may be wrong too.
    for (let tries = 0; tries <= content.holders.length; tries++) {
      const staging = await this.#slice.folder.stage(name, content.size);
      try {
        const given = await this.#fetch(path, content, staging, wrong);
        if ((await staging.digest()).hash === content.hash) return staging;
        for (const peer of await this.#wrongOf(path, content, given)) wrong.add(peer);
      } catch (error) {
        await staging.discard();
        throw error;
      }
      await staging.discard();
    }
    throw new MeshError('unavailable', `no peer in reach has right bytes of ${path}: they are being healed, try again later`);
  }

  /** Whoever gave bytes of it. */
  async #fetch(path: FilePath, content: Content, staging: Staging, without: ReadonlySet<PeerId>): Promise<PeerId[]> {
    const { clock, switchboard } = this.#slice;
    const { hash, size } = content;
    const holders = content.holders.filter((peer) => !without.has(peer));
    const sources = () => holders.map((peer) => switchboard.link(peer)).filter((link) => link !== undefined);
    const limit = switchboard.limits.down;
    const given = await fetchContent({ path, hash, size, from: staging.have, sources, sink: givingBack(staging), clock, limit });
    return [...given.keys()];
  }

  /** Of those who gave wrong bytes together: who finds its copy wrong, or cannot tell; all, when nobody does. */
  async #wrongOf(path: FilePath, { hash }: Content, given: readonly PeerId[]): Promise<readonly PeerId[]> {
    const looks = given.map(
      async (peer) => (await this.#slice.switchboard.link(peer)?.call('verify', { path, hash }))?.reply.intact,
    );
    const looked = await Promise.allSettled(looks);
    const wrong = given.filter((_, index) => {
      const look = looked[index];
      return look?.status !== 'fulfilled' || look.value !== true;
    });
    return wrong.length > 0 ? wrong : given;
  }

  /** An older content named by `history`: from here, else from a live peer that has it. Rejects with `not-found`. */
  async old(path: FilePath, copy: string, request: RequestId): Promise<OldContent> {
    const { folder } = this.#slice;
    const name = `${ONCE_PREFIX}restore-${request}`;
    const olds = (await folder.oldCopies(path)).filter((one) => one.hash === copy || one.copy === copy);
    const here = olds.find((one) => one.manifest === undefined);
    let badHere: ContentHash | undefined;
    if (here !== undefined) {
      try {
        return { staging: await folder.restoring.stage(path, here.copy, name), mode: here.mode };
      } catch (thrown) {
        // Bad, or not to be read: others may have it. Where there is no room for it twice it can still be kept as it lies.
        if (asMeshError(thrown).code !== 'full') badHere = here.hash;
      }
    }
    const { copies } = await this.#slice.history.of({ path, ask: true }, { badHere, apart: true });
    const told = copies.filter((one) => one.hash === copy || one.copy === copy);
    const [found] = told;
    if (found === undefined) throw new MeshError('not-found', `no live peer has that older version of ${path}`);
    // Kept here as it lies, where there was no room for it twice.
    const isHere = here !== undefined && badHere === undefined;
    const striped = told.find((one) => one.manifest !== undefined);
    if (striped?.manifest !== undefined) {
      const { hash, size, manifest, runs = ALL_RUNS } = striped;
      // Whoever keeps runs of it, or all of it, tells so once there is a version of it again.
      if (found.current || isHere || hasAllRuns(size, runs))
        return { facts: { hash, size, mode: found.mode, manifest: { scheme: CHUNKING_SCHEME, hash: manifest } } };
    }
    // What is not all there replaces nothing: the good one would be lost for it.
    const whole = told.find((one) => one.manifest === undefined);
    if (whole === undefined) throw new MeshError('unavailable', `parts of that older version of ${path} are at no peer in reach`);
    // That somebody keeps all of it is only told: it may be bad, or purged by now. So it is brought here, and looked at.
    for (const peer of this.#peersNamed(whole.peers)) {
      const staging = await this.#pullOld(peer, path, whole, name);
      if (staging !== undefined) return { staging, mode: found.mode };
    }
    throw new MeshError('unavailable', `that older version of ${path} could not be fetched: try again`);
  }

  #peersNamed(names: readonly string[]): PeerId[] {
    const { catalog, switchboard } = this.#slice;
    const linked = switchboard.peers().map((link) => link.peer);
    return linked.filter((peer) => names.includes(catalog.shownName(peer)));
  }

  async #pullOld(
    peer: PeerId,
    path: FilePath,
    { hash, size }: Pick<Content, 'hash' | 'size'>,
    name: string,
  ): Promise<Staging | undefined> {
    const link = this.#slice.switchboard.link(peer);
    if (link === undefined) return undefined;
    const staging = await this.#slice.folder.stage(name, size);
    try {
      await fetchContent({
        path,
        hash,
        size,
        sources: () => [link],
        sink: givingBack(staging),
        clock: this.#slice.clock,
        limit: this.#slice.switchboard.limits.down,
        old: true,
      });
      const digest = await staging.digest();
      if (digest.hash === hash) return staging;
      tellWrong(link, path, hash);
    } catch {
      // Another peer may have it too: the caller goes on with the next.
    }
    await staging.discard();
    return undefined;
  }
}
