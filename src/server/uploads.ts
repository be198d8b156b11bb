import { createHash } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { RequestId } from '../core/ids.ts';
import { hasRoom } from '../core/placement.ts';
import type { Asker, Folder, Staging } from '../folder/folder.ts';
import { ONCE_PREFIX } from '../folder/stagings.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { type Ask, HOPS_MAX, type Holder, type Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import type { Answered, Switchboard } from '../wire/switchboard.ts';
import { giveBackTail } from '../wire/tail-memory.ts';
import type { Entries } from './entries.ts';
import { roomForManifest } from './manifest-memory.ts';
import { UploadChunks } from './upload-chunks.ts';

/** Uploads open at once; a client has one, a peer serves 200 clients. */
const UPLOADS_MAX = 500;
/** Peers a client is sent to: it asks one after the other. */
export const REDIRECTS_MAX = 16;
/** An upload nobody writes is let go after so long; its staged bytes stay on disk, for whoever comes back. */
const IDLE_MS = 10 * 60_000;
/**
 * One that nobody but its client can go on with ends so long after its last byte, once the link of that client is down: it may be
 * back over another by then. Above the time a client takes to link again, 10…600 s.
 */
const ORPHAN_MS = 60_000;
/** They are looked for so often. */
const SWEEP_MS = 60_000;

/** Who speaks, and over which link. */
export interface Uploader {
  readonly link: Link;
  readonly asker: Asker;
}

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
  readonly asker: Asker;
  /** Whose it is, its hash and that of its manifest; absent: it comes in order. */
  readonly content?: string;
  chunks?: Promise<UploadChunks>;
  /** The same, once it is there. */
  opened?: UploadChunks;
  /** Its staging has the name of the content, and not its own. */
  readonly isFoundByContent?: boolean;
  /** Nobody but the client that began it can go on with it. */
  readonly isTransient?: boolean;
  /** By which it was asked for last. */
  from: Link;
  usedMs: number;
  /** A version is being made of it: nobody else goes on with it. */
  isTaken?: boolean;
  /** Booked for its manifest, which is in memory until the upload is over. */
  manifestBytes: number;
}

/** Contents on their way in from clients, by upload id. */
export class Uploads {
  readonly #slice: Slice;
  readonly #uploads = new Map<RequestId, Upload>();
  /** Stagings of uploads that were let go, until they are closed. */
  readonly #leaving = new Set<Promise<void>>();
  #sweeper: Timer | undefined;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** Opens or finds again; or names who should take it: a holder of what it replaces, or the least loaded with room. */
  async begin(ask: Ask<'begin'>, from: Uploader): Promise<Reply<'begin'>> {
    const known = this.#uploads.get(ask.upload) ?? this.#leftOf(ask, from.asker);
    const redirect = (ask.hops ?? 0) >= HOPS_MAX || known !== undefined ? [] : this.#elsewhere(ask);
    if (redirect.length > 0) return { have: 0, redirect };
    const staging = await this.#open(ask, from, known);
    const writeBytes = this.#slice.switchboard.limits.down?.blockBytes;
    const byChunks = this.#known(ask.upload).chunks !== undefined;
    return {
      ...{ have: staging.have, redirect: [] },
      ...(writeBytes === undefined ? {} : { writeBytes }),
      ...(byChunks ? { byChunks } : {}),
    };
  }

  /** Which chunks are wanted of an upload that was begun with its content. */
  async chunks(ask: Ask<'chunks'>, tail: Uint8Array): Promise<Answered<'chunks'>> {
    const known = this.#known(ask.upload);
    const chunks = await known.chunks;
    if (chunks === undefined) throw new MeshError('usage', 'this upload comes in order');
    const answer = await chunks.tell(ask, tail);
    this.#known(ask.upload);
    return answer;
  }

  async write(ask: Ask<'write'>, tail: Uint8Array): Promise<Reply<'write'>> {
    const { staging, chunks } = this.#known(ask.upload);
    await ((await chunks) ?? (await staging)).write(ask.offset, tail);
    const { length } = tail;
    giveBackTail(tail);
    // They came already: a client sends few at a time, and the next only when one is answered.
    await this.#slice.switchboard.limits.down?.pass(`upload/${ask.upload}`, length);
    return {};
  }

