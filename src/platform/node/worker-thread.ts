import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

/** Short-lived memory of a worker, in MB: its messages are small, and the default of 48 would be taken in full. Range 1–48. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 };

/**
 * Starts the worker `name` of this folder. Its file ends as this one does: `.js` when compiled, `.ts` when the sources
 * run as they are (tests, `tsx`).
 */
export function startWorker(name: string, workerData?: unknown): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL(`./${name}.js`, import.meta.url), { workerData, resourceLimits });
  // Node 20 reads no TypeScript, and does not run `--import` in a worker: there tsx is put in by a first line of code.
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  const tsx = JSON.stringify(new URL('./esm/api/index.mjs', loader));
  const file = JSON.stringify(new URL(`./${name}.ts`, import.meta.url));
  const first = `import(${tsx}).then(({ register }) => { register(); return import(${file}); })`;
  return new Worker(first, { eval: true, workerData, execArgv: [], resourceLimits });
}
