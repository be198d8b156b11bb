import type { Catalog } from '../catalog/catalog.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { PeerId, RequestId } from '../core/ids.ts';
import type { RunMask } from '../core/striping.ts';
import type { Striped } from '../folder/folder.ts';
import type { Ask } from '../wire/calls.ts';
import { sendManifest } from '../wire/manifest.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import type { RunReceiver } from './run-receiver.ts';

/** A peer has so long to verify a run and make it durable, or to take one write: a slow disk. */
const KEEP_MS = 120_000;

interface Slice {
  readonly catalog: Catalog;
  readonly switchboard: Switchboard;
  readonly receiver: RunReceiver;
}

/** The peers that are to keep the runs of one striped upload, this one among them. */
export class RunTakers {
  readonly #slice: Slice;
  readonly #upload: RequestId;
  readonly #by: string | undefined;
  readonly #striped: Striped;
  readonly #openings = new Map<PeerId, Promise<RunMask>>();

  /** `by`: the account whose upload it is. */
  constructor(slice: Slice, upload: RequestId, by: string | undefined, striped: Striped) {
    this.#slice = slice;
    this.#upload = upload;
    this.#by = by;
    this.#striped = striped;
  }

  /** Gives a peer the manifest; what lies there. Asked twice at a time it is done once. */
  open(peer: PeerId): Promise<RunMask> {
    const opening = this.#openings.get(peer) ?? this.#open(peer).finally(() => this.#openings.delete(peer));
    this.#openings.set(peer, opening);
    return opening;
  }

  /**
   * Bytes of one run. `isNew`: none of it was taken before. Then a peer that let the upload go in between, because others needed
   * room and it had no run of this one under way, is given the manifest once more.
   */
  async write(peer: PeerId, offset: number, tail: Uint8Array, isNew: boolean): Promise<void> {
    try {
      await this.#write(peer, offset, tail);
    } catch (thrown) {
      if (!isNew || asMeshError(thrown).code !== 'gone') throw thrown;
      await this.open(peer);
      await this.#write(peer, offset, tail);
    }
  }

  async keep(peer: PeerId, run: number): Promise<void> {
    const { catalog, receiver } = this.#slice;
    const ask = { upload: this.#upload, run };
    if (peer === catalog.self) await receiver.keep(ask);
    else await this.#link(peer).call('run-keep', ask, { deadlineMs: KEEP_MS });
  }

  async #open(peer: PeerId): Promise<RunMask> {
    const { catalog, receiver } = this.#slice;
    const { size, hash, manifest } = this.#striped;
    const about = { upload: this.#upload, ...(this.#by && { by: this.#by }), size, hash, manifestBytes: manifest.length };
    const told = await sendManifest(manifest, async (offset, tail) => {
      const ask: Ask<'run-open'> = { ...about, offset };
      if (peer === catalog.self) return await receiver.open(ask, tail);
      return (await this.#link(peer).call('run-open', ask, { tail })).reply;
    });
    return told.lying;
  }

  async #write(peer: PeerId, offset: number, tail: Uint8Array): Promise<void> {
    const { catalog, receiver, switchboard } = this.#slice;
    const ask = { upload: this.#upload, offset };
    if (peer === catalog.self) return await receiver.write(ask, tail);
    await switchboard.limits.up?.pass(`upload/${this.#upload}/${peer}`, tail.length);
    await this.#link(peer).call('run-write', ask, { tail, deadlineMs: KEEP_MS });
  }

  #link(peer: PeerId) {
    const link = this.#slice.switchboard.link(peer);
    if (link === undefined) throw new MeshError('closed', 'the link is down');
    return link;
  }
}