  /** The staging of an upload. Rejects with `gone` when this peer has none: the client begins anew. */
  async take(upload: RequestId): Promise<Staging> {
    const known = this.#known(upload);
    known.isTaken = true;
    return await known.staging;
  }

  /** What was taken came to its version, or to nothing. */
  giveBack(upload: RequestId): void {
    const open = this.#uploads.get(upload);
    if (open !== undefined) open.isTaken = false;
  }

  /** The upload is done with; its staging was committed or is discarded. */
  async end(upload: RequestId, discard: boolean): Promise<void> {
    const open = this.#uploads.get(upload);
    this.#uploads.delete(upload);
    if (discard && open !== undefined) await (await open.staging).discard();
  }

  /**
   * The change it was for is refused for good. Whoever sends the same content next goes on with what came by chunks; what came
   * in order is found by nobody, for its id was the request's.
   */
  async refuse(upload: RequestId): Promise<void> {
    const open = this.#uploads.get(upload);
    if (open?.isFoundByContent === true) this.#letGo(upload, open);
    else await this.end(upload, true);
  }

  stop(): void {
    this.#sweeper?.cancel();
  }

  /**
   * Books memory for the manifest of an upload; one whose client is gone makes room, and is told anew. Throws `busy` when that is
   * not enough, `gone` when the upload is over.
   */
  #book(upload: Upload, bytes: number): void {
    if (![...this.#uploads.values()].includes(upload)) throw new MeshError('gone', 'this upload is over: begin it again');
    const others = [...this.#uploads]
      .filter(([, other]) => other !== upload)
      .map(([id, other]) => ({ id, other, by: accountOf(other), manifestBytes: other.manifestBytes }));
    const booked = { by: accountOf(upload), manifestBytes: bytes };
    for (const { id, other } of roomForManifest(booked, others, ({ other }) => !other.from.open && !isBusy(other)))
      this.#letGo(id, other);
    upload.manifestBytes = bytes;
  }

  /** Of an upload by chunks the staging holds the manifest: it is closed. Its bytes stay for whoever begins it again. */
  #letGo(id: RequestId, upload: Upload): void {
    this.#uploads.delete(id);
    if (upload.manifestBytes === 0) return;
    const { log } = this.#slice;
    const leaving = upload.staging
      .then((staging) => staging.leave())
      .catch((error: unknown) => {
        log.warn('the staging of an upload could not be left in order', { reason: asMeshError(error).message });
      })
      .finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  #known(upload: RequestId): Upload {
    const open = this.#uploads.get(upload);
    if (open === undefined) throw new MeshError('gone', 'this upload is not known here: begin it again');
    open.usedMs = this.#slice.clock.now();
    return open;
  }

  /** The upload of the same content by a client of theirs that is gone: they go on with it. */
  #leftOf(ask: Ask<'begin'>, asker: Asker): Upload | undefined {
    const wanted = this.#contentOf(ask, asker);
    if (wanted === undefined) return undefined;
    return [...this.#uploads.values()].find((one) => one.content === wanted && !one.from.open && one.isTaken !== true);
  }

  async #open(ask: Ask<'begin'>, from: Uploader, known: Upload | undefined): Promise<Staging> {
    if (known !== undefined && known.content === this.#contentOf(ask, from.asker)) {
      for (const [id, upload] of this.#uploads) if (upload === known) this.#uploads.delete(id);
      this.#uploads.set(ask.upload, known);
      known.from = from.link;
      return await this.#known(ask.upload).staging;
    }
    if (this.#uploads.size >= UPLOADS_MAX) throw new MeshError('busy', 'too many uploads are under way');
    const opened = this.#newUpload(ask, from);
    this.#uploads.set(ask.upload, opened);
    this.#sweeper ??= this.#slice.clock.after(SWEEP_MS, () => this.#sweep());
    try {
      return await opened.staging;
    } catch (error) {
      this.#uploads.delete(ask.upload);
      throw error;
    }
  }

  #newUpload(ask: Ask<'begin'>, { link: from, asker }: Uploader): Upload {
    const { folder, clock } = this.#slice;
    const content = this.#contentOf(ask, asker);
    const usedMs = clock.now();
    const ownName = `${ask.transient === true ? ONCE_PREFIX : ''}upload-${ask.upload}`;
    const own = { asker, from, usedMs, manifestBytes: 0, isTransient: ask.transient === true };
    if (content === undefined || ask.content === undefined) return { staging: folder.stage(ownName, ask.size), ...own };
    // Of one content sent twice at once each has a staging of its own; the first is that which a later client finds.
    const isTwice = [...this.#uploads.values()].some((one) => one.content === content);
    const name = isTwice ? ownName : `upload-${content}`;
    // It may be the one that is just being left, of which a note is still to be written.
    const staging = Promise.all(this.#leaving).then(() => folder.stage(name, ask.size));
    const { path, size = 0 } = ask;
    const told = { asker, path, size, hash: ask.content.hash, manifestHash: ask.content.manifest };
    const upload: Upload = { ...own, staging, content, isFoundByContent: !isTwice, isTransient: own.isTransient && isTwice };
    upload.chunks = staging.then((one) => {
      upload.opened = new UploadChunks(this.#slice, told, one, (bytes) => this.#book(upload, bytes));
      return upload.opened;
    });
    // Who opens it is told.
    upload.chunks.catch(() => undefined);
    return upload;
  }

  #elsewhere(ask: Ask<'begin'>): Holder[] {
    const { catalog, folder, entries } = this.#slice;
    const contents = catalog.view(ask.path)?.contents ?? [];
    if (contents.some((content) => folder.holds(ask.path, content.hash))) return [];
    const holders = contents
      .flatMap((content) => entries.holders(content))
      .filter((one) => one.live && one.address !== undefined && one.runs === undefined);
    if (holders.length > 0) return holders.slice(0, REDIRECTS_MAX);
    const size = ask.size ?? 0;
    if (folder.paused === undefined && hasRoom(folder.load, size)) return [];
    return catalog.peers
      .all()
      .filter((one) => one.id !== catalog.self && catalog.peers.isServing(one.id) && hasRoom(one.load, size))
      .slice(0, REDIRECTS_MAX)
      .map((one) => entries.holder(one.id));
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const nowMs = this.#slice.clock.now();
    for (const [id, upload] of this.#uploads) {
      if (isBusy(upload)) continue;
      const isOrphan = upload.isTransient === true && !upload.from.open;
      if (isOrphan && upload.usedMs <= nowMs - ORPHAN_MS) this.#discard(id);
      else if (upload.usedMs <= nowMs - IDLE_MS) this.#letGo(id, upload);
    }
    if (this.#uploads.size > 0) this.#sweeper = this.#slice.clock.after(SWEEP_MS, () => this.#sweep());
  }

  #discard(id: RequestId): void {
    this.end(id, true).catch((thrown: unknown) => {
      this.#slice.log.warn('an upload that nobody goes on with stays staged', { reason: asMeshError(thrown).message });
    });
  }

  /**
   * One name for a content, the way it is cut and who sends it, for its staging: what others sent is no word of it. Undefined:
   * it comes in order.
   */
  #contentOf({ content, size = 0 }: Ask<'begin'>, asker: Asker): string | undefined {
    if (content === undefined || !this.#slice.folder.chunks.isCut(size)) return undefined;
    const whose = asker.all ? '' : `${asker.name}/`;
    return createHash('sha256').update(`${whose}${content.hash}/${content.manifest}`).digest('hex');
  }
}

/** One that is being filled, or made a version, is not idle, and not let go. */
function isBusy({ opened, isTaken }: Upload): boolean {
  return opened?.isFilling === true || isTaken === true;
}

/** Undefined: nobody need be told apart. */
function accountOf({ asker }: Upload): string | undefined {
  return asker.all ? undefined : asker.name;
}
