import { createHash } from 'node:crypto';
import { asMeshError, MeshError } from '../../core/errors.ts';
import type { ContentHash, FilePath, PeerId, RequestId, VersionKey } from '../../core/ids.ts';
import { assertStorable, quote } from '../../core/path.ts';
import { STRIPE_BYTES_MIN } from '../../core/striping.ts';
import { type Done, HOPS_MAX, type Holder, type Reply, TAIL_BYTES_MAX } from '../../wire/calls.ts';
import type { Link } from '../../wire/link.ts';
import { ask } from '../ask.ts';
import { type ChangeResult, changeResult } from '../results.ts';
import type { Session } from '../session.ts';
import type { Source, VerbOptions } from '../transfer.ts';
import { checkStopped } from '../waiting.ts';
import { askChange, type ChangeAsk } from './change.ts';
import { findEntry } from './listing.ts';
import { Sending } from './sending.ts';

/** A smaller file is sent again in no time. In bytes. */
const KEPT_BYTES_MIN = 4 * TAIL_BYTES_MAX;

/** One content to be stored. */
export interface Upload {
  readonly kind: 'create' | 'put';
  readonly path: FilePath;
  readonly source: Source;
  /** What it follows; empty for a new name. */
  readonly base: readonly VersionKey[];
  /** Spread in runs from the start; else only where no single peer has room for it. */
  readonly striped?: boolean;
}

/**
 * Makes a new file. Rejects with `exists` where the name is taken anywhere, `conflict` where several versions have it:
 * before a byte is sent when that is known here.
 */
export async function create(session: Session, path: FilePath, source: Source, options: VerbOptions): Promise<ChangeResult> {
  await checkFree(session, path, options);
  return await store(session, { kind: 'create', path, source, base: [] }, options);
}

/** Rejects as `create` would, as far as the own peer knows. */
export async function checkFree(session: Session, path: FilePath, options: VerbOptions): Promise<void> {
  const entry = await findEntry(session, path, options);
  if (entry !== undefined && entry.contents.length > 1) throw inConflict(path);
  if (entry !== undefined && entry.contents.length > 0) {
    throw new MeshError('exists', `there is a file ${quote(path)} already; "filemesh upload" makes its next version`);
  }
}

/** What an upload of that name follows if it begins now. Rejects with `conflict` where several versions have the name. */
export async function currentBase(session: Session, path: FilePath, options: VerbOptions): Promise<readonly VersionKey[]> {
  const entry = await findEntry(session, path, options);
  if (entry !== undefined && entry.contents.length > 1) throw inConflict(path);
  return entry?.base ?? [];
}

/**
 * Stores a new file, or the next version of `base`: what was current when its bytes began to come; absent: what is now. Rejects
 * with `overtaken` when another came in between.
 */
export async function put(
  session: Session,
  path: FilePath,
  source: Source,
  options: VerbOptions & { readonly stripeOver?: number | undefined; readonly base?: readonly VersionKey[] | undefined },
): Promise<ChangeResult> {
  const base = options.base ?? (await currentBase(session, path, options));
  const striped = source.size > 1 && source.size >= (options.stripeOver ?? Number.POSITIVE_INFINITY);
  return await store(session, { kind: 'put', path, source, base, striped }, options);
}

/** Stores one content on top of a base known before. One request id through all failovers: it happens at most once. */
export async function store(session: Session, upload: Upload, options: VerbOptions): Promise<ChangeResult> {
  assertStorable(upload.path);
  const storing = new Storing(session, upload, options);
  const through = (link: Link) => storing.through(link);
  try {
    const done = await session.attempt(through, { signal: options.signal, changedMs: () => storing.changedMs });
    const made = done[0];
    if (made === undefined) throw new MeshError('protocol', 'the peer did not tell what it stored');
    return changeResult(made);
  } catch (thrown) {
    const same = asMeshError(thrown).code === 'overtaken' ? await storing.storedByOther() : undefined;
    if (same === undefined) throw thrown;
    return same;
  }
}

export function inConflict(path: string): MeshError {
  return new MeshError(
    'conflict',
    `${quote(path)} has several versions; end that with "filemesh resolve" first ("filemesh conflicts" lists them)`,
  );
}

class Storing {
  readonly #session: Session;
  readonly #upload: Upload;
  readonly #options: VerbOptions;
  readonly #request: RequestId;
  /** The same for each try to store this file there, of an earlier run too: what a peer has of it is not sent again. */
  #id: RequestId;
  /** Redirects that failed: they are not followed again. */
  readonly #avoided = new Set<PeerId>();
  /** The last change asked, which may have been carried out although no answer came. */
  #asked: ChangeAsk | undefined;
  /** When the first one was asked. */
  #changedMs: number | undefined;
  #isSentAgain = false;
  #isStriped: boolean;
  readonly #sending: Sending;

  constructor(session: Session, upload: Upload, options: VerbOptions) {
    this.#session = session;
    this.#upload = upload;
    this.#options = options;
    this.#sending = new Sending(upload.path, upload.source, options);
    this.#request = session.newRequest();
    this.#isStriped = upload.striped === true;
    this.#id = stableId(upload) ?? this.#request;
  }

  get changedMs(): number | undefined {
    return this.#changedMs;
  }

