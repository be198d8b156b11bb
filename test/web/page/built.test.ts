import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

/** Of the whole page, as it travels. */
const PAGE_BYTES_MAX = 150_000;
const built = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'dist', 'page');

describe.skipIf(!existsSync(join(built, 'index.html')))('the page as built (skipped: make build was not run)', () => {
  const files = existsSync(built)
    ? readdirSync(built, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
    : [];

  it(`is at most ${PAGE_BYTES_MAX} bytes, packed, in all`, () => {
    const bytes = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
    expect(bytes).toBeGreaterThan(1000);
    expect(bytes).toBeLessThanOrEqual(PAGE_BYTES_MAX);
  });

  it('takes nothing from elsewhere, and has nothing inline that its policy forbids', () => {
    const index = readFileSync(join(built, 'index.html'), 'utf8');
    expect([...index.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, target]) => target)).toSatisfy((targets: string[]) =>
      targets.every((target) => /^\/[a-z]/.test(target)),
    );
    expect(index).not.toMatch(/<style|<script(?![^>]*src=)| style=| on[a-z]+=/);
    for (const file of files)
      expect(file.toString('latin1')).not.toMatch(
        /url\((?!['"]?\/assets)|@import|https?:\/\/(?!www\.w3\.org|svelte\.dev|\$|127)/,
      );
  });
});
