import { type Options, Packr, Unpackr } from 'msgpackr';
import type { z } from 'zod';
import { MeshError } from '../core/errors.ts';

/**
 * Bytes of the msgpack head of one frame, for every message. What can be larger (deltas, facts, cursors, pages of a
 * list) is split by its sender, who measures with `encodedBytes`. Range 64 KiB–1 MiB: above, one message of a hostile
 * member costs too much heap; below, a delta of long vectors is a handful of records.
 */
export const HEAD_BYTES_MAX = 256 * 1024;
/** Nesting of one head. The deepest message (a trail in `cursors`) has six levels. */
export const HEAD_DEPTH_MAX = 16;
/**
 * Values and keys of one head. What is sent takes 7 bytes an item and more; what has fewer than 4 is a bomb (1 byte an item
 * becomes 191 bytes of heap each).
 */
export const HEAD_ITEMS_MAX = HEAD_BYTES_MAX / 4;

/** Options that the type declarations of msgpackr 2.1.3 leave out. */
interface PackOptions extends Options {
  skipValues: unknown[];
}

const PACK_OPTIONS: PackOptions = {
  useRecords: false,
  structuredClone: false,
  moreTypes: false,
  variableMapSize: true,
  // An optional member that is undefined is simply not there; by default it would become an extension type.
  skipValues: [undefined],
};

const UNPACK_OPTIONS: Options = {
  useRecords: false,
  structuredClone: false,
  mapsAsObjects: true,
  // Beyond 2^53 it becomes a float, which no shape takes for a count.
  int64AsType: 'number',
  // Byte arrays would else be views on the frame's buffer, which is lent.
  copyBuffers: true,
};

const packr = new Packr(PACK_OPTIONS);
const unpackr = new Unpackr(UNPACK_OPTIONS);

