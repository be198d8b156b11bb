import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** The page: built from src/web/page to dist/page, from where every peer serves it. Nothing is inlined: its policy forbids that. */
export default defineConfig({
  root: 'src/web/page',
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
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
