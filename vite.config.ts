import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

/** Lucide draws its icons element by element, which took a third of the time until the page could be worked with: ours draws the same in one stroke. */
const ICON = fileURLToPath(new URL('src/web/page/parts/icon.svelte', import.meta.url));
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
    // Of no use to whoever builds.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