/** The bytes of a head. The array stays as it is; it may be a view on a larger buffer. */
export function encode(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** Bytes that `value` takes in a head: for senders that split by size, see HEAD_BYTES_MAX. */
export function encodedBytes(value: unknown): number {
  return encode(value).length;
}

/** The value of a head, unchecked but harmless: depth, items and kinds are bounded. Throws `protocol`. */
export function decode(head: Uint8Array): unknown {
  scan(head);
  try {
    return unpackr.unpack(head);
  } catch (thrown) {
    throw new MeshError('protocol', 'a head that cannot be decoded', { cause: thrown });
  }
}

/** What was decoded, as the shape has it: members it does not name are dropped. Throws `protocol`. */
export function validate<S extends z.ZodType>(shape: S, value: unknown, what: string): z.infer<S> {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const place = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
  throw new MeshError('protocol', `${what} of another shape than agreed (at "${place}")`, { cause: parsed.error });
}

/**
 * Walks over a head without building anything, and throws `protocol` when it is no single msgpack value of what a
 * message may hold: nil, booleans, numbers, text, bytes, lists, and maps with text keys. Extension types are refused,
 * so is a declared length that the bytes present cannot have, and the key `__proto__`.
 */
export function scan(head: Uint8Array): void {
  if (head.length > HEAD_BYTES_MAX)
    throw new MeshError('protocol', `a head of ${head.length} bytes, more than ${HEAD_BYTES_MAX}`);
  const items = new Items(head);
  /** Items still to come at each open level. */
  const left: number[] = [1];
  const inMap: boolean[] = [false];
  let count = 0;
  while (left.length > 0) {
    const level = left.length - 1;
    const remaining = left[level] as number;
    if (remaining === 0) {
      left.pop();
      inMap.pop();
      continue;
    }
    if (++count > HEAD_ITEMS_MAX) throw new MeshError('protocol', `a head of more than ${HEAD_ITEMS_MAX} items`);
    items.next();
    // Keys and values of a map alternate, and an even number of them remains before each key.
    if (inMap[level] && remaining % 2 === 0) checkKey(head, items);
    left[level] = remaining - 1;
    if (items.kind === 'leaf' || items.kind === 'text') continue;
    if (items.inside > head.length - items.end) throw new MeshError('protocol', 'a list longer than its bytes');
    if (left.length > HEAD_DEPTH_MAX) throw new MeshError('protocol', `a head nested deeper than ${HEAD_DEPTH_MAX}`);
    left.push(items.inside);
    inMap.push(items.kind === 'map');
  }
  if (items.end !== head.length) throw new MeshError('protocol', 'bytes behind the value of a head');
}

const PROTO_KEY = Uint8Array.from('__proto__', (letter) => letter.charCodeAt(0));

function checkKey(head: Uint8Array, { kind, start, end }: Items): void {
  if (kind !== 'text') throw new MeshError('protocol', 'a map with a key that is no text');
  if (end - start !== PROTO_KEY.length) return;
  if (PROTO_KEY.every((byte, index) => head[start + index] === byte)) {
    throw new MeshError('protocol', 'a map with the key __proto__');
  }
}

type ItemKind = 'leaf' | 'text' | 'list' | 'map';

/** Bytes behind the first byte of an item of fixed length, by that first byte, from 0xc0. 0xc1 and extensions: none. */
const FIXED_LENGTHS = new Map([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

interface Counted {
  readonly kind: ItemKind;
  /** Bytes of the length field. */
  readonly fieldBytes: 1 | 2 | 4;
}

const COUNTED = new Map<number, Counted>([
  [0xc4, { kind: 'leaf', fieldBytes: 1 }],
  [0xc5, { kind: 'leaf', fieldBytes: 2 }],
  [0xc6, { kind: 'leaf', fieldBytes: 4 }],
  [0xd9, { kind: 'text', fieldBytes: 1 }],
  [0xda, { kind: 'text', fieldBytes: 2 }],
  [0xdb, { kind: 'text', fieldBytes: 4 }],
  [0xdc, { kind: 'list', fieldBytes: 2 }],
  [0xdd, { kind: 'list', fieldBytes: 4 }],
  [0xde, { kind: 'map', fieldBytes: 2 }],
  [0xdf, { kind: 'map', fieldBytes: 4 }],
]);

/**
 * The items of a head, one after the other: this one object tells where the last one read lies. An object for each would
 * be half of what it takes to look at a delta.
 */
class Items {
  readonly #view: DataView;
  /** Where the content of the item begins, and where it ends; of a list or map the content is the items inside. */
  start = 0;
  end = 0;
  /** Items inside: elements, or keys and values. */
  inside = 0;
  kind: ItemKind = 'leaf';

  constructor(head: Uint8Array) {
    this.#view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  }

  /** Reads the item at `end`. */
  next(): void {
    const at = this.end;
    if (at >= this.#view.byteLength) throw new MeshError('protocol', 'a head that ends too soon');
    const first = this.#view.getUint8(at);
    const start = at + 1;
    if (first < 0x80 || first >= 0xe0) this.#leaf('leaf', start, 0);
    else if (first < 0x90) this.#group('map', start, (first & 0x0f) * 2);
    else if (first < 0xa0) this.#group('list', start, first & 0x0f);
    else if (first < 0xc0) this.#leaf('text', start, first & 0x1f);
    else this.#long(first, start);
  }

  #long(first: number, start: number): void {
    const fixed = FIXED_LENGTHS.get(first);
    if (fixed !== undefined) {
      this.#leaf('leaf', start, fixed);
      return;
    }
    const counted = COUNTED.get(first);
    if (counted === undefined) throw new MeshError('protocol', `a head with an item of kind 0x${first.toString(16)}`);
    this.#counted(start, counted);
  }

  #counted(at: number, { kind, fieldBytes }: Counted): void {
    const start = at + fieldBytes;
    if (start > this.#view.byteLength) throw new MeshError('protocol', 'a head that ends too soon');
    const count =
      fieldBytes === 1 ? this.#view.getUint8(at) : fieldBytes === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
    if (kind === 'map' || kind === 'list') this.#group(kind, start, kind === 'map' ? count * 2 : count);
    else this.#leaf(kind, start, count);
  }

  #group(kind: 'list' | 'map', start: number, inside: number): void {
    this.kind = kind;
    this.start = start;
    this.end = start;
    this.inside = inside;
  }

  #leaf(kind: 'leaf' | 'text', start: number, length: number): void {
    if (start + length > this.#view.byteLength) throw new MeshError('protocol', 'a head with a length beyond its end');
    this.kind = kind;
    this.start = start;
    this.end = start + length;
    this.inside = 0;
  }
}
