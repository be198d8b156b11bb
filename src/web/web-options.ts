import type { Session } from '../client/session.ts';
import type { RunningHash } from '../client/transfer.ts';
import type { Peer } from '../peer/peer.ts';
import type { Log } from '../platform/log.ts';

/** Where the page and its interface are to be found, as `up` was told. */
export interface WebPlace {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** How many ports behind that one are tried when it is taken; 0: that one or none. */
  readonly portsBehind: number;
  /** Private folder of the peer: uploads wait here until they are stored, and the certificate lies here. */
  readonly directory: string;
}

/** The peer whose page it is. */
export type WebPeer = Pick<
  Peer,
  | 'id'
  | 'name'
  | 'meshName'
  | 'meshId'
  | 'status'
  | 'peers'
  | 'onEvent'
  | 'onPaths'
  | 'people'
  | 'traffic'
  | 'othersTraffic'
  | 'accountOf'
>;

/** What the page works with, once the peer runs. */
export interface WebDuty {
  readonly peer: WebPeer;
  /** Makes a session with the mesh, with the rights of this machine's clients. It goes by this peer first. */
  openSession(): Promise<{ readonly session: Session; close(): Promise<void> }>;
  readonly newHash: () => RunningHash;
  /** The peer's. */
  readonly log: Log;
}
