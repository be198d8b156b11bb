import { type Options, Packr, Unpackr } from 'msgpackr';
import type { z } from 'zod';
import { MeshError } from '../core/errors.ts';

/**
 * Bytes of the msgpack head of one frame, for every message. What can be larger (deltas, facts, cursors, pages of a
 * list) is split by its sender, who measures with `encodedBytes`. Range 64 KiB–1 MiB: above, one message of a hostile
 * member costs too much heap; below, a delta of long vectors is a handful of records.
 */
export const HEAD_BYTES_MAX = 256 * 1024;
/** Nesting of one head. The deepest message (a delta's vector entries) has seven levels. */
export const HEAD_DEPTH_MAX = 16;
/**
 * Values and keys of one head. A record of a delta takes about 7 bytes an item, so a head full of them has 38,000; what
 * has fewer bytes an item than 4 is a bomb (1 byte an item becomes 191 bytes of heap each).
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

/** What one item of msgpack is: where it ends, and how many items it says will follow inside it. */
interface Item {
  /** Where its content begins, and where it ends; of a list or map the content is the items inside. */
  readonly start: number;
  readonly end: number;
  /** Items inside: elements, or keys and values. */
  readonly inside: number;
  readonly kind: 'leaf' | 'text' | 'list' | 'map';
}

/**
 * Walks over a head without building anything, and throws `protocol` when it is no single msgpack value of what a
 * message may hold: nil, booleans, numbers, text, bytes, lists, and maps with text keys. Extension types are refused,
 * so is a declared length that the bytes present cannot have, and the key `__proto__`.
 */
export function scan(head: Uint8Array): void {
  if (head.length > HEAD_BYTES_MAX)
    throw new MeshError('protocol', `a head of ${head.length} bytes, more than ${HEAD_BYTES_MAX}`);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  /** Items still to come at each open level. */
  const left: number[] = [1];
  const inMap: boolean[] = [false];
  let items = 0;
  let at = 0;
  while (left.length > 0) {
    const level = left.length - 1;
    const remaining = left[level] as number;
    if (remaining === 0) {
      left.pop();
      inMap.pop();
      continue;
    }
    if (++items > HEAD_ITEMS_MAX) throw new MeshError('protocol', `a head of more than ${HEAD_ITEMS_MAX} items`);
    const item = itemAt(view, at);
    // Keys and values of a map alternate, and an even number of them remains before each key.
    if (inMap[level] && remaining % 2 === 0) checkKey(head, item);
    left[level] = remaining - 1;
    at = item.end;
    if (item.kind === 'leaf' || item.kind === 'text') continue;
    if (item.inside > head.length - at) throw new MeshError('protocol', 'a list longer than its bytes');
    if (left.length > HEAD_DEPTH_MAX) throw new MeshError('protocol', `a head nested deeper than ${HEAD_DEPTH_MAX}`);
    left.push(item.inside);
    inMap.push(item.kind === 'map');
  }
  if (at !== head.length) throw new MeshError('protocol', 'bytes behind the value of a head');
}

const PROTO_KEY = Uint8Array.from('__proto__', (letter) => letter.charCodeAt(0));

function checkKey(head: Uint8Array, key: Item): void {
  if (key.kind !== 'text') throw new MeshError('protocol', 'a map with a key that is no text');
  if (key.end - key.start !== PROTO_KEY.length) return;
  if (PROTO_KEY.every((byte, index) => head[key.start + index] === byte)) {
    throw new MeshError('protocol', 'a map with the key __proto__');
  }
}

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
  readonly kind: Item['kind'];
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

function itemAt(view: DataView, at: number): Item {
  if (at >= view.byteLength) throw new MeshError('protocol', 'a head that ends too soon');
  const first = view.getUint8(at);
  const start = at + 1;
  if (first < 0x80 || first >= 0xe0) return { start, end: start, inside: 0, kind: 'leaf' };
  if (first < 0x90) return { start, end: start, inside: (first & 0x0f) * 2, kind: 'map' };
  if (first < 0xa0) return { start, end: start, inside: first & 0x0f, kind: 'list' };
  if (first < 0xc0) return leaf(view, 'text', start, first & 0x1f);
  const fixed = FIXED_LENGTHS.get(first);
  if (fixed !== undefined) return leaf(view, 'leaf', start, fixed);
  const counted = COUNTED.get(first);
  if (counted === undefined) throw new MeshError('protocol', `a head with an item of kind 0x${first.toString(16)}`);
  return countedItem(view, start, counted);
}

function countedItem(view: DataView, at: number, { kind, fieldBytes }: Counted): Item {
  const start = at + fieldBytes;
  if (start > view.byteLength) throw new MeshError('protocol', 'a head that ends too soon');
  const count = fieldBytes === 1 ? view.getUint8(at) : fieldBytes === 2 ? view.getUint16(at) : view.getUint32(at);
  if (kind === 'map') return { start, end: start, inside: count * 2, kind };
  if (kind === 'list') return { start, end: start, inside: count, kind };
  return leaf(view, kind, start, count);
}

function leaf(view: DataView, kind: 'leaf' | 'text', start: number, length: number): Item {
  if (start + length > view.byteLength) throw new MeshError('protocol', 'a head with a length beyond its end');
  return { start, end: start + length, inside: 0, kind };
}
