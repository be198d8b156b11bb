import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';

/**
 * What every client reads while it starts, and what that needs in turn: of some fifty packages, in one file with our own. And
 * what makes a certificate, at the first start of a peer: of some twenty packages.
 */
const TAKEN_IN = ['@scure/base', '@scure/bip39', 'cli-table3', 'env-paths', 'yargs', 'zod', '@peculiar/x509', 'reflect-metadata'];

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };

/** What the demonstration takes of the program. */
const DEMO = {
  errors: 'src/core/errors.ts',
  'mesh-line': 'src/wire/mesh-line.ts',
  'node-random': 'src/platform/node/node-random.ts',
  screen: 'src/cli/screen.ts',
  shell: 'src/cli/shell.ts',
};

/**
 * yargs lays its own help out in columns at every start. It is never shown, for ours is; and what measures its letters begins
 * with tables of the whole of Unicode, a tenth of what a client needs until it acts. So it gets columns that keep nothing.
 */
const NOT_SHOWN: Readonly<Record<string, string>> = {
  cliui: "export default () => ({ div: () => {}, span: () => {}, toString: () => '' });",
  'string-width': 'export default (text) => text.length;',
};
const noHelpOfYargs: Plugin = {
  name: 'no-help-of-yargs',
  enforce: 'pre',
  resolveId: (source, importer) =>
    source in NOT_SHOWN && /\/node_modules\/yargs\/lib\//.test(importer ?? '') ? `\0not-shown:${source}` : undefined,
  load: (id) => (id.startsWith('\0not-shown:') ? NOT_SHOWN[id.slice('\0not-shown:'.length)] : undefined),
};

/** The program: built from src to dist/program. All of it lies two folders below dist, as its sources do below the project. */
export default defineConfig({
  plugins: [noHelpOfYargs],
  build: {
    ssr: true,
    outDir: 'dist/program/code',
    emptyOutDir: true,
    target: 'node20',
    minify: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: {
        main: 'src/main.ts',
        'disk-worker': 'src/platform/node/disk-worker.ts',
        'hasher-worker': 'src/platform/node/hasher-worker.ts',
        'store-worker': 'src/platform/node/store-worker.ts',
        ...DEMO,
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      checks: { pluginTimings: false },
    },
  },
  ssr: { target: 'node', noExternal: true, external: Object.keys(dependencies).filter((name) => !TAKEN_IN.includes(name)) },
});
