// Put before a peer with `node -r`: watches its event loop, and writes what it saw to the file BENCH_STALLS on SIGUSR2.
const { isMainThread } = require('node:worker_threads');
if (isMainThread && process.env.BENCH_STALLS) {
  const { monitorEventLoopDelay } = require('node:perf_hooks');
  const { writeFileSync } = require('node:fs');
  const RESOLUTION_MS = 20;
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  process.on('SIGUSR2', () => {
    const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    const stalls = { p99Ms: ms(delays.percentile(99)), p999Ms: ms(delays.percentile(99.9)), maxMs: ms(delays.max) };
    writeFileSync(process.env.BENCH_STALLS, JSON.stringify(stalls));
    delays.reset();
  });
}
