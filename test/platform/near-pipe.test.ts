import { createHash, randomBytes } from 'node:crypto';
import { MeshError } from '../../src/core/errors.ts';
import type { PeerId } from '../../src/core/ids.ts';
import type { Address, ListenOptions, Network } from '../../src/platform/network.ts';
import { nearPipes } from '../../src/platform/node/near-pipe.ts';
import { type NetworkWorld, runNetworkAcceptance } from './network-acceptance.ts';

/** Ends of one process, found by made-up addresses. */
function nearWorld(): NetworkWorld {
  const listening = new Map<Address, { id: PeerId; accept: ListenOptions['accept'] }>();
  let ports = 1000;
  const network = async (): Promise<Network> => {
    const selfId = createHash('sha256').update(randomBytes(8)).digest('hex') as PeerId;
    return {
      selfId,
      listen: async ({ accept }) => {
        const port = ports++;
        const address = `127.0.0.1:${port}`;
        listening.set(address, { id: selfId, accept });
        return { port, addresses: () => [address], close: async () => void listening.delete(address) };
      },
      dial: async (address, expected) => {
        const found = listening.get(address);
        if (found === undefined) throw new MeshError('unreachable', `nobody listens at ${address}`);
        if (expected !== undefined && expected !== found.id) throw new MeshError('not-allowed', 'another key answers there');
        const [near, far] = nearPipes({ id: selfId, address: '127.0.0.1:1' }, { id: found.id, address });
        found.accept(far, () => {});
        return near;
      },
    };
  };
  return {
    network,
    settle: (promise) => promise,
    deadAddress: async () => '127.0.0.1:1',
    silentAddress: async () => '127.0.0.1:2',
    close: async () => listening.clear(),
  };
}

runNetworkAcceptance('near pipes', async () => nearWorld());
