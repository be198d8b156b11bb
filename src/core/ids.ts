/**
 * The names of things. Every id is a string with a brand, so that the compiler refuses a peer where a writer is meant;
 * a brand is put on only by the function that checked or made the value.
 */

declare const brand: unique symbol;
type Branded<Kind extends string> = string & { readonly [brand]: Kind };

/** SHA-256 of the DER public key (SPKI) of a certificate: 64 lower-case hex digits. Proved by TLS, never claimed. */
export type PeerId = Branded<'PeerId'>;
/** Random name of one run of a peer's vector entries: 16 lower-case hex digits. Never used by two starts. */
export type WriterId = Branded<'WriterId'>;
/** Random name of one change asked for by a client: 32 lower-case hex digits. A replay repeats it. */
export type RequestId = Branded<'RequestId'>;
/** BLAKE3-256 of bytes: 64 lower-case hex digits. */
export type ContentHash = Branded<'ContentHash'>;
/** Hash of a mesh's name and first secret: 64 lower-case hex digits. */
export type MeshId = Branded<'MeshId'>;
/** A checked path: relative, `/`-separated, NFC, exact. Made only by `checkPath` (core/path.ts). */
export type FilePath = Branded<'FilePath'>;
/** Own entry of a version as one word, `writer:counter`. The key of a version below its path. */
export type VersionKey = Branded<'VersionKey'>;

const HEX = /^[0-9a-f]*$/;

/** True when `text` is exactly `digits` lower-case hex digits. */
export function isHex(text: string, digits: number): boolean {
  return text.length === digits && HEX.test(text);
}

/** Throws a RangeError unless `text` is `digits` hex digits: ids from outside are checked by the wire's schemas first. */
export function asId<Id extends string>(text: string, digits: number): Id {
  if (!isHex(text, digits)) throw new RangeError(`not an id of ${digits} hex digits`);
  return text as Id;
}

/** Compares by UTF-16 code units: the one order used everywhere, independent of locale. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
