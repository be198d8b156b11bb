import { createHash, createHmac } from 'node:crypto';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { MeshError } from '../core/errors.ts';
import { isHex, type MeshId } from '../core/ids.ts';
import type { Random } from '../platform/random.ts';

/** Hex digits of the mesh id that a line carries after the secret was renewed. */
export const MESH_ID_DIGITS = 16;
/** Secrets weaker than this are refused: a stranger who records an announcement could try them all at home. */
const SECRET_BITS_MIN = 80;
/** Words of a secret made here: 8 × 11 = 88 bits. */
const SECRET_WORDS = 8;
const SECRET_LENGTH_MAX = 200;
const TAG_DIGITS = 32;
const WORDS: ReadonlySet<string> = new Set(wordlist);
const BITS_OF_WORD = Math.log2(wordlist.length);
const MESH_NAME = /^[\p{L}\p{N}._-]{1,32}$/u;
/** What `isMeshName` takes, in words. */
export const MESH_NAME_WORDS = '1 to 32 letters, digits, "-", "_" or "."';

/** The join line: the one word that admits to a mesh. `MESH/SECRET`, or `MESH+ID/SECRET` after a renewal. */
export interface MeshLine {
  readonly name: string;
  /** The first 16 hex digits of the mesh id; absent while the secret is the first one, which gives the id itself. */
  readonly idPrefix?: string;
  readonly secret: string;
}

/** Reads a line; throws `usage` with what is wrong and how it should look. The line is not repeated: it is secret. */
export function parseMeshLine(text: string): MeshLine {
  const slash = text.indexOf('/');
  if (slash < 0) throw usage('it has no "/" between the name of the mesh and its secret');
  const [name = '', idPrefix, ...more] = text.slice(0, slash).normalize('NFC').split('+');
  const secret = text.slice(slash + 1);
  if (more.length > 0) throw usage('it has more than one "+"');
  if (!isMeshName(name)) throw usage(`the name of a mesh has ${MESH_NAME_WORDS}`);
  if (idPrefix !== undefined && !isHex(idPrefix, MESH_ID_DIGITS))
    throw usage(`what follows "+" is not ${MESH_ID_DIGITS} hex digits`);
  checkSecret(secret);
  return idPrefix === undefined ? { name, secret } : { name, idPrefix, secret };
}

/** The line as one word, as `--join` takes it. */
export function formatMeshLine({ name, idPrefix, secret }: MeshLine): string {
  return idPrefix === undefined ? `${name}/${secret}` : `${name}+${idPrefix}/${secret}`;
}

/** True for a name in NFC that a join line can carry. */
export function isMeshName(name: string): boolean {
  return MESH_NAME.test(name);
}

/** Throws `usage` unless `secret` is one word of at least SECRET_BITS_MIN bits. */
function checkSecret(secret: string): void {
  if (secret === '') throw usage('it has no secret behind the "/"');
  if (/[\s/\p{C}]/u.test(secret)) throw usage('the secret has a space, a "/" or a control character');
  if (secret.length > SECRET_LENGTH_MAX) throw usage(`the secret is longer than ${SECRET_LENGTH_MAX} characters`);
  if (!isStrongSecret(secret)) throw usage(WEAK_WORDS);
}

/** Whoever was given a line may have copied a part of it; whoever begins a mesh may have made one up. */
const WEAK_WORDS =
  'the secret is cut short, or too easy to guess: copy all of what "filemesh invite" prints; for a new mesh leave --join out, and "filemesh up" makes one';

/** True when guessing takes 2^80 tries or more, estimated low: people choose worse than chance. */
export function isStrongSecret(secret: string): boolean {
  const words = secret.split('-');
  if (words.every((word) => WORDS.has(word))) {
    return new Set(words).size >= DISTINCT_WORDS_MIN && words.length * BITS_OF_WORD >= SECRET_BITS_MIN;
  }
  const characters = [...secret];
  return new Set(characters).size >= DISTINCT_CHARACTERS_MIN && characters.length * bitsOfCharacter(secret) >= SECRET_BITS_MIN;
}

/** Different words in a secret of words: fewer are a pattern. Of 8 drawn by chance, fewer come once in 10^9 times. */
const DISTINCT_WORDS_MIN = 5;
/** Different characters in any other secret: fewer are a pattern. */
const DISTINCT_CHARACTERS_MIN = 9;
/** Bits of one character in text of a language, where no digit says that it was drawn by chance (Shannon 1951: 1 to 2.5). */
const BITS_OF_TEXT = 2;

/** Bits of one character drawn from the classes that occur. */
function bitsOfCharacter(secret: string): number {
  if (!/[0-9]/.test(secret)) return BITS_OF_TEXT;
  if (/^[0-9a-f-]*$/.test(secret)) return Math.log2(16);
  let alphabet = 10;
  if (/[a-z]/.test(secret)) alphabet += 26;
  if (/[A-Z]/.test(secret)) alphabet += 26;
  if (/[^a-zA-Z0-9]/.test(secret)) alphabet += 8;
  return Math.log2(alphabet);
}

/** A new secret: 8 words of the BIP-39 list joined by `-`, 88 bits. */
export function newSecret(random: Random): string {
  return Array.from({ length: SECRET_WORDS }, () => wordlist[random.integer(wordlist.length)]).join('-');
}

/** The id of the mesh that began with this name and this secret: peers started apart with one line agree on it. */
export function meshIdOf(name: string, firstSecret: string): MeshId {
  return createHash('sha256')
    .update(`filemesh mesh\0${name.normalize('NFC')}\0${firstSecret}`)
    .digest('hex') as MeshId;
}

/** The first digits of the id of the mesh that a line leads to. */
export function idPrefixOf(line: MeshLine): string {
  return line.idPrefix ?? meshIdOf(line.name, line.secret).slice(0, MESH_ID_DIGITS);
}

/**
 * The tag of an announcement: who knows the mesh's id (or a line of it) recognises the announcements of its own, others
 * see a random number that changes with every start. `idPrefix`: the first 16 hex digits of the mesh id.
 */
export function tagOf(idPrefix: string, instance: string): string {
  return createHmac('sha256', idPrefix).update(`filemesh sighting\0${instance}`).digest('hex').slice(0, TAG_DIGITS);
}

function usage(what: string): MeshError {
  return new MeshError('usage', `this is no join line (MESH/SECRET, one word): ${what}`);
}
