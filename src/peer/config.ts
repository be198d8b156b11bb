import type { PlacementRule } from '../core/placement.ts';
import type { Address } from '../platform/network.ts';

/** What `up` was told, checked and in units. */
export interface PeerConfig {
  /** Shown name of this peer. */
  readonly name: string;
  /** Name for a new mesh, when this peer begins one. */
  readonly meshName: string;
  /** Join line to be admitted with; absent: the mesh remembered in the store, else a new one. */
  readonly join?: string;
  /** Port asked for; the next free one when taken. */
  readonly port: number;
  /** Where the page of this peer is: scheme, host and port, told to the others; absent: it serves none. */
  readonly http?: string;
  /** Peers named by hand. */
  readonly peers: readonly Address[];
  /** Wanted copies, when this peer enters a mesh; 1…16. Absent: what the mesh has, or REPLICAS_DEFAULT. */
  readonly replicas?: number;
  /** Bytes offered; undefined: all but a tenth of the disk. A share (0…1) of the disk, or bytes. */
  readonly capacity?: { readonly bytes: number } | { readonly share: number };
  /** Bytes of file data a second that it sends, and takes in, at most; 65,536 or more. Absent: as many as it can. */
  readonly limitUp?: number;
  readonly limitDown?: number;
  readonly settleMs: number;
  readonly healAfterMs: number;
  readonly placement: PlacementRule;
  /** ms between whole scans of the folder when hints work. */
  readonly scanEveryMs: number;
  /** See FolderConfig. */
  readonly smallBytesMax?: number;
  readonly chunkedBytesMin?: number;
  /** See Placing. */
  readonly stripeBytesMin?: number;
  readonly stripeOverBytes?: number;
}
