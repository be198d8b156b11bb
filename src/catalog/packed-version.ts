import { Packr } from 'msgpackr';
import { type ContentHash, type FilePath, isHex, type PeerId, type RequestId, type WriterId } from '../core/ids.ts';
import type { Entry, FileVersion, Tombstone, Version, VersionVector } from '../core/version.ts';
import { count, list, number, text } from './fields.ts';

declare const brand: unique symbol;

/**
 * A version as one short string of bytes (code units 0–255): about 170 bytes in memory where the object with its ids takes
 * 600, and 100,000 of them are to fit beside all else. The same version packs to the same string, whoever told of it.
 */
export type PackedVersion = string & { readonly [brand]: 'PackedVersion' };

const packr = new Packr({ useRecords: false, structuredClone: false, variableMapSize: true });

/** First fields of the two kinds. */
const FILE = 0;
const TOMBSTONE = 1;

export function packVersion(version: Version): PackedVersion {
  const descent = [
    packId(version.own.writer),
    version.own.counter,
    version.vector.flatMap((entry) => [packId(entry.writer), entry.counter]),
    version.request === undefined ? null : packId(version.request),
    version.inherited.map(packId),
    packId(version.origin),
    version.modifiedMs,
  ];
  const fields =
    version.kind === 'file' ? [FILE, ...descent, ...fileFields(version)] : [TOMBSTONE, ...descent, ...graveFields(version)];
  return asPacked(packr.pack(fields));
}

/** Bytes that `bytesOf` gave. */
export function asPacked(bytes: Uint8Array): PackedVersion {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1') as PackedVersion;
}

/** As the store keeps it. */
export function bytesOf(packed: PackedVersion): Uint8Array {
  return Buffer.from(packed, 'latin1');
}

/** Throws when it is no packed version. */
export function unpackVersion(packed: PackedVersion): Version {
  const fields = list(packr.unpack(bytesOf(packed)));
  const [kind, writer, counter, vector, request, inherited, origin, modifiedMs, ...rest] = fields;
  const own: Entry = { writer: unpackId(writer), counter: count(counter) };
  const descent = {
    own,
    vector: unpackVector(list(vector)),
    ...(request === null ? undefined : { request: unpackId<RequestId>(request) }),
    inherited: list(inherited).map((id) => unpackId<RequestId>(id)),
    origin: unpackId<PeerId>(origin),
    modifiedMs: number(modifiedMs),
  };
  if (kind !== FILE && kind !== TOMBSTONE) throw new TypeError('no version');
  return kind === FILE ? { kind: 'file', ...descent, ...fileOf(rest) } : { kind: 'tombstone', ...descent, ...graveOf(rest) };
}

function fileFields({ hash, size, mode, manifest, found }: FileVersion): unknown[] {
  return [packId(hash), size, mode, manifest.scheme, packId(manifest.hash), found];
}

function fileOf([hash, size, mode, scheme, manifestHash, found]: readonly unknown[]) {
  return {
    hash: unpackId<ContentHash>(hash),
    size: count(size),
    mode: count(mode),
    manifest: { scheme: count(scheme), hash: unpackId<ContentHash>(manifestHash) },
    found: found === true,
  };
}

function graveFields({ buried, renamedTo }: Tombstone): unknown[] {
  return [buried.map(packId), renamedTo ?? null];
}

function graveOf([buried, renamedTo]: readonly unknown[]) {
  const hashes = list(buried).map((hash) => unpackId<ContentHash>(hash));
  return { buried: hashes, ...(renamedTo === null ? undefined : { renamedTo: text(renamedTo) as FilePath }) };
}

function unpackVector(flat: readonly unknown[]): VersionVector {
  const vector: Entry[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    vector.push({ writer: unpackId<WriterId>(flat[at]), counter: count(flat[at + 1]) });
  }
  return vector;
}

/** Ids are hex digits: packed two to a byte. What is not stays a text. */
function packId(id: string): Uint8Array | string {
  return id.length % 2 === 0 && isHex(id, id.length) ? Buffer.from(id, 'hex') : id;
}

function unpackId<Id extends string>(packed: unknown): Id {
  if (packed instanceof Uint8Array) return Buffer.from(packed.buffer, packed.byteOffset, packed.length).toString('hex') as Id;
  return text(packed) as Id;
}
