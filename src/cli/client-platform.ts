import type { Log } from '../platform/log.ts';
import { NodeClock } from '../platform/node/node-clock.ts';
import { NodeHasher } from '../platform/node/node-hasher.ts';
import { loadIdentity } from '../platform/node/node-identity.ts';
import { NodeNetwork } from '../platform/node/node-network.ts';
import { NodeRandom } from '../platform/node/node-random.ts';
import type { ClientPlatform } from '../platform/platform.ts';
import { LateDiscovery } from './late-discovery.ts';

/** A client's user reads what it says, not a log. */
const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The real outside of a client. `interfaces`: for multicast; undefined: all. */
export async function clientPlatform(
  identityDirectory: string,
  interfaces: readonly string[] | undefined,
): Promise<ClientPlatform> {
  const identity = await loadIdentity(identityDirectory);
  const clock = new NodeClock();
  const random = new NodeRandom();
  return {
    clock,
    random,
    network: new NodeNetwork({ identity, log: SILENT }),
    discovery: new LateDiscovery({ clock, random, log: SILENT, interfaces }),
    hasher: new NodeHasher(),
    log: SILENT,
  };
}
