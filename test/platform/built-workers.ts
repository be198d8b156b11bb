import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'vite';

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const NAMES = ['disk-worker', 'hasher-worker', 'store-worker'];
const STARTER = '/src/platform/node/worker-thread.ts';

let built: Promise<string> | undefined;

/**
 * Workers are started from compiled files, as in the built program: a thread that first reads the sources takes a second of
 * a core to come up, and tests start hundreds. They are compiled of the sources as they are when the first test needs one.
 */
export function builtWorkers(): Plugin {
  return {
    name: 'built-workers',
    enforce: 'pre',
    transform: async (code, id) => {
      if (!id.endsWith(STARTER)) return undefined;
      built ??= compiled();
      return { code: code.replaceAll('import.meta.url', JSON.stringify(await built)), map: null };
    },
  };
}

/** Resolves with where the file that starts workers would be, beside them. */
async function compiled(): Promise<string> {
  const cache = join(project, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'workers-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  await build({
    root: project,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: true,
      outDir: folder,
      target: 'node20',
      rolldownOptions: {
        input: Object.fromEntries(NAMES.map((name) => [name, join(project, 'src/platform/node', `${name}.ts`)])),
        output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      },
    },
  });
  return pathToFileURL(join(folder, 'worker-thread.js')).href;
}
