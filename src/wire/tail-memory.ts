import { TAIL_BYTES_MAX } from './calls.ts';

/** Smaller tails are made anew each time: the memory manager has them at hand. In bytes. */
const POOLED_BYTES_MIN = TAIL_BYTES_MAX / 4;
/** Blocks kept for the next tails: as many as a fetch has under way. Range 4–64. */
const KEPT_MAX = 12;

const kept: ArrayBuffer[] = [];
const lent = new WeakSet<Uint8Array>();

/**
 * Memory for one tail; what it holds is not zeroed. A large one comes from blocks that were given back: each new MiB outside
 * the heap brings the next collection of rubbish nearer, and those cost more than all else a transfer does.
 */
export function takeTail(length: number): Uint8Array {
  if (length < POOLED_BYTES_MIN) return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer, 0, length);
  const tail = new Uint8Array(kept.pop() ?? (Buffer.allocUnsafeSlow(TAIL_BYTES_MAX).buffer as ArrayBuffer), 0, length);
  lent.add(tail);
  return tail;
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
