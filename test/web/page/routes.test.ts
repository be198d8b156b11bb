import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handoverOf, handoverUrl } from '../../../src/web/page/handover.ts';
import { hashOf, type Route, routeOf } from '../../../src/web/page/routes.ts';

const name = fc
  .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
  .filter((text) => !text.includes('/') && text.isWellFormed());
const folder = fc.array(name, { maxLength: 4 }).map((parts) => parts.join('/'));
const route: fc.Arbitrary<Route> = fc.oneof(
  folder.map((path) => ({ view: 'files' as const, folder: path })),
  fc.record({ folder, open: name, search: name }).map((parts) => ({ view: 'files' as const, ...parts })),
  folder.map((path) => ({ view: 'files' as const, folder: path, show: 'deleted' as const })),
  fc
    .record({ open: name, at: fc.integer({ min: 1, max: 9999 }) })
    .map((parts) => ({ view: 'files' as const, folder: '', ...parts })),
  name.map((file) => ({ view: 'mesh' as const, file })),
  fc.constant({ view: 'people' as const, part: 'rights' as const }),
  name.map((path) => ({ view: 'people' as const, part: 'rights' as const, path })),
);

describe('an address of the page', () => {
  it('brings back the very place it was made of, whatever the names', () => {
    fc.assert(
      fc.property(route, (place) => {
        expect(routeOf(hashOf(place))).toEqual(place);
      }),
    );
  });

  it('is the files when it makes no sense', () => {
    for (const hash of ['', '#', '#/', '#/nowhere', '#/files?at=soon', '#/files/?show=all', '#/files/%']) {
      expect(routeOf(hash).view, hash).toBe('files');
    }
    expect(routeOf('#/people/nobody')).toEqual({ view: 'people', part: 'accounts' });
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => routeOf(text) !== undefined));
  });
});

describe('what goes along to another peer', () => {
  const handover = { unfinished: [{ path: 'a/ü &?.txt', size: 12, modified: 1_700_000_000_000 }] };

  it('arrives there, at the same place', () => {
    fc.assert(
      fc.property(route, (place) => {
        const hash = new URL(handoverUrl('http://127.0.0.1:4781', place, handover)).hash;
        expect(handoverOf(hash)).toEqual(handover);
        expect(routeOf(hash)).toEqual(place);
      }),
    );
  });

  it('is cut to what an address takes', () => {
    const unfinished = Array.from({ length: 500 }, (_, index) => ({ path: `${'x'.repeat(900)}${index}`, size: 1, modified: 1 }));
    const url = handoverUrl('http://127.0.0.1:4781', { view: 'mesh' }, { unfinished });
    expect(url.length).toBeLessThan(31_000);
    expect(handoverOf(new URL(url).hash)?.unfinished.length).toBeGreaterThan(20);
  });

  it('is no login: whoever makes such an address logs nobody in', () => {
    const forged = { unfinished: [], token: 'secret', from: 'alpha' };
    expect(handoverOf(`#/files?handover=${encodeURIComponent(JSON.stringify(forged))}`)).toEqual({ unfinished: [] });
    const login = { ...handover, token: 'secret' };
    expect(handoverUrl('http://127.0.0.1:4781', { view: 'mesh' }, login)).not.toContain('secret');
  });

  it('is nothing when it is no such thing', () => {
    for (const text of ['nonsense', '[]', 'null', '{}', '{"unfinished":{}}']) {
      expect(handoverOf(`#/files?handover=${encodeURIComponent(text)}`), text).toBeUndefined();
    }
    const odd = { unfinished: [{ path: 1, size: 2, modified: 3 }, null, { path: '', size: 1, modified: 1 }] };
    expect(handoverOf(`#/files?handover=${encodeURIComponent(JSON.stringify(odd))}`)?.unfinished).toEqual([]);
  });
});
