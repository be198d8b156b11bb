import type { PathEvent } from '../server/path-events.ts';

/** What happens at a peer, as `up --json` prints it. */
export interface PeerEvent {
  readonly event:
    | 'member-joined'
    | 'member-lost'
    | PathEvent['event']
    | 'paused'
    | 'resumed'
    | 'foreign-mesh'
    | 'alone'
    | 'clone'
    | 'removed';
  readonly path?: string;
  /** BLAKE3 of the content. */
  readonly version?: string;
  /** Shown name of the peer it is about. */
  readonly peer?: string;
  readonly reason?: string;
}
