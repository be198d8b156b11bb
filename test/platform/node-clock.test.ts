import { NodeClock } from '../../src/platform/node/node-clock.ts';
import { runClockAcceptance } from './clock-acceptance.ts';

runClockAcceptance('node', async () => {
  const clock = new NodeClock();
  return { clock, pass: (ms) => new Promise((resolve) => clock.after(ms, resolve)) };
});
