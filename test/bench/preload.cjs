// Put before a peer with `node -r`: watches its event loop, and writes what it saw to the file BENCH_STALLS on SIGUSR2.
const { isMainThread } = require('node:worker_threads');
if (isMainThread && process.env.BENCH_STALLS) {
  const { createHistogram, performance } = require('node:perf_hooks');
  const { readFileSync, writeFileSync } = require('node:fs');
  const EVERY_MS = 20;
  // Linux tells how long a thread that could run waited for a core: what other processes took is no block of this one.
  const waitedMs = () => {
    try {
      return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;
    } catch {
      return 0;
    }
  };
  const own = createHistogram();
  let longest = 0;
  let last = performance.now();
  let lastWaited = waitedMs();
  const look = () => {
    const now = performance.now();
    const waited = waitedMs();
    const lateMs = Math.max(0, now - last - EVERY_MS);
    longest = Math.max(longest, lateMs);
    own.record(1 + Math.round(1000 * Math.max(0, lateMs - (waited - lastWaited))));
    last = now;
    lastWaited = waited;
    setTimeout(look, EVERY_MS).unref();
  };
  setTimeout(look, EVERY_MS).unref();
  process.on('SIGUSR2', () => {
    const ms = (microseconds) => microseconds / 1000;
    const stalls = { p99Ms: ms(own.percentile(99)), p999Ms: ms(own.percentile(99.9)), maxMs: ms(own.max), withWaitMs: longest };
    writeFileSync(process.env.BENCH_STALLS, JSON.stringify(stalls));
    own.reset();
    longest = 0;
  });
}
