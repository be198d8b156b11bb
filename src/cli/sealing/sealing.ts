import { randomBytes } from 'node:crypto';
import { NONCE_BYTES } from './age-body.ts';
import { makeHeader } from './age-header.ts';
import { stanzaByPassphrase } from './age-keys.ts';
import { type Reader, stanzasForReaders } from './readers.ts';
import type { Seal } from './sealed-source.ts';

const FILE_KEY_BYTES = 16;

/** Who is to open what is sealed: some readers, or whoever knows a passphrase. */
export type SealedFor = { readonly readers: readonly Reader[] } | { readonly passphrase: string };

/** Makes seals, each with a key of its own. */
export class Sealing {
  readonly #for: SealedFor;
  /** A passphrase takes a quarter of a GiB: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(sealedFor: SealedFor) {
    this.#for = sealedFor;
  }

  async newSeal(): Promise<Seal> {
    const fileKey = randomBytes(FILE_KEY_BYTES);
    return { header: await this.#header(fileKey), fileKey, nonce: randomBytes(NONCE_BYTES) };
  }

  async #header(fileKey: Uint8Array): Promise<Uint8Array> {
    if ('readers' in this.#for) return makeHeader(fileKey, stanzasForReaders(this.#for.readers, fileKey));
    const { passphrase } = this.#for;
    const stanza = this.#turn.then(() => stanzaByPassphrase(passphrase, fileKey));
    this.#turn = stanza.catch(() => undefined);
    return makeHeader(fileKey, [await stanza]);
  }
}
