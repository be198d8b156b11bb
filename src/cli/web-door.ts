import type { Session } from '../client/session.ts';
import type { RunningHash } from '../client/transfer.ts';
import type { Peer } from '../peer/peer.ts';
import type { Log } from '../platform/log.ts';

/** The room that serves the page, as `up` needs it: handed in by main, for rooms of one floor do not know each other. */
interface WebDoor {
  /** Takes the place. Rejects with `failed` when it cannot be had. `portsBehind`: how many more ports are tried when that one is taken. */
  listenWeb(place: {
    readonly host: string;
    readonly port: number;
    readonly portsBehind: number;
    readonly directory: string;
  }): Promise<WebListener>;
}

/** The page's open door. */
export interface WebListener {
  /** Scheme, host and port. */
  readonly url: string;
  serve(duty: {
    readonly peer: Peer;
    openSession(): Promise<{ readonly session: Session; close(): Promise<void> }>;
    readonly newHash: () => RunningHash;
    readonly log: Log;
  }): void;
  close(): Promise<void>;
}

/** What main hands in: loaded when it is needed. */
export interface Doors {
  readonly web: () => Promise<WebDoor>;
}
