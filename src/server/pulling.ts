import type { Catalog } from '../catalog/catalog.ts';
import { CHUNKING_SCHEME } from '../core/chunking.ts';
import { MeshError } from '../core/errors.ts';
import type { FilePath, PeerId, RequestId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import type { FileVersion } from '../core/version.ts';
import type { Folder, Staging } from '../folder/folder.ts';
import type { Clock } from '../platform/clock.ts';
import { fetchContent } from '../wire/fetch.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { givingBack } from '../wire/tail-memory.ts';
import type { History } from './history.ts';

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

  /** A current content, from its live holders. Rejects with `unavailable`. */
  async content(path: FilePath, content: Content, request: RequestId): Promise<Staging> {
    const { folder, clock, switchboard } = this.#slice;
    const staging = await folder.stage(`pull-${request}-${content.hash.slice(0, 8)}`, content.size);
    const sources = () => content.holders.map((peer) => switchboard.link(peer)).filter((link) => link !== undefined);
    try {
      const { hash, size } = content;
      const limit = switchboard.limits.down;
      await fetchContent({ path, hash, size, from: staging.have, sources, sink: givingBack(staging), clock, limit });
      return staging;
    } catch (error) {
      await staging.discard();
      throw error;
    }
  }

  /** An older content named by `history`: from here, else from a live peer that has it. Rejects with `not-found`. */
  async old(path: FilePath, copy: string, request: RequestId): Promise<OldContent> {
    const { folder } = this.#slice;
    const name = `restore-${request}`;
    const olds = (await folder.oldCopies(path)).filter((one) => one.hash === copy || one.copy === copy);
    const here = olds.find((one) => one.manifest === undefined);
    if (here !== undefined) return { staging: await folder.stageOld(path, here.copy, name), mode: here.mode };
    const { copies } = await this.#slice.history.of({ path, ask: true });
    const found = copies.find((one) => one.hash === copy || one.copy === copy);
    if (found === undefined) throw new MeshError('not-found', `no live peer has that older version of ${path}`);
    if (found.manifest !== undefined) {
      // Whoever keeps runs of it, or all of it, tells so once there is a version of it again.
      const { hash, size, mode, manifest } = found;
      return { facts: { hash, size, mode, manifest: { scheme: CHUNKING_SCHEME, hash: manifest } } };
    }
    for (const peer of this.#peersNamed(found.peers)) {
      const staging = await this.#pullOld(peer, path, found, name);
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
    } catch {
      // Another peer may have it too: the caller goes on with the next.
    }
    await staging.discard();
    return undefined;
  }
}
