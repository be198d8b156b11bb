import { hkdfSync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { base64, type HeaderStanza } from './age-header.ts';
import { stanzaFor, unwrap, wrap } from './age-keys.ts';

/** Readers of one file: with them its header stays below HEADER_BYTES_MAX. */
export const READERS_MAX = 100;
/** A stanza that every other program passes over, as age wants it of what it does not know. */
const READERS_STANZA = 'filemesh-readers';
const SALT_BYTES = 16;

/** Somebody a file is sealed to. */
export interface Reader {
  /** The account's name, or the key itself where somebody named only that. */
  readonly name: string;
  /** `age1…`. */
  readonly recipient: string;
}

const readersShape = z.array(z.object({ name: z.string().max(256), recipient: z.string().max(128) })).max(READERS_MAX);

/** The way to the file key for each reader, and for them all who the others are: a key alone does not tell whose it is. */
export function stanzasForReaders(readers: readonly Reader[], fileKey: Uint8Array): HeaderStanza[] {
  const salt = randomBytes(SALT_BYTES);
  const list = Buffer.from(JSON.stringify(readers));
  const told = { args: [READERS_STANZA, base64(salt)], body: wrap(listKey(fileKey, salt), list) };
  return [...readers.map(({ recipient }) => stanzaFor(recipient, fileKey)), told];
}

/** Who can open a file of these stanzas; undefined: it does not tell, as one sealed by another program. */
export function readersOf(stanzas: readonly HeaderStanza[], fileKey: Uint8Array): Reader[] | undefined {
  const told = stanzas.find(({ args }) => args[0] === READERS_STANZA);
  if (told === undefined) return undefined;
  const list = unwrap(listKey(fileKey, Buffer.from(told.args[1] ?? '', 'base64')), told.body);
  if (list === null) return undefined;
  try {
    return readersShape.safeParse(JSON.parse(Buffer.from(list).toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

function listKey(fileKey: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', fileKey, salt, 'filemesh readers', 32));
}
