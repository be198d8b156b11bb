import { NodeClock } from '../platform/node/node-clock.ts';
import { NodeDiscovery } from '../platform/node/node-discovery.ts';
import { openNodeDisk } from '../platform/node/node-disk.ts';
import { NodeHasher } from '../platform/node/node-hasher.ts';
import { loadIdentity } from '../platform/node/node-identity.ts';
import { type LogLevel, openNodeLog } from '../platform/node/node-log.ts';
import { NodeNetwork } from '../platform/node/node-network.ts';
import { NodeRandom } from '../platform/node/node-random.ts';
import { openNodeStore } from '../platform/node/node-store.ts';
import type { Platform } from '../platform/platform.ts';
import type { PeerPlaces } from './up-folder.ts';

/** The real outside of a peer. The store is the peer's to close. */
export interface PeerPlatform {
  readonly platform: Platform;
  /** Ends what the peer does not: threads and the log. */
  close(): Promise<void>;
}

/** Opens everything. `interfaces` empty: all. Rejects with `failed` when another peer has the folder. */
export async function openPeerPlatform(
  places: PeerPlaces,
  interfaces: readonly string[],
  errorLevel: LogLevel,
): Promise<PeerPlatform> {
  // First, for it is the folder's lock: nothing else is touched while another peer has it.
  const store = await openNodeStore(places.storeFile);
  const log = openNodeLog({ file: places.logFile, standardError: errorLevel });
  const hasher = new NodeHasher();
  const close = async (): Promise<void> => {
    await hasher.close();
    await log.close();
  };
  try {
    const identity = await loadIdentity(places.identityDirectory);
    const clock = new NodeClock();
    const random = new NodeRandom();
    const chosen = interfaces.length === 0 ? undefined : interfaces;
    const network = new NodeNetwork({ identity, log, interfaces: chosen });
    const discovery = new NodeDiscovery({ clock, random, log, interfaces: chosen });
    const disk = await openNodeDisk(places.folder);
    return { platform: { clock, random, network, discovery, disk, store, hasher, log }, close };
  } catch (thrown) {
    await store.close();
    await close();
    throw thrown;
  }
}
