import { TAIL_BYTES_MAX } from './calls.ts';

/** Smaller tails are made anew each time: the memory manager has them at hand. In bytes. */
const POOLED_BYTES_MIN = TAIL_BYTES_MAX / 4;
/** Blocks kept for the next tails: as many as a fetch has under way. Range 4–64. */
const KEPT_MAX = 12;
/** Before a large tail, in its block: room for prefix and head of the frame it goes out in. 64–4,096 bytes. */
const START_BYTES_MAX = 256;

const kept: ArrayBuffer[] = [];
const lent = new WeakSet<Uint8Array>();

/**
 * Memory for one tail; what it holds is not zeroed. A large one comes from blocks that were given back: each new MiB outside
 * the heap brings the next collection of rubbish nearer, and those cost more than all else a transfer does.
 */
export function takeTail(length: number): Uint8Array {
  if (length < POOLED_BYTES_MIN) return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer, 0, length);
  const block = kept.pop() ?? (Buffer.allocUnsafeSlow(START_BYTES_MAX + TAIL_BYTES_MAX).buffer as ArrayBuffer);
  const tail = new Uint8Array(block, START_BYTES_MAX, length);
  lent.add(tail);
  return tail;
}

/**
 * `start` and a tail in one piece, where the tail has room before it: of several TLS makes one copy. For a tail that is sent once,
 * and given back only when it was.
 */
export function framed(start: Uint8Array, tail: Uint8Array): readonly Uint8Array[] {
  if (!lent.has(tail) || start.length > START_BYTES_MAX) return [start, tail];
  const whole = new Uint8Array(tail.buffer, START_BYTES_MAX - start.length, start.length + tail.length);
  whole.set(start);
  return [whole];
}

/** Nobody reads this tail any more. Not needed: what is not given back is collected. Anything but a whole tail is left alone. */
export function giveBackTail(tail: Uint8Array): void {
  if (!lent.delete(tail) || kept.length >= KEPT_MAX) return;
  kept.push(tail.buffer as ArrayBuffer);
}

/** A sink that is done with the bytes when `write` resolves. */
export function givingBack(sink: { write(offset: number, bytes: Uint8Array): Promise<void> }): typeof sink {
  return {
    write: async (offset, bytes) => {
      await sink.write(offset, bytes);
      giveBackTail(bytes);
    },
  };
}
