import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

/** Of the whole page, as it travels. */
const PAGE_BYTES_MAX = 150_000;
const source = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'src', 'web', 'page');
const built = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'dist', 'page');

describe('the page', () => {
  it('draws no text as markup: names and messages may be anybody’s', () => {
    const parts = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(svelte|ts)$/.test(name));
    expect(parts.length).toBeGreaterThan(40);
    for (const name of parts)
      expect(readFileSync(join(source, name), 'utf8'), name).not.toMatch(
        /\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write/,
      );
  });
});

describe.skipIf(!existsSync(join(built, 'index.html')))('the page as built (skipped: make build was not run)', () => {
  const files = existsSync(built)
    ? readdirSync(built, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => ({ name: entry.name, text: readFileSync(join(entry.parentPath, entry.name), 'latin1') }))
    : [];

  it(`is at most ${PAGE_BYTES_MAX} bytes, packed, in all`, () => {
    const bytes = files.reduce((sum, file) => sum + gzipSync(Buffer.from(file.text, 'latin1')).length, 0);
    expect(bytes).toBeGreaterThan(1000);
    expect(bytes).toBeLessThanOrEqual(PAGE_BYTES_MAX);
  });

  it('takes nothing from elsewhere, and has nothing inline that its policy forbids', () => {
    const index = readFileSync(join(built, 'index.html'), 'utf8');
    expect([...index.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, target]) => target)).toSatisfy((targets: string[]) =>
      targets.every((target) => /^\/[a-z]/.test(target)),
    );
    expect(index).not.toMatch(/<style|<script(?![^>]*src=)| style=| on[a-z]+=/);
    // Only styles load by `url()`; addresses in scripts are names of kinds of markup, and what Svelte's errors point to.
    for (const { name, text } of files) {
      expect(text, name).not.toMatch(
        name.endsWith('.css') ? /url\(|@import|https?:/ : /https?:\/\/(?!www\.w3\.org|svelte\.dev|\$)/,
      );
    }
  });
});
