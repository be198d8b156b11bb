import type { Role } from '../core/facts.ts';
import type { PeerId } from '../core/ids.ts';
import type { Address } from '../platform/network.ts';
import type { Ask, CallName, Note, NoteName, Reply } from './calls.ts';

/** An answer with the raw bytes behind it (empty unless the call says so). The tail is the caller's to keep. */
export interface Answer<N extends CallName> {
  readonly reply: Reply<N>;
  readonly tail: Uint8Array;
}

export interface CallOptions {
  /** Rejects with `timeout` after so long; default CALL_DEADLINE_MS; `never` for calls that end with the link only. */
  readonly deadlineMs?: number | 'never';
  /** Raw bytes sent behind the head, ≤ TAIL_BYTES_MAX; not to be changed until the call is answered. */
  readonly tail?: Uint8Array;
}

/**
 * One authenticated conversation with one admitted identity. Control frames go before frames with a tail, so file data
 * never delays a heartbeat. Any byte received counts as life.
 */
export interface Link {
  readonly peer: PeerId;
  readonly role: Role;
  /** Of the other end's process: differs after its restart. */
  readonly instance: string;
  readonly remoteAddress: Address;
  readonly dialled: boolean;
  readonly open: boolean;
  /** Clock.now() of the last answer, also a late one; −∞ before the first. A link may live, and yet answer nothing. */
  readonly answeredMs: number;
  /** Rejects with the code the other end answered, `timeout`, `closed`, or `protocol` for an answer of the wrong shape. */
  call<N extends CallName>(name: N, ask: Ask<N>, options?: CallOptions): Promise<Answer<N>>;
  note<N extends NoteName>(name: N, body: Note<N>): void;
  close(reason: string): void;
}
