import type { Catalog } from '../catalog/catalog.ts';
import { MeshError } from '../core/errors.ts';
import type { RequestId } from '../core/ids.ts';
import { hasRoom } from '../core/placement.ts';
import type { Folder, Staging } from '../folder/folder.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Ask, Holder, Reply } from '../wire/calls.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { giveBackTail } from '../wire/tail-memory.ts';
import type { Entries } from './entries.ts';

/** Uploads open at once; a client has one, a peer serves 200 clients. */
const UPLOADS_MAX = 500;
/** Peers a client is sent to: it asks one after the other, two hops at most. */
export const REDIRECTS_MAX = 16;
/** An upload nobody writes is let go after so long; its staged bytes stay on disk for a day. */
const IDLE_MS = 10 * 60_000;

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly entries: Entries;
  readonly switchboard: Switchboard;
}

interface Upload {
  readonly staging: Promise<Staging>;
  usedMs: number;
}

/** Contents on their way in from clients, by upload id. */
export class Uploads {
  readonly #slice: Slice;
  readonly #uploads = new Map<RequestId, Upload>();
  #sweeper: Timer | undefined;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** Opens or finds again; or names who should take it: a holder of what it replaces, or the least loaded with room. */
  async begin(ask: Ask<'begin'>): Promise<Reply<'begin'>> {
    const redirect = (ask.hops ?? 0) >= 2 || this.#uploads.has(ask.upload) ? [] : this.#elsewhere(ask);
    if (redirect.length > 0) return { have: 0, redirect };
    const staging = await this.#open(ask);
    const writeBytes = this.#slice.switchboard.limits.down?.blockBytes;
    return { have: staging.have, redirect: [], ...(writeBytes === undefined ? {} : { writeBytes }) };
  }

  async write(ask: Ask<'write'>, tail: Uint8Array): Promise<Reply<'write'>> {
    const staging = await this.take(ask.upload);
    await staging.write(ask.offset, tail);
    const { length } = tail;
    giveBackTail(tail);
    // They came already: a client sends few at a time, and the next only when one is answered.
    await this.#slice.switchboard.limits.down?.pass(`upload/${ask.upload}`, length);
    return {};
  }

  /** The staging of an upload. Rejects with `gone` when this peer has none: the client begins anew. */
  async take(upload: RequestId): Promise<Staging> {
    const open = this.#uploads.get(upload);
    if (open === undefined) throw new MeshError('gone', 'this upload is not known here: begin it again');
    open.usedMs = this.#slice.clock.now();
    return await open.staging;
  }

  /** The upload is done with; its staging was committed or is discarded. */
  async end(upload: RequestId, discard: boolean): Promise<void> {
    const open = this.#uploads.get(upload);
    this.#uploads.delete(upload);
    if (discard && open !== undefined) await (await open.staging).discard();
  }

  stop(): void {
    this.#sweeper?.cancel();
  }

  async #open(ask: Ask<'begin'>): Promise<Staging> {
    const known = this.#uploads.get(ask.upload);
    if (known !== undefined) return await known.staging;
    if (this.#uploads.size >= UPLOADS_MAX) throw new MeshError('busy', 'too many uploads are under way');
    const staging = this.#slice.folder.stage(`upload-${ask.upload}`, ask.size);
    this.#uploads.set(ask.upload, { staging, usedMs: this.#slice.clock.now() });
    this.#sweeper ??= this.#slice.clock.after(IDLE_MS, () => this.#sweep());
    try {
      return await staging;
    } catch (error) {
      this.#uploads.delete(ask.upload);
      throw error;
    }
  }

  #elsewhere(ask: Ask<'begin'>): Holder[] {
    const { catalog, folder, entries } = this.#slice;
    const contents = catalog.view(ask.path)?.contents ?? [];
    if (contents.some((content) => folder.holds(ask.path, content.hash))) return [];
    const holders = contents
      .flatMap((content) => entries.holders(content))
      .filter((one) => one.live && one.address !== undefined && one.runs === undefined);
    if (holders.length > 0) return holders.slice(0, REDIRECTS_MAX);
    const own = folder.state();
    const size = ask.size ?? 0;
    if (own.paused === undefined && hasRoom(own, size)) return [];
    return catalog.peers
      .all()
      .filter((one) => one.id !== catalog.self && one.live && one.paused === undefined && hasRoom(one.load, size))
      .slice(0, REDIRECTS_MAX)
      .map((one) => entries.holder(one.id));
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const oldestMs = this.#slice.clock.now() - IDLE_MS;
    for (const [id, upload] of this.#uploads) if (upload.usedMs <= oldestMs) this.#uploads.delete(id);
    if (this.#uploads.size > 0) this.#sweeper = this.#slice.clock.after(IDLE_MS, () => this.#sweep());
  }
}
