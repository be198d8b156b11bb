import type { Pipe } from '../platform/network.ts';
import { framed } from './tail-memory.ts';

/** One frame waiting for its turn. */
export interface OutFrame {
  /** Prefix and head. */
  readonly start: Uint8Array;
  /** Empty: a control frame. */
  readonly tail: Uint8Array;
  /** Called once, when the pipe took it. */
  readonly sent?: () => void;
  /** Called when its bytes are not needed any more; never, when the pipe ends before. */
  readonly gone?: () => void;
  /** Set by its sender: nobody wants it any more. */
  withdrawn?: boolean;
}

/** Frames taken from a lane before the array is cut: keeps `shift` from moving thousands of entries each time. */
const LANE_TRIM = 64;

/**
 * What a link has to say, in two lanes: frames without a tail go before frames with one, each lane in its order. Bytes
 * go to the pipe only while it has room, so that a control frame waits for one tail at most.
 */
export class Outbox {
  readonly #pipe: Pick<Pipe, 'write'>;
  readonly #control = new Lane();
  readonly #tails = new Lane();
  #room = true;
  #pumping = false;

  constructor(pipe: Pick<Pipe, 'write'>) {
    this.#pipe = pipe;
  }

  /** Bytes of control frames that wait. */
  get controlBytes(): number {
    return this.#control.bytes;
  }

  /** Bytes of frames with a tail that wait. */
  get tailBytes(): number {
    return this.#tails.bytes;
  }

  /** False while the pipe takes nothing until it has drained. */
  get hasRoom(): boolean {
    return this.#room;
  }

  put(frame: OutFrame): void {
    (frame.tail.length > 0 ? this.#tails : this.#control).push(frame);
    this.#pump();
  }

  /** The pipe has room again. */
  drained(): void {
    this.#room = true;
    this.#pump();
  }

  clear(): void {
    this.#control.clear();
    this.#tails.clear();
  }

  #pump(): void {
    // A `sent` may put the next frame: the outer call takes it in its turn.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#room) {
        const frame = this.#control.shift() ?? this.#tails.shift();
        if (frame === undefined) break;
        if (frame.withdrawn === true) continue;
        this.#room = this.#pipe.write(partsOf(frame), frame.gone);
        frame.sent?.();
      }
    } finally {
      this.#pumping = false;
    }
  }
}

/** A tail whose sender is not told when it went may be on its way to others too, or be given back before. */
function partsOf({ start, tail, gone }: OutFrame): readonly Uint8Array[] {
  if (tail.length === 0) return [start];
  return gone === undefined ? [start, tail] : framed(start, tail);
}

/** A queue that knows its bytes. */
class Lane {
  #frames: OutFrame[] = [];
  #first = 0;
  bytes = 0;

  push(frame: OutFrame): void {
    this.#frames.push(frame);
    this.bytes += frame.start.length + frame.tail.length;
  }

  shift(): OutFrame | undefined {
    const frame = this.#frames[this.#first];
    if (frame === undefined) return undefined;
    this.#first++;
    if (this.#first >= LANE_TRIM) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
    this.bytes -= frame.start.length + frame.tail.length;
    return frame;
  }

  clear(): void {
    this.#frames = [];
    this.#first = 0;
    this.bytes = 0;
  }
}
