import { Packr } from 'msgpackr';
import { MeshError } from '../core/errors.ts';
import type { Fact } from '../core/facts.ts';
import type { FilePath, WriterId } from '../core/ids.ts';
import type { Holding } from '../core/namespace.ts';
import type { Start, Trail } from '../core/trail.ts';
import type { Version } from '../core/version.ts';
import { count, list, text } from './fields.ts';
import { asPacked, bytesOf, type PackedVersion, unpackVersion } from './packed-version.ts';

/**
 * How the catalog writes its records into the store: lists of fields by position, in MessagePack. What the store gives
 * back was written here, so it is checked for its structure only; a value that does not parse is a damaged store.
 */

const packr = new Packr({ useRecords: false, structuredClone: false, mapsAsObjects: true });

/** Head of an index as stored. */
export interface StoredHead {
  readonly trail: Trail;
  readonly sequence: number;
}

/** A record as stored: its version is not unpacked unless asked for. */
export interface StoredRecord {
  readonly path: FilePath;
  readonly holding: Holding;
  readonly packed: PackedVersion;
}

export function encodeRecord({ path, holding, packed }: StoredRecord): Uint8Array {
  return encode([path, encodeHolding(holding), bytesOf(packed)]);
}

export function decodeRecord(key: string, value: Uint8Array): StoredRecord {
  return decode(key, value, (fields) => {
    const [path, holding, bytes] = list(fields);
    if (!(bytes instanceof Uint8Array)) throw new TypeError('no version');
    return { path: text(path) as FilePath, holding: decodeHolding(holding), packed: asPacked(bytes) };
  });
}

/** The version of a record of the store. */
export function unpackStored(key: string, packed: PackedVersion): Version {
  try {
    return unpackVersion(packed);
  } catch (cause) {
    throw damaged(`the version in its entry ${key} cannot be read`, cause);
  }
}

export function encodeHead({ trail, sequence }: StoredHead): Uint8Array {
  return encode([sequence, trail.map((start) => [start.writer, start.first])]);
}

export function decodeHead(key: string, value: Uint8Array): StoredHead {
  return decode(key, value, (fields) => {
    const [sequence, trail] = list(fields);
    return { sequence: count(sequence), trail: list(trail).map((start) => decodeStart(list(start))) };
  });
}

export function encodeFact(fact: Fact): Uint8Array {
  return encode(fact);
}

export function decodeFact(key: string, value: Uint8Array): Fact {
  return decode(key, value, (fact) => {
    if (typeof fact !== 'object' || fact === null || !('kind' in fact)) throw new TypeError('no fact');
    return fact as Fact;
  });
}

function encode(value: unknown): Uint8Array {
  // A view of a block that is filled from its front: nothing is written there a second time.
  return packr.pack(value);
}

function decode<T>(key: string, value: Uint8Array, read: (fields: unknown) => T): T {
  try {
    return read(packr.unpack(value));
  } catch (cause) {
    throw damaged(`its entry ${key} cannot be read`, cause);
  }
}

/** What `open` rejects with when the store holds what no catalog wrote. */
export function damaged(what: string, cause?: unknown): MeshError {
  return new MeshError(
    'failed',
    `the store of this peer is damaged: ${what}. Move the store away and start again: the files in the folder stay, and the next start finds them anew`,
    { cause },
  );
}

function encodeHolding(holding: Holding): number | string {
  return holding === 'all' ? 1 : holding === 'none' ? 0 : holding.mask;
}

function decodeHolding(value: unknown): Holding {
  if (value === 1) return 'all';
  if (value === 0) return 'none';
  return { mask: text(value) };
}

function decodeStart([writer, first]: readonly unknown[]): Start {
  return { writer: text(writer) as WriterId, first: count(first) };
}
