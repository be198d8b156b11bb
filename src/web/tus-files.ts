import { type FileHandle, mkdir, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { versionKeyShape } from '../wire/shapes.ts';

/** Versions a change can follow, as calls between peers bound it. */
const BASE_MAX = 128;
const ID = /^[0-9a-f]{32}$/;

const noteShape = z.object({
  path: z.string().max(1024),
  length: z.number().int().min(0),
  wish: z.object({ ifMatch: z.string().optional(), ifNoneMatch: z.string().optional() }),
  /** What it follows: current when it was begun. */
  base: z.array(versionKeyShape).max(BASE_MAX).readonly(),
  modifiedMs: z.number().optional(),
  /** The account and its life: see `keeperOf`; absent: nobody's. */
  owner: z.string().optional(),
});

/** What is known of an upload in parts from its beginning. */
export type TusNote = z.infer<typeof noteShape>;

/** The two files of each upload in parts: its bytes as far as they came, and what they are to become. */
export class TusFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async make(id: string, note: TusNote): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await writeFile(this.#noteOf(id), JSON.stringify(note), { flag: 'wx', mode: 0o600 });
    await writeFile(this.#dataOf(id), '', { flag: 'wx', mode: 0o600 });
  }

  open(id: string, flags: 'r' | 'r+'): Promise<FileHandle> {
    return open(this.#dataOf(id), flags);
  }

  /** Something happened to it now: whoever finds it later counts from here. */
  async touch(id: string): Promise<void> {
    await utimes(this.#dataOf(id), new Date(), new Date());
  }

  /** Whatever an earlier process left. */
  async all(): Promise<string[]> {
    const names = await readdir(this.#directory).catch((thrown) => {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw thrown;
    });
    return [...new Set(names.map((name) => name.slice(0, 32)).filter((name) => ID.test(name)))];
  }

  /** Rejects where it cannot be gone on with. `touchedMs`: wall ms. */
  async read(id: string): Promise<{ readonly note: TusNote; readonly bytes: number; readonly touchedMs: number }> {
    const note = noteShape.parse(JSON.parse(await readFile(this.#noteOf(id), 'utf8')));
    const { size, mtimeMs } = await stat(this.#dataOf(id));
    if (size > note.length) throw new Error(`it has ${size} bytes, and was to have ${note.length}`);
    return { note, bytes: size, touchedMs: mtimeMs };
  }

  async remove(id: string): Promise<void> {
    for (const file of [this.#dataOf(id), this.#noteOf(id)]) await rm(file, { force: true });
  }

  #dataOf(id: string): string {
    return join(this.#directory, `${id}.data`);
  }

  #noteOf(id: string): string {
    return join(this.#directory, `${id}.json`);
  }
}
