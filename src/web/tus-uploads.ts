import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Source } from '../client/transfer.ts';
import { WebFailure } from './failures.ts';
import { type Spool, spooledSource } from './spool.ts';
import type { StoreWish } from './storing.ts';

/** An upload that nothing was added to for so long is given up. Range 1 h – 7 days. */
const EXPIRES_MS = 24 * 3_600_000;
/** Uploads that wait for their parts, of all people. Range 16–1,024. */
const UPLOADS_MAX = 256;
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
  offset: number;
  /** When it is given up, as headers tell times. */
  expires: string;
}

/** Uploads in parts: their bytes and what they are to become lie in the spool, so they outlive the page and the peer's process. */
export class TusUploads {
  readonly #directory: string;
  readonly #spool: Spool;
  readonly #busy = new Set<string>();
  #swept: Promise<void> | undefined;

  constructor(directory: string, spool: Spool) {
    this.#directory = directory;
    this.#spool = spool;
  }

  async begin(note: {
    readonly path: string;
    readonly length: number;
    readonly wish: StoreWish;
    readonly modifiedMs: number | undefined;
    readonly user: string | undefined;
  }): Promise<TusUpload> {
    await this.#sweep();
    const count = (await readdir(this.#directory)).length / 2;
    if (count >= UPLOADS_MAX) throw new WebFailure(503, 'busy', 'too many uploads wait for their parts at this peer');
    await this.#spool.checkRoom(note.length);
    const id = randomBytes(16).toString('hex');
    await writeFile(this.#noteFile(id), JSON.stringify(note), { flag: 'wx', mode: 0o600 });
    await writeFile(this.#dataFile(id), '', { flag: 'wx', mode: 0o600 });
    return await this.of(id, note.user);
  }

  /** Rejects with 404 for one that is not there, or somebody else's. */
  async of(id: string, user: string | undefined): Promise<TusUpload> {
    if (!ID.test(id)) throw gone();
    try {
      const note = noteShape.parse(JSON.parse(await readFile(this.#noteFile(id), 'utf8')));
      const { size, mtimeMs } = await stat(this.#dataFile(id));
      if (note.user !== user) throw gone();
      return { ...note, id, offset: size, expires: new Date(mtimeMs + EXPIRES_MS).toUTCString() };
    } catch {
      throw gone();
    }
  }

  /** One part of an upload at a time. Rejects with 423 while there is another. */
  async alone<T>({ id }: TusUpload, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(id))
      throw new WebFailure(423, 'busy', 'a part of this upload is on its way already', { 'retry-after': '1' });
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }

  /** Adds a part; what came of one that was cut off stays. */
  async append(upload: TusUpload, body: Readable, said: string | undefined): Promise<void> {
    const left = upload.length - upload.offset;
    const size = said === undefined ? left : Number(said);
    if (size > left) throw new WebFailure(413, 'usage', `only ${left} bytes are missing`);
    const handle = await open(this.#dataFile(upload.id), 'r+');
    try {
      await this.#spool.take(body, handle, upload.offset, size);
    } finally {
      await handle.close();
      upload.offset = (await stat(this.#dataFile(upload.id))).size;
      upload.expires = new Date(Date.now() + EXPIRES_MS).toUTCString();
    }
  }

  /** Runs `work` with what lies there. */
  async withSource<T>(upload: TusUpload, work: (source: Source) => Promise<T>): Promise<T> {
    const handle = await open(this.#dataFile(upload.id), 'r');
    try {
      await utimes(this.#dataFile(upload.id), new Date(), new Date());
      return await work(spooledSource(handle, upload.length, upload.modifiedMs));
    } finally {
      await handle.close();
    }
  }

  async forget({ id }: Pick<TusUpload, 'id'>): Promise<void> {
    await rm(this.#dataFile(id), { force: true });
    await rm(this.#noteFile(id), { force: true });
  }

  /** Gives up what has waited too long. */
  #sweep(): Promise<void> {
    this.#swept ??= this.#sweepNow().finally(() => {
      this.#swept = undefined;
    });
    return this.#swept;
  }

  async #sweepNow(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#directory)) {
      const id = name.slice(0, 32);
      const facts = await stat(this.#dataFile(id)).catch(() => stat(this.#noteFile(id)).catch(() => undefined));
      if (facts !== undefined && Date.now() - facts.mtimeMs > EXPIRES_MS && !this.#busy.has(id)) await this.forget({ id });
    }
  }

  #dataFile(id: string): string {
    return join(this.#directory, `${id}.data`);
  }

  #noteFile(id: string): string {
    return join(this.#directory, `${id}.json`);
  }
}

function gone(): WebFailure {
  return new WebFailure(404, 'not-found', 'there is no such upload; begin it anew');
}
