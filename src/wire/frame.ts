import { MeshError } from '../core/errors.ts';
import { TAIL_BYTES_MAX } from './calls.ts';
import { HEAD_BYTES_MAX } from './codec.ts';
import { takeTail } from './tail-memory.ts';

/** What a frame is. The number is its byte on the wire. */
export const FRAME_KINDS = { note: 1, call: 2, reply: 3, error: 4, beat: 5 } as const;
export type FrameKind = keyof typeof FRAME_KINDS;

/** u32 bytes that follow, u8 kind, u32 id, u32 bytes of the head; all big-endian. Head and tail come behind. */
export const FRAME_PREFIX_BYTES = 13;
/** Of the prefix, what the first u32 counts. */
const COUNTED_PREFIX_BYTES = FRAME_PREFIX_BYTES - 4;

/** One frame as it arrived. */
export interface Frame {
  readonly kind: FrameKind;
  /** Of a call and its answer: chosen by the caller. Of a beat: ms within which the next frame follows. Of a note: 0. */
  readonly id: number;
  /** msgpack, ≤ HEAD_BYTES_MAX; only lent until `deliver` returns. */
  readonly head: Uint8Array;
  /** Raw bytes, ≤ TAIL_BYTES_MAX; the receiver's to keep. */
  readonly tail: Uint8Array;
}

const KIND_OF_BYTE = new Map<number, FrameKind>(
  (Object.entries(FRAME_KINDS) as [FrameKind, number][]).map(([kind, byte]) => [byte, kind]),
);
/** Only what carries file data may have a tail, and only what says something a head. */
const LIMITS: { readonly [K in FrameKind]: { readonly head: number; readonly tail: number } } = {
  note: { head: HEAD_BYTES_MAX, tail: 0 },
  call: { head: HEAD_BYTES_MAX, tail: TAIL_BYTES_MAX },
  reply: { head: HEAD_BYTES_MAX, tail: TAIL_BYTES_MAX },
  error: { head: 256, tail: 0 },
  beat: { head: 0, tail: 0 },
};

/** The bytes of one frame before its tail. Throws `protocol` when a limit is passed: then nothing may be sent. */
export function framePrefix(kind: FrameKind, id: number, head: Uint8Array, tailBytes = 0): Uint8Array {
  checkFrameLimits(kind, head.length, tailBytes);
  const bytes = new Uint8Array(FRAME_PREFIX_BYTES + head.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, COUNTED_PREFIX_BYTES + head.length + tailBytes);
  view.setUint8(4, FRAME_KINDS[kind]);
  view.setUint32(5, id);
  view.setUint32(9, head.length);
  bytes.set(head, FRAME_PREFIX_BYTES);
  return bytes;
}

/**
 * Cuts a stream into frames. Holds at most one frame; its limits are checked before anything of its body is kept. A tail
 * is copied once, from the stream into an array of its own.
 */
export class FrameParser {
  readonly #prefix = new Piece(new Uint8Array(FRAME_PREFIX_BYTES));
  #open: { kind: FrameKind; id: number; head: Piece; tail: Piece } | undefined;

  /** Takes the next bytes and hands on each frame they complete; throws `protocol` at the first invalid one. */
  push(bytes: Uint8Array, deliver: (frame: Frame) => void): void {
    let at = 0;
    while (at < bytes.length || this.#complete()) {
      const open = this.#open;
      if (open === undefined) {
        at += this.#prefix.fill(bytes, at);
        if (this.#prefix.full) this.#begin();
      } else if (!open.head.full) {
        at += open.head.fill(bytes, at);
      } else if (!open.tail.full) {
        at += open.tail.fill(bytes, at);
      } else {
        this.#open = undefined;
        deliver({ kind: open.kind, id: open.id, head: open.head.bytes, tail: open.tail.bytes });
      }
    }
  }

  #complete(): boolean {
    return this.#open?.head.full === true && this.#open.tail.full;
  }

  #begin(): void {
    const { bytes } = this.#prefix;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#prefix.empty();
    const byte = view.getUint8(4);
    const kind = KIND_OF_BYTE.get(byte);
    if (kind === undefined) throw new MeshError('protocol', `a frame of unknown kind ${byte}`);
    const headBytes = view.getUint32(9);
    const tailBytes = view.getUint32(0) - COUNTED_PREFIX_BYTES - headBytes;
    if (tailBytes < 0) throw new MeshError('protocol', 'a frame shorter than its head');
    checkFrameLimits(kind, headBytes, tailBytes);
    this.#open = {
      kind,
      id: view.getUint32(5),
      head: new Piece(new Uint8Array(headBytes)),
      tail: new Piece(takeTail(tailBytes)),
    };
  }
}

/** Throws `protocol` when a frame would be larger than its kind may be. */
export function checkFrameLimits(kind: FrameKind, headBytes: number, tailBytes: number): void {
  const limits = LIMITS[kind];
  if (headBytes > limits.head)
    throw new MeshError('protocol', `a ${kind} with a head of ${headBytes} bytes, more than ${limits.head}`);
  if (tailBytes > limits.tail)
    throw new MeshError('protocol', `a ${kind} with a tail of ${tailBytes} bytes, more than ${limits.tail}`);
}

/** An array of known length that fills up as the stream brings it. */
class Piece {
  readonly bytes: Uint8Array;
  #filled = 0;

  /** Handed on only when every byte was overwritten, and then belongs to one receiver. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get full(): boolean {
    return this.#filled === this.bytes.length;
  }

  empty(): void {
    this.#filled = 0;
  }

  /** Takes what it still needs of `source` from `from`; the number of bytes taken. */
  fill(source: Uint8Array, from: number): number {
    const count = Math.min(this.bytes.length - this.#filled, source.length - from);
    this.bytes.set(source.subarray(from, from + count), this.#filled);
    this.#filled += count;
    return count;
  }
}
