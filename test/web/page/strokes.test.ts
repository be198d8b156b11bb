import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { strokeOf } from '../../../src/web/page/parts/strokes.ts';

const built = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'dist', 'page', 'assets');

describe('an icon', () => {
  it('is drawn in one stroke, part by part', () => {
    expect(strokeOf([['path', { d: 'm21 15-3-3' }]])).toBe('M0 0m21 15-3-3');
    expect(strokeOf([['line', { x1: '12', x2: '12', y1: '8', y2: '12' }]])).toBe('M12 8L12 12');
    expect(strokeOf([['circle', { cx: '11', cy: '12', r: '8' }]])).toBe('M3 12a8 8 0 1 0 16 0a8 8 0 1 0 -16 0z');
    expect(strokeOf([['rect', { x: '3', y: '4', width: '18', height: '16', rx: '2' }]])).toBe(
      'M5 4h14a2 2 0 0 1 2 2v12a2 2 0 0 1 -2 2h-14a2 2 0 0 1 -2 -2v-12a2 2 0 0 1 2 -2z',
    );
    expect(
      strokeOf([
        ['path', { d: 'M1 2h3' }],
        ['path', { d: 'm5 6v7' }],
      ]),
    ).toBe('M0 0M1 2h3M0 0m5 6v7');
    expect(() => strokeOf([['text', {}]])).toThrow('text');
  });

  it.skipIf(!existsSync(built))('is drawn so in the page as built (skipped: make build was not run)', () => {
    const scripts = readdirSync(built).filter((name) => name.endsWith('.js'));
    const text = scripts.map((name) => readFileSync(join(built, name), 'utf8')).join();
    expect(text).toContain('which is not drawn here');
    expect(text).not.toContain('lucide-icon');
  });
});
