import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Source } from '../client/transfer.ts';
import type { Claim } from './claims.ts';
import { WebFailure } from './failures.ts';
import { type Spool, spooledSource, whyFull } from './spool.ts';
import type { StoreWish } from './storing.ts';

/** An upload that nothing was added to for so long is given up. Range 1 h – 7 days. */
const EXPIRES_MS = 24 * 3_600_000;
/** How often it is looked for those. Range 1 min – 1 h. */
const SWEEP_MS = 600_000;
/** Uploads that wait for their parts, of all people, and of one account. Range 16–1,024. */
const UPLOADS_MAX = 256;
const UPLOADS_OF_ONE_MAX = 64;
const ID = /^[0-9a-f]{32}$/;

const noteShape = z.object({
  path: z.string().max(1024),
  length: z.number().int().min(0),
  wish: z.object({ ifMatch: z.string().optional(), ifNoneMatch: z.string().optional() }),
  modifiedMs: z.number().optional(),
  user: z.string().optional(),
});

/** What is known of one from its beginning. */
type Note = z.infer<typeof noteShape>;

/** One upload under way. */
export interface TusUpload extends Note {
  readonly id: string;
  /** Bytes that are there. */
  readonly offset: number;
  /** When it is given up, as headers tell times. */
  readonly expires: string;
}

/** One as it is known here: `offset` is all there is of it in its file. */
interface Known extends Note {
  readonly id: string;
  offset: number;
  /** The room it has. */
  claim: Claim;
  /** Wall ms of its last part. */
  touchedMs: number;
  /** Of a part on its way: ends it, and tells when it is over. */
  busy?: { end(): void; readonly over: Promise<void> };
}

/** A part as it comes. `said`: how many bytes it has, as its head tells. */
export interface TusPart {
  readonly body: Readable;
  readonly said: string | undefined;
  readonly owners: readonly string[];
}

/** Uploads in parts: their bytes and what they are to become lie in the spool, so they outlive the page and the peer's process. Room for all of each is set aside. */
export class TusUploads {
  readonly #directory: string;
  readonly #spool: Spool;
  readonly #known = new Map<string, Known>();
  readonly #sweeping: NodeJS.Timeout;

  /** With those that an earlier process took in. */
  static async open(directory: string, spool: Spool): Promise<TusUploads> {
    const uploads = new TusUploads(directory, spool);
    try {
      await uploads.#load();
      return uploads;
    } catch (thrown) {
      uploads.close();
      throw thrown;
    }
  }

