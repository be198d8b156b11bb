import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath, PeerId, RequestId, WriterId } from '../core/ids.ts';
import { faultOfPath } from '../core/path.ts';
import {
  BURIED_MAX,
  type Entry,
  INHERITED_REQUESTS_MAX,
  type ManifestId,
  VECTOR_ENTRIES_LIMIT,
  type Version,
  WALL_MS_MAX,
} from '../core/version.ts';
import type { PackedVersion } from './packed-version.ts';

/** Bytes of the ids. */
const WRITER_BYTES = 8;
const REQUEST_BYTES = 16;
const HASH_BYTES = 32;
const MODE_MAX = 0o777;
const SCHEME_MAX = 255;

/**
 * Reads a packed version that another peer told. Nothing is believed: it is a version within its bounds, in the one form that
 * `packVersion` gives it, or this throws `protocol`. So what is the same version is the same text, whoever told of it.
 */
export function readTold(packed: PackedVersion): Version {
  const bytes = new Told(Buffer.from(packed, 'latin1'));
  const fields = bytes.list();
  const kind = bytes.whole(0, 1);
  if (fields !== (kind === 0 ? 14 : 10)) throw wrong();
  const own = entryOf(bytes);
  const vector = vectorOf(bytes);
  const request = bytes.isNil() ? undefined : bytes.id<RequestId>(REQUEST_BYTES);
  const inherited = idsOf<RequestId>(bytes, INHERITED_REQUESTS_MAX, REQUEST_BYTES);
  const origin = bytes.id<PeerId>(HASH_BYTES);
  const modifiedMs = bytes.number(-WALL_MS_MAX, WALL_MS_MAX);
  const descent = { own, vector, ...(request !== undefined && { request }), inherited, origin, modifiedMs };
  const version: Version =
    kind === 0 ? { kind: 'file', ...descent, ...fileOf(bytes) } : { kind: 'tombstone', ...descent, ...graveOf(bytes) };
  bytes.end();
  return version;
}

function entryOf(bytes: Told): Entry {
  return { writer: bytes.id<WriterId>(WRITER_BYTES), counter: bytes.whole(1, Number.MAX_SAFE_INTEGER) };
}

function vectorOf(bytes: Told): Entry[] {
  const length = bytes.list();
  if (length === 0 || length % 2 !== 0 || length > VECTOR_ENTRIES_LIMIT * 2) throw wrong();
  const vector: Entry[] = [];
  for (let at = 0; at < length; at += 2) vector.push(entryOf(bytes));
  return vector;
}

function idsOf<Id extends string>(bytes: Told, max: number, idBytes: number): Id[] {
  const length = bytes.list();
  if (length > max) throw wrong();
  const ids: Id[] = [];
  for (let at = 0; at < length; at++) ids.push(bytes.id<Id>(idBytes));
  return ids;
}

function fileOf(bytes: Told) {
  const hash = bytes.id<ContentHash>(HASH_BYTES);
  const size = bytes.whole(0, Number.MAX_SAFE_INTEGER);
  const mode = bytes.whole(0, MODE_MAX);
  const manifest: ManifestId = { scheme: bytes.whole(0, SCHEME_MAX), hash: bytes.id<ContentHash>(HASH_BYTES) };
  return { hash, size, mode, manifest, found: bytes.flag() };
}

function graveOf(bytes: Told) {
  const buried = idsOf<ContentHash>(bytes, BURIED_MAX, HASH_BYTES);
  if (bytes.isNil()) return { buried };
  const renamedTo = bytes.text() as FilePath;
  if (faultOfPath(renamedTo) !== undefined || renamedTo.normalize('NFC') !== renamedTo) throw wrong();
  return { buried, renamedTo };
}

/**
 * The values of a packed version, one after the other, in MessagePack. Of the forms it has for a value only the one that is
 * written is read, and no length is believed before the bytes are seen to be there.
 */
class Told {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The length of a list. */
  list(): number {
    const first = this.#take(1);
    if (first >= 0x90 && first < 0xa0) return first - 0x90;
    return this.#expect(first === 0xdc, this.#take(2), 0x10);
  }

  id<Id extends string>(length: number): Id {
    if (this.#take(2) !== (0xc4 << 8) + length) throw wrong();
    const from = this.#skip(length);
    return this.#bytes.toString('hex', from, this.#at) as Id;
  }

  whole(min: number, max: number): number {
    const value = this.number(min, max);
    if (!Number.isSafeInteger(value)) throw wrong();
    return value;
  }

  number(min: number, max: number): number {
    const value = this.#number();
    // Also what is no number at all.
    if (!(value >= min && value <= max)) throw wrong();
    return value;
  }

  flag(): boolean {
    const first = this.#take(1);
    if (first !== 0xc2 && first !== 0xc3) throw wrong();
    return first === 0xc3;
  }

  /** Passes a nil, if one is next. */
  isNil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false;
    this.#at += 1;
    return true;
  }

  text(): string {
    const length = this.#textLength(this.#take(1));
    const from = this.#skip(length);
    const bytes = this.#bytes.subarray(from, this.#at);
    const text = bytes.toString('utf8');
    // What is no UTF-8 was read as something else.
    if (!Buffer.from(text, 'utf8').equals(bytes)) throw wrong();
    return text;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw wrong();
  }

  #textLength(first: number): number {
    if (first >= 0xa0 && first < 0xc0) return first - 0xa0;
    if (first === 0xd9) return this.#expect(true, this.#take(1), 0x20);
    return this.#expect(first === 0xda, this.#take(2), 0x100);
  }

  #number(): number {
    const first = this.#take(1);
    if (first < 0x80) return first;
    if (first >= 0xe0) return first - 0x100;
    if (first === 0xcb) return this.#float();
    if (first === 0xcc) return this.#expect(true, this.#take(1), 0x80);
    if (first === 0xcd) return this.#expect(true, this.#take(2), 0x100);
    if (first === 0xce) return this.#expect(true, this.#take(4), 0x10000);
    if (first === 0xd0) return this.#negative(1, 0x21);
    if (first === 0xd1) return this.#negative(2, 0x81);
    if (first === 0xd2) return this.#negative(4, 0x8001);
    throw wrong();
  }

  /** `min`: of what it is below zero. */
  #negative(length: 1 | 2 | 4, min: number): number {
    const below = 256 ** length - this.#take(length);
    return -this.#expect(below <= 256 ** length / 2, below, min);
  }

  /** Only for what is no whole number of 32 bits. */
  #float(): number {
    const value = this.#bytes.readDoubleBE(this.#skip(8));
    if (value >>> 0 === value || value >> 0 === value) throw wrong();
    return value;
  }

  /** `value`, unless there is a shorter form for it. */
  #expect(isForm: boolean, value: number, min: number): number {
    if (!isForm || value < min) throw wrong();
    return value;
  }

  #take(length: 1 | 2 | 4): number {
    const from = this.#skip(length);
    return length === 1 ? (this.#bytes[from] as number) : this.#bytes.readUIntBE(from, length);
  }

  #skip(length: number): number {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw wrong();
    return from;
  }
}

function wrong(): MeshError {
  return new MeshError('protocol', 'a version of another form than agreed');
}
