import { runDiskAcceptance } from './disk-acceptance.ts';
import { NodeBench, ThreadBench } from './node-bench.ts';

runDiskAcceptance('node', NodeBench.make);
runDiskAcceptance('node, in a thread', ThreadBench.make);
