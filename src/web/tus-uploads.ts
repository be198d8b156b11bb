import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Source } from '../client/transfer.ts';
import type { VersionKey } from '../core/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Claim } from './claims.ts';
import { reasonOf, WebFailure } from './failures.ts';
import { type Spool, spooledSource, whyFull } from './spool.ts';
import type { StoreWish } from './storing.ts';
import { PART_SILENT_MS } from './time-limits.ts';
import { TusFiles, type TusNote } from './tus-files.ts';

/** An upload that nothing was added to for so long is given up. Range 1 h – 7 days. */
const EXPIRES_MS = 24 * 3_600_000;
/** One found at a start waits so long at least: the clock may be ahead until the network has set it. 10 min – 1 h. */
const FOUND_MS_MIN = 3_600_000;
/** How often it is looked for those. Range 1 min – 1 h. */
const SWEEP_MS = 600_000;
/** Uploads that wait for their parts, of all people, and of one account. Range 16–1,024. */
const UPLOADS_MAX = 256;
const UPLOADS_OF_ONE_MAX = 64;

/** One upload under way. */
export interface TusUpload extends TusNote {
  readonly id: string;
  /** Bytes that are there. */
  readonly offset: number;
  /** When it is given up, as headers tell times. */
  readonly expires: string;
}

/** One as it is known here: `offset` is all there is of it in its file. */
interface Known extends TusNote {
  readonly id: string;
  offset: number;
  /** The room it has. */
  claim: Claim;
  /** Of its last part, by the clock that nobody sets. */
  touchedMs: number;
  busy?: PartUnderWay;
}

/** A part on its way. */
interface PartUnderWay {
  /** Sends its sender away. */
  end(): void;
  /** Resolves when nothing more of it is written. */
  readonly over: Promise<void>;
  /** When its last bytes came; undefined: all came, and the upload is being stored. */
  heardMs: number | undefined;
}

/** A part as it comes. `said`: how many bytes it has, as its head tells. */
export interface TusPart {
  readonly body: Readable;
  readonly said: string | undefined;
  readonly owners: readonly string[];
}

/** Uploads in parts: their bytes and what they are to become lie in the spool, so they outlive the page and the peer's process. Room for all of each is set aside. */
export class TusUploads {
  readonly #files: TusFiles;
  readonly #spool: Spool;
  readonly #log: Log;
  readonly #known = new Map<string, Known>();
  readonly #sweeping: NodeJS.Timeout;

  /** With those that an earlier process took in. */
  static async open(directory: string, spool: Spool, log: Log): Promise<TusUploads> {
    const uploads = new TusUploads(directory, spool, log);
    try {
      await uploads.#load();
      return uploads;
    } catch (thrown) {
      uploads.close();
      throw thrown;
    }
  }

  private constructor(directory: string, spool: Spool, log: Log) {
    this.#files = new TusFiles(directory);
    this.#spool = spool;
    this.#log = log;
    this.#sweeping = setInterval(() => void this.#sweep(), SWEEP_MS);
    this.#sweeping.unref();
  }

  close(): void {
    clearInterval(this.#sweeping);
  }

  /** Rejects with 429 (too many of that account), 503 (of all), or 507 where its bytes have no room. */
  async begin(note: {
    readonly path: string;
    readonly length: number;
    readonly wish: StoreWish;
    readonly base: readonly VersionKey[];
    readonly modifiedMs: number | undefined;
    readonly owner: string | undefined;
  }): Promise<TusUpload> {
    await this.#sweep();
    const claim = await this.#claim(note.owner, note.length);
    const upload: Known = { ...note, id: randomBytes(16).toString('hex'), offset: 0, claim, touchedMs: performance.now() };
    // Before anything is waited for: others that begin at the same time count it.
    this.#known.set(upload.id, upload);
    try {
      await this.#files.make(upload.id, note);
    } catch (thrown) {
      await this.#forget(upload).catch(() => undefined);
      throw whyFull(thrown);
    }
    return shown(upload);
  }

  /** Throws 404 for one that is not there, or somebody else's. */
  of(id: string, owner: string | undefined): TusUpload {
    return shown(this.#find(id, owner));
  }

  /**
   * Takes a part that begins at `offset`; what came of one that was cut off stays. `stored` is run once all is there, with what
   * lies there, and the upload ends with it. Rejects with 409 unless it stands at that byte and no other part is on its way; one
   * of which nothing came for a while is ended first. `end`: how the sender of this part is sent away.
   */
  async append(
    { id, owner, offset, end }: { id: string; owner: string | undefined; offset: number; end: () => void },
    part: TusPart,
    stored: (upload: TusUpload, source: Source) => Promise<void>,
  ): Promise<TusUpload> {
    await endSilent(this.#find(id, owner));
    // It may have been given up meanwhile. From here to the mark that it is busy nothing is waited for.
    const upload = this.#find(id, owner);
    if (upload.busy !== undefined) throw elsewhere(upload, 'another part of this upload is on its way');
    if (offset !== upload.offset) throw elsewhere(upload, `this upload stands at byte ${upload.offset}`);
    let over = (): void => {};
    const busy: PartUnderWay = { end, over: new Promise((resolve) => (over = resolve)), heardMs: performance.now() };
    upload.busy = busy;
    try {
      await this.#take(upload, part, busy);
      busy.heardMs = undefined;
      if (upload.offset === upload.length) await this.#store(upload, stored);
      return shown(upload);
    } finally {
      delete upload.busy;
      over();
    }
  }

  /** Gives one up, also while a part of it is on its way. */
  async giveUp(id: string, owner: string | undefined): Promise<void> {
    const upload = this.#find(id, owner);
    upload.busy?.end();
    await upload.busy?.over;
    await this.#forget(upload);
  }

  async #take(upload: Known, { body, said, owners }: TusPart, busy: PartUnderWay): Promise<void> {
    const left = upload.length - upload.offset;
    const size = said === undefined ? left : Number(said);
    if (size > left) throw new WebFailure(413, 'usage', `only ${left} bytes are missing`);
    const handle = await this.#files.open(upload.id, 'r+').catch((thrown) => {
      throw (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? gone() : thrown;
    });
    const onBytes = (count: number): void => {
      upload.offset += count;
      busy.heardMs = performance.now();
    };
    try {
      await this.#spool.take(body, { handle, offset: upload.offset, size, owners, claim: upload.claim, onBytes });
    } finally {
      // Of a piece that the disk took in part only, nothing counts.
      await handle.truncate(upload.offset).finally(() => handle.close());
      upload.touchedMs = performance.now();
    }
  }

  async #store(upload: Known, stored: (upload: TusUpload, source: Source) => Promise<void>): Promise<void> {
    const handle = await this.#files.open(upload.id, 'r');
    try {
      await this.#files.touch(upload.id);
      await stored(shown(upload), spooledSource(handle, upload.length, upload.modifiedMs));
    } finally {
      await handle.close();
    }
    // It is stored: what cannot be removed here now is removed when it expires.
    await this.#forget(upload).catch((thrown) => this.#tellKept(upload, thrown));
  }

