import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PLAIN_CHUNK_BYTES, plainBytes, SEALED_CHUNK_BYTES, sealedBytes } from '../../../src/cli/sealing/age-body.ts';
import { makeHeader } from '../../../src/cli/sealing/age-header.ts';
import { PassphraseIdentity, stanzaByPassphrase } from '../../../src/cli/sealing/age-keys.ts';
import { KeptSeals } from '../../../src/cli/sealing/kept-seals.ts';
import { NewReaders } from '../../../src/cli/sealing/new-readers.ts';
import { headOf, type Keys, open } from '../../../src/cli/sealing/opening.ts';
import { OpeningSink } from '../../../src/cli/sealing/opening-sink.ts';
import { stanzasForReaders } from '../../../src/cli/sealing/readers.ts';
import { SealedOnce } from '../../../src/cli/sealing/sealed-once.ts';
import { type Seal, SealedSource } from '../../../src/cli/sealing/sealed-source.ts';
import { Sealing } from '../../../src/cli/sealing/sealing.ts';
import type { Sink, Source } from '../../../src/client/transfer.ts';
import { MeshError } from '../../../src/core/errors.ts';
import { noise } from '../../platform/hasher-acceptance.ts';
import { ageOpens, ageSeals, hasAge } from './age-program.ts';

const CHUNK = PLAIN_CHUNK_BYTES;
/** Where chunks begin and end. */
const SIZES = [0, 1, 15, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 5 * CHUNK + 77];

let folder: string;
let identity: string;
let recipient: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'filemesh-sealing-'));
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

class Memory implements Source {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  get size(): number {
    return this.bytes.length;
  }
  read(offset: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.bytes.subarray(offset, offset + length));
  }
  check(): Promise<void> {
    return Promise.resolve();
  }
}

/** What is shown, and only once it is finished. */
class Shown implements Sink {
  shown: Buffer | undefined;
  readonly left?: NonNullable<Sink['left']>;
  readonly #bytes: Buffer;
  constructor(size: number, left?: Uint8Array) {
    this.#bytes = Buffer.alloc(size);
    if (left === undefined) return;
    this.#bytes.set(left);
    const read = (offset: number, length: number) => Promise.resolve(this.#bytes.subarray(offset, offset + length));
    this.left = { bytes: left.length, read };
  }
  write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#bytes.set(bytes, offset);
    return Promise.resolve();
  }
  finish(): Promise<string> {
    this.shown = this.#bytes;
    return Promise.resolve('shown');
  }
  discard(): Promise<void> {
    return Promise.resolve();
  }
}

function sealFor(...recipients: string[]): Seal {
  const fileKey = randomBytes(16);
  const readers = recipients.map((one) => ({ name: one, recipient: one }));
  return { header: makeHeader(fileKey, stanzasForReaders(readers, fileKey)), fileKey, nonce: randomBytes(16) };
}

async function sealed(plain: Uint8Array, seal = sealFor(recipient)): Promise<Uint8Array> {
  const source = new SealedSource(new Memory(plain), seal);
  return await source.read(0, source.size);
}

/** Opens in pieces of `step` bytes, as a download brings them. */
async function opened(bytes: Uint8Array, keys: Keys = { identities: [identity] }, step = 100_000, left?: Uint8Array) {
  const head = await headOf(bytes.length, (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)));
  if (head === undefined) throw new Error('no sealed file');
  const key = await open(head, bytes.length, keys);
  if (key === undefined) return undefined;
  const shown = new Shown(key.size, left);
  const sink = new OpeningSink(key, shown);
  const from = sink.left?.bytes ?? 0;
  if (sink.left !== undefined) expect(Buffer.from(await sink.left.read(0, from)).equals(bytes.subarray(0, from))).toBe(true);
  for (let at = from; at < bytes.length; at += step) await sink.write(at, bytes.subarray(at, at + step));
  await sink.finish().catch((error: unknown) => {
    expect(shown.shown).toBeUndefined();
    throw error;
  });
  return shown.shown;
}

describe('a body', () => {
  test('tells its size from the plain one, and back', () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (size) => plainBytes(sealedBytes(size)) === size));
    for (const none of [0, 15, SEALED_CHUNK_BYTES + 15, SEALED_CHUNK_BYTES + 16]) expect(() => plainBytes(none)).toThrow();
  });
});