  /** What overtook it, if that is the very content: most often an earlier try, of which no answer came. */
  async storedByOther(): Promise<ChangeResult | undefined> {
    if (this.#asked === undefined) return undefined;
    const entry = await findEntry(this.#session, this.#upload.path, this.#options).catch(() => undefined);
    const [content, ...others] = entry?.contents ?? [];
    if (entry === undefined || content === undefined || others.length > 0 || content.hash !== this.#asked.hash) return undefined;
    return { path: entry.path, version: content.hash, copies: content.copies, wanted: entry.wanted };
  }

  /** The whole upload by way of `link`; safe to repeat with another. */
  async through(link: Link): Promise<Done[]> {
    try {
      return await this.#once(link);
    } catch (thrown) {
      const error = asMeshError(thrown);
      // `failed`: with an id that another run may have used, too.
      const isLost = ['gone', 'corrupt', ...(this.#id === this.#request ? [] : ['failed'])].includes(error.code);
      // What this peer had of it is lost, the file here is not: once it is sent there again, then another peer is asked.
      if (!isLost || this.#isSentAgain) throw error;
      this.#isSentAgain = true;
      this.#id = this.#request;
      throw new MeshError('closed', error.message, { cause: error });
    }
  }

  async #once(link: Link): Promise<Done[]> {
    const earlier = await this.#madeEarlier(link);
    if (earlier !== undefined) return earlier;
    if (this.#isStriped) return await this.#sendStripes(link);
    try {
      return await this.#sendWhole(link);
    } catch (thrown) {
      const { code } = asMeshError(thrown);
      if (code !== 'full' || this.#upload.source.size < STRIPE_BYTES_MIN) throw thrown;
      // No single peer has room for all of it: all together may.
      this.#isStriped = true;
      return await this.#sendStripes(link);
    }
  }

  async #sendStripes(link: Link): Promise<Done[]> {
    return await this.#change(link, await this.#sending.stripes(link, this.#id), HOPS_MAX);
  }

  async #sendWhole(link: Link): Promise<Done[]> {
    const begun = await this.#begin(link, 0);
    if (begun.redirect.length === 0) return await this.#send(link, begun, 0);
    const target = await this.#redirected(begun.redirect);
    if (target === undefined) return await this.#send(link, await this.#begin(link, HOPS_MAX), HOPS_MAX);
    try {
      return await this.#send(target, await this.#begin(target, HOPS_MAX), HOPS_MAX);
    } catch (thrown) {
      const error = asMeshError(thrown);
      if (error.advice !== 'elsewhere') throw error;
      // That holder's failure is not the own peer's: begin again there, without this redirect.
      this.#avoided.add(target.peer);
      throw new MeshError('closed', 'the holder that was to store it went away', { cause: error });
    }
  }

  /** After a replay: what the change already made, if this peer knows of it. Saves sending the bytes again. */
  async #madeEarlier(link: Link): Promise<Done[] | undefined> {
    if (this.#asked === undefined) return undefined;
    try {
      const { done } = await askChange(link, this.#asked, HOPS_MAX);
      return done.length > 0 ? done : undefined;
    } catch (thrown) {
      const code = asMeshError(thrown).code;
      // The upload lay at the peer that died.
      if (code === 'gone' || code === 'not-found') return undefined;
      throw thrown;
    }
  }

  async #begin(link: Link, hops: number) {
    const { path, source, base } = this.#upload;
    const begin = { upload: this.#id, path, size: source.size, base: [...base], hops, transient: this.#id === this.#request };
    const { reply } = await ask(link, 'begin', { ...begin, ...(await this.#sending.content()) }, { subject: path });
    return reply;
  }

  async #redirected(holders: readonly Holder[]): Promise<Link | undefined> {
    for (const holder of holders) {
      if (this.#avoided.has(holder.id)) continue;
      const link = await this.#session.linkTo(holder);
      if (link !== undefined) return link;
      this.#avoided.add(holder.id);
    }
    return undefined;
  }

  async #send(link: Link, begun: Reply<'begin'>, hops: number): Promise<Done[]> {
    return await this.#change(link, await this.#sending.whole(link, this.#id, begun), hops);
  }

  async #change(link: Link, hash: ContentHash, hops: number): Promise<Done[]> {
    const { kind, path, source, base } = this.#upload;
    const change: ChangeAsk = {
      request: this.#request,
      change: { kind, path, upload: this.#id },
      base: [...base],
      size: source.size,
      hash,
      ...(source.mode === undefined ? {} : { mode: source.mode }),
      ...(source.modifiedMs === undefined ? {} : { modified: source.modifiedMs }),
    };
    checkStopped(this.#options.signal);
    this.#asked = change;
    this.#changedMs ??= this.#session.clock.now();
    const first = await askChange(link, change, hops);
    if (first.done.length > 0) return first.done;
    // The bytes lie here: so it is to be made here, whoever might be nearer by now.
    const { done } = await askChange(link, change, HOPS_MAX);
    if (done.length === 0) throw new MeshError('unavailable', `no peer can store ${quote(path)} now`);
    return done;
  }
}

function stableId({ path, source }: Upload): RequestId | undefined {
  if (source.key === undefined || source.size < KEPT_BYTES_MIN) return undefined;
  const key = createHash('sha256').update(`upload\0${path}\0${source.key}`).digest('hex');
  return key.slice(0, 32) as RequestId;
}