  #find(id: string, owner: string | undefined): Known {
    const upload = this.#known.get(id);
    if (upload === undefined || upload.owner !== owner) throw gone();
    return upload;
  }

  #checkCount(owner: string | undefined): void {
    const own = [...this.#known.values()].filter((upload) => upload.owner === owner);
    if (own.length >= UPLOADS_OF_ONE_MAX) {
      const words = `${UPLOADS_OF_ONE_MAX} uploads of yours wait for their parts at this peer; finish some, or give them up`;
      throw new WebFailure(429, 'busy', words, { 'retry-after': '60' });
    }
    if (this.#known.size >= UPLOADS_MAX) {
      const words = 'too many uploads wait for their parts at this peer; come again later, or upload at another peer';
      throw new WebFailure(503, 'busy', words, { 'retry-after': '60' });
    }
  }

  async #claim(owner: string | undefined, length: number): Promise<Claim> {
    const claim = await this.#spool.claim(owner, length);
    try {
      this.#checkCount(owner);
      return claim;
    } catch (thrown) {
      claim.end();
      throw thrown;
    }
  }

  /** What cannot be removed stays known, and its room set aside. */
  async #forget(upload: Known): Promise<void> {
    if (!this.#known.delete(upload.id)) return;
    upload.claim.end();
    try {
      await this.#files.remove(upload.id);
    } catch (thrown) {
      upload.claim = this.#spool.hold(upload.owner, upload.length, upload.offset);
      this.#known.set(upload.id, upload);
      throw thrown;
    }
  }

  /** Gives up what has waited too long. */
  async #sweep(): Promise<void> {
    for (const upload of [...this.#known.values()]) {
      if (performance.now() - upload.touchedMs > EXPIRES_MS && upload.busy === undefined) {
        // A disk that gives nothing up ends neither this nor the peer: the next time it is tried again.
        await this.#forget(upload).catch((thrown) => this.#tellKept(upload, thrown));
      }
    }
  }

  #tellKept({ id }: Known, thrown: unknown): void {
    this.#log.warn('an upload in parts cannot be removed', { upload: id, reason: reasonOf(thrown) });
  }

  async #load(): Promise<void> {
    for (const id of await this.#files.all()) {
      try {
        const { note, bytes, touchedMs: wallMs } = await this.#files.read(id);
        const ageMs = Math.min(Math.max(0, Date.now() - wallMs), EXPIRES_MS - FOUND_MS_MIN);
        const touchedMs = performance.now() - ageMs;
        this.#known.set(id, { ...note, id, offset: bytes, claim: this.#spool.hold(note.owner, note.length, bytes), touchedMs });
      } catch (thrown) {
        this.#log.warn('an upload in parts cannot be read, and is given up', { upload: id, reason: reasonOf(thrown) });
        await this.#files.remove(id).catch(() => undefined);
      }
    }
    await this.#sweep();
  }
}

/** Ends a part of which nothing came for a while: its owner is here again by another way, or would not be here. */
async function endSilent({ busy }: Known): Promise<void> {
  if (busy?.heardMs === undefined || performance.now() - busy.heardMs < PART_SILENT_MS) return;
  busy.end();
  await busy.over;
}

function shown({ busy: _busy, claim: _claim, touchedMs, ...upload }: Known): TusUpload {
  return { ...upload, expires: new Date(Date.now() + touchedMs + EXPIRES_MS - performance.now()).toUTCString() };
}

function elsewhere({ offset }: Known, why: string): WebFailure {
  const message = `${why}; ask where it stands, then go on from there`;
  return new WebFailure(409, 'overtaken', message, { 'upload-offset': String(offset), 'retry-after': '1' });
}

function gone(): WebFailure {
  return new WebFailure(404, 'not-found', 'there is no such upload; begin it anew');
}
