import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Source } from '../client/transfer.ts';
import { WebFailure } from './failures.ts';
import { noRoom, type Spool, spooledSource } from './spool.ts';
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
    await uploads.#load();
    return uploads;
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
    this.#checkCount(note.user);
    const upload: Known = { ...note, id: randomBytes(16).toString('hex'), offset: 0, touchedMs: Date.now() };
    // Before anything is waited for: others that begin at the same time count it.
    this.#enter(upload);
    try {
      await this.#checkRoom(note.user);
      await writeFile(this.#noteFile(upload.id), JSON.stringify(note), { flag: 'wx', mode: 0o600 });
      await writeFile(this.#dataFile(upload.id), '', { flag: 'wx', mode: 0o600 });
    } catch (thrown) {
      await this.#forget(upload);
      throw (thrown as NodeJS.ErrnoException).code === 'ENOSPC' ? noRoom() : thrown;
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
    const handle = await open(this.#dataFile(upload.id), 'r+').catch(() => undefined);
    if (handle === undefined) throw gone();
    const onBytes = (count: number): void => {
      upload.offset += count;
    };
    try {
      await this.#spool.take(body, { handle, offset: upload.offset, size, owners, isSetAside: true, onBytes });
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
    await this.#forget(upload);
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

  /** Of accounts none takes more than half of the room there is for uploads: the other half is for the others. */
  async #checkRoom(user: string | undefined): Promise<void> {
    const free = await this.#spool.room();
    if (free < 0) throw noRoom();
    if (user === undefined) return;
    const all = [...this.#known.values()];
    const bytes = (some: readonly Known[]): number => some.reduce((sum, { length }) => sum + length, 0);
    if (bytes(all.filter((upload) => upload.user === user)) <= (free + bytes(all)) / 2) return;
    const words = 'your uploads would take more than half of the room this peer has for them';
    throw new WebFailure(507, 'full', `${words}; finish some, or upload at another peer`);
  }

  #enter(upload: Known): void {
    this.#known.set(upload.id, upload);
    this.#spool.setAside(upload.length - upload.offset);
  }

  async #forget(upload: Known): Promise<void> {
    if (this.#known.delete(upload.id)) this.#spool.setAside(upload.offset - upload.length);
    await rm(this.#dataFile(upload.id), { force: true });
    await rm(this.#noteFile(upload.id), { force: true });
  }

  /** Gives up what has waited too long. */
  async #sweep(): Promise<void> {
    for (const upload of [...this.#known.values()]) {
      if (Date.now() - upload.touchedMs > EXPIRES_MS && upload.busy === undefined) await this.#forget(upload);
    }
  }

  async #load(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const id of new Set((await readdir(this.#directory)).map((name) => name.slice(0, 32)))) {
      const upload = ID.test(id) ? await this.#loaded(id).catch(() => undefined) : undefined;
      if (upload !== undefined) this.#enter(upload);
      else if (ID.test(id)) await Promise.all([this.#dataFile(id), this.#noteFile(id)].map((file) => rm(file, { force: true })));
    }
    await this.#sweep();
  }

  async #loaded(id: string): Promise<Known | undefined> {
    const note = noteShape.parse(JSON.parse(await readFile(this.#noteFile(id), 'utf8')));
    const { size, mtimeMs } = await stat(this.#dataFile(id));
    return size > note.length ? undefined : { ...note, id, offset: size, touchedMs: mtimeMs };
  }

  #dataFile(id: string): string {
    return join(this.#directory, `${id}.data`);
  }

  #noteFile(id: string): string {
    return join(this.#directory, `${id}.json`);
  }
}

function shown({ busy: _busy, touchedMs, ...upload }: Known): TusUpload {
  return { ...upload, expires: new Date(touchedMs + EXPIRES_MS).toUTCString() };
}

function elsewhere({ offset }: Known, why: string): WebFailure {
  const message = `${why}; ask where it stands, then go on from there`;
  return new WebFailure(409, 'overtaken', message, { 'upload-offset': String(offset), 'retry-after': '1' });
}

function gone(): WebFailure {
  return new WebFailure(404, 'not-found', 'there is no such upload; begin it anew');
}
