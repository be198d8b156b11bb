import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MeshError } from '../../core/errors.ts';
import { readJson, writePrivate } from '../private-file.ts';
import { NONCE_BYTES } from './age-body.ts';
import { HEADER_BYTES_MAX } from './age-header.ts';
import type { Seal } from './sealed-source.ts';

/** A peer keeps what came of an upload for a week: what is older is of no use. */
const KEPT_MS_MAX = 8 * 24 * 3_600_000;
/** Uploads that were cut short and are remembered: the oldest go first. */
const KEPT_MAX = 200;

const shape = z.object({
  header: z.base64().max(2 * HEADER_BYTES_MAX),
  fileKey: z.base64().length(24),
  nonce: z.base64().length(24),
  mark: z.string().max(64).optional(),
});

/**
 * Seals of uploads under way, one private file each: whoever uploads that file again makes the same sealed bytes, and sends only
 * those no peer has. The key in it opens a file that lies in plain on this machine anyway.
 */
export class KeptSeals {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Undefined: none was kept under that name. */
  async find(name: string): Promise<Seal | undefined> {
    const { data } = shape.safeParse(await readJson(this.#file(name)));
    if (data === undefined) return undefined;
    const [header, fileKey, nonce] = [data.header, data.fileKey, data.nonce].map((text) => Buffer.from(text, 'base64'));
    if (header === undefined || fileKey === undefined || nonce?.length !== NONCE_BYTES) return undefined;
    return { header, fileKey, nonce };
  }

  /** Durable when it resolves: before a byte leaves. */
  async keep(name: string, seal: Seal): Promise<Seal> {
    await this.#sweep();
    await this.#write(name, seal);
    return seal;
  }

  /**
   * Keeps what was sealed with it: `mark`, as SealedOnce tells it. Rejects with `changed`, and forgets the seal, when an earlier
   * try sealed something else: whatever the file's times say.
   */
  async prove(name: string, seal: Seal, mark: string): Promise<void> {
    const earlier = shape.safeParse(await readJson(this.#file(name))).data?.mark;
    if (earlier === undefined || earlier === mark) return await this.#write(name, seal, mark);
    await this.forget(name);
    throw new MeshError('changed', 'the file is another one than at the last try, though its time is the same; try again');
  }

  /** The upload is done. */
  async forget(name: string): Promise<void> {
    await rm(this.#file(name), { force: true });
  }

  /** Whose uploads these are logs out: what is uploaded again is sealed anew. */
  async forgetAll(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #write(name: string, seal: Seal, mark?: string): Promise<void> {
    const [header, fileKey, nonce] = [seal.header, seal.fileKey, seal.nonce].map((one) => Buffer.from(one).toString('base64'));
    await writePrivate(this.#file(name), JSON.stringify({ header, fileKey, nonce, mark }));
  }

  async #sweep(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    const files = names.filter((name) => /^[0-9a-f]{32}\.json/.test(name)).map((name) => join(this.#folder, name));
    const dated = await Promise.all(
      files.map(async (file) => ({ file, ms: (await stat(file).catch(() => undefined))?.mtimeMs ?? 0 })),
    );
    const newest = dated.sort((a, b) => b.ms - a.ms);
    const oldestMs = Date.now() - KEPT_MS_MAX;
    const stale = newest.filter(({ ms }, index) => ms < oldestMs || index >= KEPT_MAX - 1);
    await Promise.all(stale.map(({ file }) => rm(file, { force: true })));
  }

  #file(name: string): string {
    return join(this.#folder, `${createHash('sha256').update(name).digest('hex').slice(0, 32)}.json`);
  }
}
