import type { PeerId } from '../core/ids.ts';

/** `host:port` or `[v6]:port`. */
export type Address = string;

/** What the user of a pipe is told. Set once, by `Pipe.open`. */
export interface PipeEvents {
  /** Bytes as they come; the array is only lent: copy what is kept. */
  data(bytes: Uint8Array): void;
  /** The send buffer has room again after a `write` that returned false. */
  drain(): void;
  /** The pipe is over; called once, whoever ended it. */
  closed(reason: string): void;
}

/** An authenticated, ordered, reliable byte pipe between two certificates. */
export interface Pipe {
  /** Proved by the certificate of the other end, never claimed by a message. */
  readonly remoteId: PeerId;
  /** Where the other end speaks from (for a dialled pipe: what was dialled). */
  readonly remoteAddress: Address;
  /** True at the end that dialled. */
  readonly dialled: boolean;
  /** Keying material of 32 bytes, equal at both ends of this pipe and nowhere else (RFC 8446 §7.5 exporter). */
  bind(label: string): Uint8Array;
  /** Starts the flow of events. */
  open(events: PipeEvents): void;
  /**
   * Takes all of `parts` in order; false when the caller should wait for `drain`. The arrays may not change until `sent` is
   * called, once: never, when the pipe ends before.
   */
  write(parts: readonly Uint8Array[], sent?: () => void): boolean;
  /** Bytes taken and not yet handed to the system. */
  readonly unsent: number;
  /** Holds back `data` events, and by back-pressure the other end, until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what is unsent for at most `graceMs` (default 0: at once), then ends. */
  close(graceMs?: number): void;
}

export interface Listener {
  /** The port taken. */
  readonly port: number;
  /** What others may dial, best first. */
  addresses(): Address[];
  close(): Promise<void>;
}

export interface ListenOptions {
  /** The port asked for; the next free one when it is taken. 0: any. */
  readonly port: number;
  /**
   * A connection that proved its certificate, which anybody can make. Call `admitted` when you know that it may stay: until
   * then it is one of the unproved, which are bounded, inside: 64 of them, each for 5 s and 64 KiB.
   */
  readonly accept: (pipe: Pipe, admitted: () => void) => void;
}

export interface Network {
  /** SHA-256 of this end's public key. */
  readonly selfId: PeerId;
  listen(options: ListenOptions): Promise<Listener>;
  /** Rejects with `unreachable` (also after 5 s without an answer) or `not-allowed` when `expected` is another key. */
  dial(address: Address, expected?: PeerId): Promise<Pipe>;
}
