import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shapesOf } from '../../src/wire/call-shapes.ts';
import { CALLS } from '../../src/wire/calls.ts';
import { hex } from '../core/histories.ts';

const [id, hash, version] = [hex(64, 7), hex(64, 8), `${hex(16, 1)}:12`];
const trail = [{ writer: hex(16, 1), first: 1 }];
const items = [
  { path: 'a/b', hash, version, size: 4_096 },
  { path: 'ü', hash, version, size: 0 },
];
const records = [
  { sequence: 1, path: 'a/b', holding: 'all', bytes: 170 },
  { sequence: 2, path: 'c', holding: 'none', bytes: 1 },
  { sequence: 3, path: 'ü', holding: { mask: 'f'.repeat(16) }, bytes: 8_192 },
];
const more = { index: id, trail, after: 0, upTo: 3, whole: false, last: true };
const good = {
  delta: { ask: { ...more, records, versions: new Uint8Array(8) }, reply: { taken: true } },
  'place-many': { ask: { items, holders: [id] }, reply: { declined: [{ item: 1, code: 'full' }], late: [0] } },
  'read-many': { ask: { items: items.map(({ path }) => ({ path, hash })) }, reply: { sizes: [4_096, -1] } },
} as const;

/** What may stand in the place of something right. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    'all',
    'a/b',
    '/a',
    'u\u0308',
    'a\0',
    '\ud800',
    'x'.repeat(1_025),
    hash.toUpperCase(),
  ),
  fc.constantFrom<unknown>(0, -0, 1, -1, 0.5, 127, 128, 8_192, 8_193, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '1', true),
  fc.constantFrom<unknown>(
    [],
    {},
    { mask: 'F'.repeat(16) },
    { mask: hex(16, 5), more: 1 },
    new Array(1_001).fill(0),
    trail,
    records,
  ),
  fc.jsonValue(),
);
const change = fc.record({ at: fc.nat(), what: anything, how: fc.constantFrom('set', 'take away', 'put beside') });

/** All lists and maps of a value, itself included. */
function insideOf(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  return [value as Record<string, unknown>, ...Object.values(value).flatMap(insideOf)];
}

function changed(value: unknown, changes: readonly { at: number; what: unknown; how: string }[]): unknown {
  const copy = structuredClone(value);
  for (const { at, what, how } of changes) {
    const places = insideOf(copy).flatMap((inside) => Object.keys(inside).map((key) => [inside, key] as const));
    const place = places[at % places.length];
    if (place === undefined) continue;
    const [inside, key] = place;
    if (how === 'set') inside[key] = structuredClone(what);
    else if (how === 'put beside') inside[`${key}Later`] = structuredClone(what);
    else delete inside[key];
  }
  return copy;
}

test.each(['delta', 'place-many', 'read-many'] as const)('the shapes of %s say compiled what they say as they are', (name) => {
  for (const side of ['ask', 'reply'] as const) {
    const [plain, compiled] = [CALLS[name][side], shapesOf(name)[side]];
    expect(compiled).not.toBe(plain);
    expect(compiled.safeParse(good[name][side])).toEqual({ success: true, data: good[name][side] });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), (changes) => {
        const value = changed(good[name][side], changes);
        const [expected, told] = [plain.safeParse(structuredClone(value)), compiled.safeParse(value)];
        expect(told.success).toBe(expected.success);
        expect(told.data).toEqual(expected.data);
        expect(told.error?.issues[0]?.path).toEqual(expected.error?.issues[0]?.path);
      }),
      { numRuns: 400 },
    );
  }
});

test('the shapes of other calls are left as they are', () => {
  expect(shapesOf('read')).toBe(CALLS.read);
});
