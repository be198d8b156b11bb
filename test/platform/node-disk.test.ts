import { runDiskAcceptance } from './disk-acceptance.ts';
import { NodeBench } from './node-bench.ts';

runDiskAcceptance('node', NodeBench.make);
