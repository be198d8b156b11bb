import { createHmac, randomBytes } from 'node:crypto';
import { MeshError } from '../../core/errors.ts';
import type { PeerId } from '../../core/ids.ts';
import type { Address, Pipe, PipeEvents } from '../network.ts';
import { UNSENT_HIGH_BYTES, UNSENT_LOW_BYTES } from './tls-pipe.ts';

/** Where one end of a near pipe says that the other is. */
export interface NearEnd {
  readonly id: PeerId;
  readonly address: Address;
}

/** Some bytes on their way, and who waits for them to be taken. */
interface Parcel {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly sent: (() => void) | undefined;
}

/**
 * A pipe between two ends in this process, without encryption: both know each other, for their maker has both keys. What is
 * written is told to the other end in a later turn, as it is, never copied. Gives the end that dialled, then the other.
 */
export function nearPipes(dialler: NearEnd, listener: NearEnd): [Pipe, Pipe] {
  const secret = randomBytes(32);
  const near = new NearPipe(listener, true, secret);
  const far = new NearPipe(dialler, false, secret);
  near.join(far);
  far.join(near);
  return [near, far];
}

class NearPipe implements Pipe {
  readonly remoteId: PeerId;
  readonly remoteAddress: Address;
  readonly dialled: boolean;
  readonly #secret: Buffer;
  #other: NearPipe | undefined;
  #events: PipeEvents | undefined;
  /** What the other end wrote, and was not told yet. */
  readonly #inbox: Parcel[] = [];
  #inboxBytes = 0;
  /** Why it ended. */
  #reason: string | undefined;
  #isOver = false;
  #isClosing = false;
  #isPaused = false;
  #isBlocked = false;
  #turn: NodeJS.Immediate | undefined;
  #grace: NodeJS.Timeout | undefined;

  constructor({ id, address }: NearEnd, dialled: boolean, secret: Buffer) {
    this.remoteId = id;
    this.remoteAddress = address;
    this.dialled = dialled;
    this.#secret = secret;
  }

  join(other: NearPipe): void {
    this.#other = other;
  }

  /** Throws `closed` when the pipe is over. */
  bind(label: string): Uint8Array {
    if (this.#isOver) throw new MeshError('closed', 'the pipe is over');
    return createHmac('sha256', this.#secret).update(label).digest();
  }

  open(events: PipeEvents): void {
    this.#events = events;
    this.#schedule();
  }

  write(parts: readonly Uint8Array[], sent?: () => void): boolean {
    if (this.#isClosing || this.#isOver) return false;
    this.#other?.take(parts, sent);
    if (this.unsent < UNSENT_HIGH_BYTES) return true;
    this.#isBlocked = true;
    return false;
  }

  get unsent(): number {
    return this.#other === undefined || this.#isOver ? 0 : this.#other.#inboxBytes;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#schedule();
  }

  close(graceMs = 0): void {
    if (this.#isOver || this.#isClosing) return;
    this.#isClosing = true;
    if (graceMs > 0 && this.unsent > 0) {
      this.#grace = setTimeout(() => this.#endBoth(), graceMs);
      return;
    }
    this.#endBoth();
  }

  /** Bytes of the other end. */
  take(parts: readonly Uint8Array[], sent: (() => void) | undefined): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.#inbox.push({ parts, bytes, sent });
    this.#inboxBytes += bytes;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#events === undefined || this.#isPaused) return;
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    if (this.#isOver) {
      const events = this.#events;
      this.#events = undefined;
      events?.closed(this.#reason ?? 'it ended');
      return;
    }
    while (!this.#isPaused && !this.#isOver) {
      const parcel = this.#inbox.shift();
      if (parcel === undefined) break;
      this.#inboxBytes -= parcel.bytes;
      if (!this.#isClosing) for (const part of parcel.parts) if (part.length > 0) this.#events?.data(part);
      parcel.sent?.();
    }
    this.#other?.relieved();
  }

  /** The other end took some of what was written here. */
  relieved(): void {
    if (this.#isClosing && this.unsent === 0) this.#endBoth();
    if (!this.#isBlocked || this.#isOver || this.unsent > UNSENT_LOW_BYTES) return;
    this.#isBlocked = false;
    this.#events?.drain();
  }

  #endBoth(): void {
    this.#other?.end('the other end closed');
    this.end('closed here');
  }

  end(reason: string): void {
    if (this.#isOver) return;
    clearTimeout(this.#grace);
    this.#reason = reason;
    this.#isOver = true;
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
    this.#isPaused = false;
    this.#schedule();
  }
}
