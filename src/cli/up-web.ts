import { makeClient } from '../client/client.ts';
import { MeshMemory } from '../client/mesh-memory.ts';
import type { PeerId } from '../core/ids.ts';
import type { Peer } from '../peer/peer.ts';
import type { Log } from '../platform/log.ts';
import type { Address, Pipe } from '../platform/network.ts';
import { nearPipes } from '../platform/node/near-pipe.ts';
import type { ClientPlatform } from '../platform/platform.ts';
import { clientPlatform } from './client-platform.ts';
import type { Home } from './home.ts';
import { newRunningHash } from './running-hash.ts';
import type { PeerPlaces } from './up-folder.ts';
import type { UpSettings } from './up-settings.ts';
import type { UpView } from './up-view.ts';
import type { Doors, WebListener } from './web-door.ts';

/** The one port of the page; the next free one when it is taken. */
export const HTTP_PORT_DEFAULT = 4780;
const HOST_DEFAULT = '127.0.0.1';
/** Where the peer sees the page's sessions come from. */
const NEAR_ADDRESS = '127.0.0.1:0';
/** Ports tried behind it: as many peers as run on one machine. */
const PORTS_BEHIND = 100;
/** How long a request of the page waits for a peer that answers. */
const TIMEOUT_MS = 10_000;

/** Listens for the page where `up` was told; undefined: nowhere. That no usual port is free is told, and ends nothing. */
export async function listenForPage(
  doors: Doors,
  { http }: UpSettings,
  places: PeerPlaces,
  view: UpView,
): Promise<WebListener | undefined> {
  if (http === 'off') return undefined;
  const { listenWeb } = await doors.web();
  const directory = places.identityDirectory;
  if (http !== undefined) return await listenWeb({ ...http, portsBehind: 0, directory });
  try {
    return await listenWeb({ host: HOST_DEFAULT, port: HTTP_PORT_DEFAULT, portsBehind: PORTS_BEHIND, directory });
  } catch (thrown) {
    view.note((thrown as Error).message);
    return undefined;
  }
}

/** What the page is served with. */
export interface PageServing {
  readonly peer: Peer;
  readonly home: Home;
  readonly log: Log;
  /** The join line, and where this peer is dialled, as they are now. */
  readonly line: () => string;
  readonly addresses: () => string[];
}

/** Lets the page work with this peer: by sessions that have the rights of this machine's clients. */
export function servePage(listener: WebListener, { peer, home, log, line, addresses }: PageServing): void {
  listener.serve({
    peer,
    log,
    newHash: newRunningHash,
    openSession: async () => {
      const { session } = makeClient({
        platform: nearTo(peer, await clientPlatform(home.identityDirectory, undefined), addresses),
        memory: new MeshMemory({ line: line(), facts: [] }),
        name: `page of ${peer.name}`.slice(0, 64),
        given: addresses().slice(0, 1),
        remembered: peer.peers().peers.flatMap(({ address }) => address ?? []),
        lookUp: () => home.addresses(line()),
        timeoutMs: TIMEOUT_MS,
      });
      return { session, close: () => session.close() };
    },
  });
}

/** The platform of a client that reaches this peer without a socket: bytes of files are not encrypted to leave this process and come back. */
function nearTo(peer: Peer, platform: ClientPlatform, addresses: () => readonly Address[]): ClientPlatform {
  const { network } = platform;
  const dial = async (address: Address, expected?: PeerId): Promise<Pipe> => {
    const isNear = addresses().includes(address) && (expected === undefined || expected === peer.id);
    if (!isNear) return await network.dial(address, expected);
    const [near, far] = nearPipes({ id: network.selfId, address: NEAR_ADDRESS }, { id: peer.id, address });
    peer.accept(far);
    return near;
  };
  return { ...platform, network: { selfId: network.selfId, listen: (options) => network.listen(options), dial } };
}
