import type { Catalog } from '../catalog/catalog.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Discovery } from '../platform/discovery.ts';
import type { Log } from '../platform/log.ts';
import type { Address, Network } from '../platform/network.ts';
import type { Random } from '../platform/random.ts';
import type { Store } from '../platform/store.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import type { FolderReport } from './presence.ts';

/** What the assembly is told, to say it aloud. Each is called at most once an event; none may throw. */
interface MembershipEvents {
  /** Peers of other meshes seen so far: each time one more is. */
  onForeignMesh(peerCount: number): void;
  /** No peer was met in the first ALONE_MS. */
  onAlone(): void;
  /** A peer came or went; `name` as it is shown. */
  onMember(event: 'joined' | 'lost', peer: PeerId, name: string): void;
  /** Two running processes have this identity. */
  onClone(peer: PeerId): void;
  /** This peer was removed from its mesh: nobody talks to it any more. */
  onRemoved(): void;
}

export interface MembershipConfig {
  readonly name: string;
  /** Of a new mesh. */
  readonly meshName: string;
  /** `| undefined` too: the assembly hands on what it was given. */
  readonly join?: string | undefined;
  readonly port: number;
  /** Where the page of this peer is: told to the others. */
  readonly http?: string | undefined;
  readonly peers: readonly Address[];
  /** Wanted copies, if this peer was told; counts only when it enters a mesh. */
  readonly replicas?: number | undefined;
}

export interface MembershipOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly discovery: Discovery;
  readonly log: Log;
  readonly store: Pick<Store, 'range'>;
  readonly switchboard: Switchboard;
  readonly catalog: Catalog;
  readonly config: MembershipConfig;
  readonly folderState: () => FolderReport;
  readonly events: MembershipEvents;
}
