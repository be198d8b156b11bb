import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

const at = (file: string): string => fileURLToPath(new URL(`src/web/page/${file}`, import.meta.url));

/** Lucide draws its icons element by element, which took a third of the time until the page could be worked with: ours draws the same in one stroke. */
const ICON = at('parts/icon.svelte');
const icons: Plugin = {
  name: 'icons-in-one-stroke',
  enforce: 'pre',
  resolveId: (source, importer) =>
    source === '../Icon.svelte' && importer?.includes('/@lucide/svelte/dist/') === true ? ICON : undefined,
};

/** The page: built from src/web/page to dist/page, from where every peer serves it. Nothing is inlined: its policy forbids that. */
export default defineConfig({
  root: 'src/web/page',
  plugins: [icons, svelte({ configFile: false, compilerOptions: { runes: true } })],
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: 'es2022',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: { index: at('index.html'), lookout: at('lookout-worker.ts') },
      // It is asked for by that name, for it is not for everybody.
      output: { entryFileNames: ({ name }) => (name === 'lookout' ? 'lookout.js' : 'assets/[name]-[hash].js') },
      // Of no use to whoever builds.
      checks: { pluginTimings: false },
    },
  },
});
