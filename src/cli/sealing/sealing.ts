import { createHash, randomBytes } from 'node:crypto';
import type { Source } from '../../client/transfer.ts';
import { NONCE_BYTES } from './age-body.ts';
import { makeHeader, stanzasOf } from './age-header.ts';
import { PassphraseIdentity, stanzaByPassphrase } from './age-keys.ts';
import type { KeptSeals } from './kept-seals.ts';
import { type Reader, readersOf, stanzasForReaders } from './readers.ts';
import { SealedOnce } from './sealed-once.ts';
import { type Seal, SealedSource } from './sealed-source.ts';

const FILE_KEY_BYTES = 16;
/** A smaller file is sealed anew, and sent again in no time. In bytes. */
const KEPT_BYTES_MIN = 4 * 1024 * 1024;

/** Who is to open what is sealed: some readers, or whoever knows a passphrase. */
export type SealedFor = { readonly readers: readonly Reader[] } | { readonly passphrase: string };

/** Seals the files of one upload, each with a key of its own. */
export class Sealing {
  readonly #for: SealedFor;
  readonly #kept: KeptSeals;
  /** A passphrase takes a quarter of a GiB: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(sealedFor: SealedFor, kept: KeptSeals) {
    this.#for = sealedFor;
    this.#kept = kept;
  }

  /**
   * Runs `store` with the sealed bytes of a source for that path. Cut short, by whatever, the next try of the same file, in
   * another process too, has the same ones.
   */
  async with<T>(path: string, plain: Source, store: (sealed: Source) => Promise<T>): Promise<T> {
    if (plain.key === undefined || plain.size < KEPT_BYTES_MIN)
      return await store(new SealedSource(plain, await this.#newSeal(), { once: new SealedOnce(plain.size) }));
    const name = `${path}\0${plain.key}`;
    const seal = (await this.#earlier(name)) ?? (await this.#kept.keep(name, await this.#newSeal()));
    const head = createHash('sha256').update(seal.header).update(seal.nonce).digest('hex');
    // All of it is read for its hash before a byte leaves.
    const once = new SealedOnce(plain.size, (mark) => this.#kept.prove(name, seal, mark));
    const done = await store(new SealedSource(plain, seal, { key: `${plain.key}/sealed/${head}`, once }));
    await this.#kept.forget(name);
    return done;
  }

  async #newSeal(): Promise<Seal> {
    const fileKey = randomBytes(FILE_KEY_BYTES);
    return { header: await this.#header(fileKey), fileKey, nonce: randomBytes(NONCE_BYTES) };
  }

  async #header(fileKey: Uint8Array): Promise<Uint8Array> {
    if ('readers' in this.#for) return makeHeader(fileKey, stanzasForReaders(this.#for.readers, fileKey));
    const { passphrase } = this.#for;
    return makeHeader(fileKey, [await this.#inTurn(() => stanzaByPassphrase(passphrase, fileKey))]);
  }

  /** The seal of an earlier try, if it is for the same people. */
  async #earlier(name: string): Promise<Seal | undefined> {
    const seal = await this.#kept.find(name);
    if (seal === undefined) return undefined;
    const stanzas = stanzasOf(seal.header);
    if ('readers' in this.#for) {
      const isSame = JSON.stringify(readersOf(stanzas, seal.fileKey)) === JSON.stringify(this.#for.readers);
      return isSame ? seal : undefined;
    }
    const identity = new PassphraseIdentity(this.#for.passphrase);
    const fileKey = await this.#inTurn(() => identity.unwrapFileKey(stanzas));
    return fileKey !== null && Buffer.from(fileKey).equals(seal.fileKey) ? seal : undefined;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
