import { NodeClock } from '../../src/platform/node/node-clock.ts';
import { NodeDiscovery } from '../../src/platform/node/node-discovery.ts';
import { NodeRandom } from '../../src/platform/node/node-random.ts';
import { quietLog } from './quiet-log.ts';

/**
 * A process that announces on one interface until its standard input ends, then says goodbye.
 * Arguments: interface, instance, tag, port. Prints each sighting as a line of JSON.
 */
const [one = '', instance = '', tag = '', port = ''] = process.argv.slice(2);
const discovery = new NodeDiscovery({ interfaces: [one], clock: new NodeClock(), random: new NodeRandom(), log: quietLog });
await discovery.browse((sighting) => process.stdout.write(`${JSON.stringify(sighting)}\n`));
await discovery.announce({ instance, tag, port: Number(port) });
process.stdin.on('end', () => {
  discovery.close().catch((error: unknown) => {
    process.exitCode = 1;
    process.stderr.write(`${String(error)}\n`);
  });
});
process.stdin.resume();