describe('a sealed source', () => {
  test.each(SIZES)('of %i bytes reads the same at any place', async (size) => {
    const seal = sealFor(recipient);
    const source = new SealedSource(new Memory(noise(size, size)), seal);
    const whole = Buffer.from(await source.read(0, source.size));
    expect(whole.length).toBe(source.size);
    await fc.assert(
      fc.asyncProperty(fc.nat(source.size), fc.nat(3 * SEALED_CHUNK_BYTES), async (offset, length) => {
        const part = await source.read(offset, length);
        expect(whole.subarray(offset, offset + length).equals(part)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('opens to what was sealed, in pieces of any length', async () => {
    for (const size of SIZES) {
      const plain = noise(size, size);
      const bytes = await sealed(plain);
      for (const step of [997, SEALED_CHUNK_BYTES, 1024 * 1024])
        expect((await opened(bytes, undefined, step))?.equals(plain)).toBe(true);
    }
  });

  test('goes on with what an earlier try left', async () => {
    for (const size of SIZES) {
      const plain = noise(size, size);
      const bytes = await sealed(plain);
      for (const left of [1, CHUNK, CHUNK + 5, size]) {
        if (left > size) continue;
        expect((await opened(bytes, undefined, 50_000, plain.subarray(0, left)))?.equals(plain)).toBe(true);
      }
    }
  });

  test('that was changed or cut off anywhere is not opened, and nothing of it is shown', async () => {
    const bytes = await sealed(noise(2 * CHUNK + 100));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const wrong = bytes.slice();
        wrong[at] = (wrong[at] ?? 0) ^ change;
        // A changed way to the key is one nobody has.
        expect(await opened(wrong).catch(() => undefined)).toBeUndefined();
      }),
      { numRuns: 60 },
    );
    for (const end of [bytes.length - 1, bytes.length - 116, bytes.length - 117, bytes.length - 116 - SEALED_CHUNK_BYTES])
      await expect(opened(bytes.slice(0, end))).rejects.toThrow();
  });

  test('of a file that changes meanwhile gives nothing more: with one key one content is sealed', async () => {
    const plain = new Memory(noise(3 * CHUNK));
    const source = new SealedSource(plain, sealFor(recipient));
    await source.read(0, CHUNK);
    plain.check = () => Promise.reject(new MeshError('changed', 'it changed'));
    await expect(source.read(2 * CHUNK, CHUNK)).rejects.toMatchObject({ code: 'changed' });
  });

  test('seals no other content with the same key, also where the times of the file tell nothing', async () => {
    const bytes = noise(3 * CHUNK);
    const once = new SealedOnce(bytes.length);
    const source = new SealedSource(new Memory(bytes), sealFor(recipient), { once });
    await source.read(0, source.size);
    await source.read(CHUNK, CHUNK);
    bytes[1] = (bytes[1] ?? 0) ^ 1;
    await expect(source.read(0, CHUNK)).rejects.toMatchObject({ code: 'changed' });
  });

  test('of an upload that was cut short is made again for the same content alone', async () => {
    const file = { key: 'one file', size: 5 * 1024 * 1024, check: () => Promise.resolve() };
    const sourceOf = (bytes: Uint8Array): Source => ({
      ...file,
      read: (at, length) => Promise.resolve(bytes.subarray(at, at + length)),
    });
    const sealing = new Sealing({ readers: [{ name: recipient, recipient }] }, new KeptSeals(join(folder, 'seals')));
    const tried = (bytes: Uint8Array): Promise<Buffer> =>
      new Promise((resolve, reject) => {
        const store = async (source: Source): Promise<never> => {
          resolve(Buffer.from(await source.read(0, source.size)));
          throw new Error('cut short');
        };
        sealing.with('film', sourceOf(bytes), store).catch(reject);
      });
    const [content, other] = [noise(file.size), noise(file.size, 2)];
    const first = await tried(content);
    expect((await tried(content)).equals(first)).toBe(true);
    await expect(tried(other).then(() => undefined)).rejects.toMatchObject({ code: 'changed' });
    const anew = await tried(other);
    expect(anew.subarray(0, 300).equals(first.subarray(0, 300))).toBe(false);
    expect((await opened(anew))?.equals(other)).toBe(true);
  });

  test('with other readers has the same body, and is not made of a head that it has not', async () => {
    const plain = noise(CHUNK + 5);
    const seal = sealFor(recipient);
    const bytes = await sealed(plain, seal);
    const facts = { size: bytes.length, mode: 0o600, modifiedMs: 0 };
    const next = sealFor(recipient, await identityToRecipient(await generateX25519Identity()));
    const header = makeHeader(seal.fileKey, stanzasForReaders([{ name: recipient, recipient }], seal.fileKey));
    for (const [from, isRight] of [
      [seal.header, true],
      [next.header, false],
    ] as const) {
      const readers = await NewReaders.open(from, header, facts);
      for (let at = 0; at < bytes.length; at += 100) await readers.write(at, bytes.subarray(at, at + 100));
      if (isRight) {
        await readers.finish();
        expect((await opened(await readers.read(0, readers.size)))?.equals(plain)).toBe(true);
      } else await expect(readers.finish()).rejects.toMatchObject({ code: 'corrupt' });
      await readers.close();
    }
  });

  test('is opened by who it is sealed to, and by nobody else', async () => {
    const other = await generateX25519Identity();
    const bytes = await sealed(Buffer.from('hello'), sealFor(recipient, await identityToRecipient(other)));
    expect((await opened(bytes, { identities: [other] }))?.toString()).toBe('hello');
    expect(await opened(bytes, { identities: [await generateX25519Identity()] })).toBeUndefined();
    expect(await opened(bytes, { identities: [], passphrase: new PassphraseIdentity('hello') })).toBeUndefined();
  });

  test('by passphrase is opened by that one', async () => {
    const fileKey = randomBytes(16);
    const header = makeHeader(fileKey, [await stanzaByPassphrase('blue whale', fileKey)]);
    const bytes = await sealed(Buffer.from('hello'), { header, fileKey, nonce: randomBytes(16) });
    expect((await opened(bytes, { identities: [identity], passphrase: new PassphraseIdentity('blue whale') }))?.toString()).toBe(
      'hello',
    );
    expect(await opened(bytes, { identities: [identity], passphrase: new PassphraseIdentity('blue whales') })).toBeUndefined();
  });
});

describe.runIf(hasAge)('age', () => {
  test('opens what is sealed here', async () => {
    for (const size of SIZES) {
      const plain = noise(size, size + 1);
      expect(ageOpens(folder, await sealed(plain), identity)?.equals(plain)).toBe(true);
    }
    const many = await Promise.all(Array.from({ length: 100 }, async () => identityToRecipient(await generateX25519Identity())));
    expect(ageOpens(folder, await sealed(Buffer.from('hello'), sealFor(...many.slice(1), recipient)), identity)?.toString()).toBe(
      'hello',
    );
  });

  test('seals what is opened here', async () => {
    for (const size of SIZES) {
      const plain = noise(size, size + 2);
      expect((await opened(ageSeals(plain, recipient)))?.equals(plain)).toBe(true);
    }
  });
});
