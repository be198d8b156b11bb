import type { MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';

/** How one request is carried through. */
export interface AttemptOptions {
  readonly signal?: AbortSignal | undefined;
  /** When what must not act twice was first asked; undefined: not yet, or never. Without it: at once. */
  readonly changedMs?: () => number | undefined;
}

/** `changedMs` of what only reads: however long it takes, it is repeated. */
export const never = (): undefined => undefined;

/** What one request has met so far. */
export interface AttemptState {
  readonly changedMs: () => number | undefined;
  /** Peers that said another may do it, with what they said. */
  readonly declined: Map<PeerId, MeshError>;
  /** Before a busy name is asked for again, and all such pauses so far. */
  pauseMs: number;
  pausedMs: number;
  /** Failures on a link that stayed open. */
  inPlace: number;
  /** Peers that linked and then answered nothing in time. */
  readonly mute: Set<PeerId>;
  /** Of the present try. */
  triedMs: number;
  /** How long no peer has answered anything, as far as calls have run out of time. */
  silentMs: number;
  readonly signal: AbortSignal | undefined;
}