  private constructor(directory: string, spool: Spool) {
    this.#directory = directory;
    this.#spool = spool;
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
    readonly modifiedMs: number | undefined;
    readonly user: string | undefined;
  }): Promise<TusUpload> {
    await this.#sweep();
    const claim = await this.#claim(note.user, note.length);
    const upload: Known = { ...note, id: randomBytes(16).toString('hex'), offset: 0, claim, touchedMs: Date.now() };
    // Before anything is waited for: others that begin at the same time count it.
    this.#known.set(upload.id, upload);
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await writeFile(this.#noteFile(upload.id), JSON.stringify(note), { flag: 'wx', mode: 0o600 });
      await writeFile(this.#dataFile(upload.id), '', { flag: 'wx', mode: 0o600 });
    } catch (thrown) {
      await this.#forget(upload).catch(() => undefined);
      throw whyFull(thrown);
    }
    return shown(upload);
  }

  /** Throws 404 for one that is not there, or somebody else's. */
  of(id: string, user: string | undefined): TusUpload {
    return shown(this.#find(id, user));
  }

  /**
   * Takes a part that begins at `offset`; what came of one that was cut off stays. `stored` is run once all is there, with what
   * lies there, and the upload ends with it. Rejects with 409 unless it stands at that byte and no other part is on its way.
   * `end`: how the sender of this part is sent away.
   */
  async append(
    { id, user, offset, end }: { id: string; user: string | undefined; offset: number; end: () => void },
    part: TusPart,
    stored: (upload: TusUpload, source: Source) => Promise<void>,
  ): Promise<TusUpload> {
    const upload = this.#find(id, user);
    if (upload.busy !== undefined) throw elsewhere(upload, 'another part of this upload is on its way');
    if (offset !== upload.offset) throw elsewhere(upload, `this upload stands at byte ${upload.offset}`);
    let over = (): void => {};
    upload.busy = { end, over: new Promise((resolve) => (over = resolve)) };
    try {
      await this.#take(upload, part);
      if (upload.offset === upload.length) await this.#store(upload, stored);
      return shown(upload);
    } finally {
      delete upload.busy;
      over();
    }
  }

  /** Gives one up, also while a part of it is on its way. */
  async giveUp(id: string, user: string | undefined): Promise<void> {
    const upload = this.#find(id, user);
    upload.busy?.end();
    await upload.busy?.over;
    await this.#forget(upload);
  }

  async #take(upload: Known, { body, said, owners }: TusPart): Promise<void> {
    const left = upload.length - upload.offset;
    const size = said === undefined ? left : Number(said);
    if (size > left) throw new WebFailure(413, 'usage', `only ${left} bytes are missing`);
    const handle = await open(this.#dataFile(upload.id), 'r+').catch((thrown) => {
      throw (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? gone() : thrown;
    });
    const onBytes = (count: number): void => {
      upload.offset += count;
    };
    try {
      await this.#spool.take(body, { handle, offset: upload.offset, size, owners, claim: upload.claim, onBytes });
    } finally {
      // Of a piece that the disk took in part only, nothing counts.
      await handle.truncate(upload.offset).finally(() => handle.close());
      upload.touchedMs = Date.now();
    }
  }

  async #store(upload: Known, stored: (upload: TusUpload, source: Source) => Promise<void>): Promise<void> {
    const handle = await open(this.#dataFile(upload.id), 'r');
    try {
      await utimes(this.#dataFile(upload.id), new Date(), new Date());
      await stored(shown(upload), spooledSource(handle, upload.length, upload.modifiedMs));
    } finally {
      await handle.close();
    }
    // It is stored: what cannot be removed here now is removed when it expires.
    await this.#forget(upload).catch(() => undefined);
  }

  #find(id: string, user: string | undefined): Known {
    const upload = this.#known.get(id);
    if (upload === undefined || upload.user !== user) throw gone();
    return upload;
  }

  #checkCount(user: string | undefined): void {
    const own = [...this.#known.values()].filter((upload) => upload.user === user);
    if (own.length >= UPLOADS_OF_ONE_MAX) {
      const words = `${UPLOADS_OF_ONE_MAX} uploads of yours wait for their parts at this peer; finish some, or give them up`;
      throw new WebFailure(429, 'busy', words, { 'retry-after': '60' });
    }
    if (this.#known.size >= UPLOADS_MAX) {
      const words = 'too many uploads wait for their parts at this peer; come again later, or upload at another peer';
      throw new WebFailure(503, 'busy', words, { 'retry-after': '60' });
    }
  }

  async #claim(user: string | undefined, length: number): Promise<Claim> {
    const claim = await this.#spool.claim(user, length);
    try {
      this.#checkCount(user);
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
      for (const file of this.#filesOf(upload.id)) await rm(file, { force: true });
    } catch (thrown) {
      upload.claim = this.#spool.hold(upload.user, upload.length, upload.offset);
      this.#known.set(upload.id, upload);
      throw thrown;
    }
  }

  /** Gives up what has waited too long. */
  async #sweep(): Promise<void> {
    for (const upload of [...this.#known.values()]) {
      if (Date.now() - upload.touchedMs > EXPIRES_MS && upload.busy === undefined) {
        // A disk that gives nothing up ends neither this nor the peer: the next time it is tried again.
        await this.#forget(upload).catch(() => undefined);
      }
    }
  }

  async #load(): Promise<void> {
    const names = await readdir(this.#directory).catch((thrown) => {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw thrown;
    });
    for (const id of new Set(names.map((name) => name.slice(0, 32)).filter((name) => ID.test(name)))) {
      const upload = await this.#loaded(id).catch(() => undefined);
      if (upload !== undefined) this.#known.set(id, upload);
      else await Promise.allSettled(this.#filesOf(id).map((file) => rm(file, { force: true })));
    }
    await this.#sweep();
  }

  async #loaded(id: string): Promise<Known | undefined> {
    const note = noteShape.parse(JSON.parse(await readFile(this.#noteFile(id), 'utf8')));
    const { size, mtimeMs } = await stat(this.#dataFile(id));
    if (size > note.length) return undefined;
    return { ...note, id, offset: size, claim: this.#spool.hold(note.user, note.length, size), touchedMs: mtimeMs };
  }

  #filesOf(id: string): string[] {
    return [this.#dataFile(id), this.#noteFile(id)];
  }

  #dataFile(id: string): string {
    return join(this.#directory, `${id}.data`);
  }

  #noteFile(id: string): string {
    return join(this.#directory, `${id}.json`);
  }
}

function shown({ busy: _busy, claim: _claim, touchedMs, ...upload }: Known): TusUpload {
  return { ...upload, expires: new Date(touchedMs + EXPIRES_MS).toUTCString() };
}

function elsewhere({ offset }: Known, why: string): WebFailure {
  const message = `${why}; ask where it stands, then go on from there`;
  return new WebFailure(409, 'overtaken', message, { 'upload-offset': String(offset), 'retry-after': '1' });
}

function gone(): WebFailure {
  return new WebFailure(404, 'not-found', 'there is no such upload; begin it anew');
}
