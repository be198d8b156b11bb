import { createHash } from 'node:crypto';
import type { Fact } from '../../src/core/facts.ts';
import type { ContentHash } from '../../src/core/ids.ts';
import { greet } from '../../src/wire/greeting.ts';
import { parseMeshLine } from '../../src/wire/mesh-line.ts';
import { PipeLink } from '../../src/wire/pipe-link.ts';
import { Switchboard } from '../../src/wire/switchboard.ts';
import type { SimPlatform } from '../sim/sim-node.ts';
import { LINE, type SimMesh } from './sim-mesh.ts';

const NO_LOAD = { bytes: 0, capacity: 0, files: 0, incomingBytes: 0, incomingFiles: 0 };

/** One session of a client as far as membership sees it. */
export async function connect(mesh: SimMesh, { network, clock, log }: SimPlatform, address: string, line = LINE) {
  const switchboard = new Switchboard({ clock, log });
  const facts: Fact[] = [];
  switchboard.hear('facts', (note) => facts.push(...note.facts));
  const pipe = await mesh.settle(network.dial(address));
  const secrets = () => [{ generation: 1, secret: parseMeshLine(line).secret }];
  const greeting = { role: 'client' as const, instance: 'c'.repeat(16), secrets, standing: () => 'unknown' as const, clock };
  const link = new PipeLink(await mesh.settle(greet(pipe, greeting)), switchboard, { clock, log });
  const factsDigest = createHash('sha256').digest('hex') as ContentHash;
  const hello = { name: 'me', caughtUp: true, load: NO_LOAD, instance: 'c'.repeat(16), addresses: [], factsDigest };
  const { reply } = await mesh.settle(link.call('hello', hello));
  switchboard.add(link);
  return { switchboard, link, facts, reply };
}
