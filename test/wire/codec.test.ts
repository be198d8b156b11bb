import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { FilePath, PeerId } from '../../src/core/ids.ts';
import { CALLS, DELTA_RECORDS_MAX } from '../../src/wire/calls.ts';
import {
  decode,
  encode,
  encodedBytes,
  HEAD_BYTES_MAX,
  HEAD_DEPTH_MAX,
  HEAD_ITEMS_MAX,
  scan,
  validate,
} from '../../src/wire/codec.ts';

const refused = (head: Uint8Array | readonly number[]) => {
  const bytes = Uint8Array.from(head);
  expect(() => decode(bytes)).toThrow(expect.objectContaining({ code: 'protocol' }));
};

/** What a message may hold. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    // The codec tells no -0 from 0.
    fc.double({ noNaN: true }).map((given) => given + 0),
    fc.string({ unit: 'binary' }),
    fc.array(tie('any'), { maxLength: 20 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('any'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).any;

describe('codec', () => {
  test('what is encoded decodes to the same', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(decode(encode(given))).toEqual(given);
      }),
    );
  });

  test('members that are undefined are left out', () => {
    expect(decode(encode({ a: 1, b: undefined, c: [{ d: undefined }] }))).toEqual({ a: 1, c: [{}] });
  });

  test('bytes are copied, not lent', () => {
    const head = Uint8Array.from(encode({ bytes: Uint8Array.of(1, 2, 3) }));
    const decoded = decode(head) as { bytes: Uint8Array };
    head.fill(0xff);
    expect([...decoded.bytes]).toEqual([1, 2, 3]);
  });

  test('a head is measured before it is sent', () => {
    expect(encodedBytes('x'.repeat(1_000))).toBe(1_003);
  });

  test('random bytes decode or are refused with protocol, and never do harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(bytes);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'protocol' });
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('a cut message is refused at every place', () => {
    const whole = Uint8Array.from(encode(['name', { list: [1, 2.5, 'text', 'x'.repeat(40), 70_000], flag: true, none: null }]));
    for (let length = 0; length < whole.length; length++) refused(whole.subarray(0, length));
    refused([...whole, 0xc0]);
  });
});

describe('codec: frames as bombs (pitfall 26)', () => {
  test('one byte an item: 256 KiB of empty maps', () => {
    const bomb = new Uint8Array(HEAD_BYTES_MAX).fill(0x80);
    bomb.set([0xdd, 0x00, 0x03, 0xff, 0xfb]);
    refused(bomb);
  });

  test('as many items as allowed, and one more', () => {
    const list = (count: number) =>
      Uint8Array.from([0xdd, 0, count >> 16, (count >> 8) & 255, count & 255, ...new Array(count).fill(0x80)]);
    expect(decode(list(HEAD_ITEMS_MAX - 1))).toHaveLength(HEAD_ITEMS_MAX - 1);
    refused(list(HEAD_ITEMS_MAX));
  });

  test('deep nesting', () => {
    const nested = (depth: number) => Uint8Array.from([...new Array(depth).fill(0x91), 0xc0]);
    expect(() => decode(nested(HEAD_DEPTH_MAX))).not.toThrow();
    refused(nested(HEAD_DEPTH_MAX + 1));
    refused(nested(100_000));
    refused([...new Array(HEAD_DEPTH_MAX).fill([0x81, 0xa1, 0x61]).flat(), 0x81, 0xa1, 0x61, 0xc0]);
  });

  test.each([
    ['list32 of 4 billion', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['list16 of 65,535', [0xdc, 0xff, 0xff, 0x01]],
    ['map32 of 4 billion', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['map16 of 65,535', [0xde, 0xff, 0xff, 0xa1, 0x61, 0x01]],
    ['map of two in three bytes', [0x82, 0xa1, 0x61, 0x01]],
    ['text32 of 4 GiB', [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ['text16', [0xda, 0xff, 0xff, 0x61]],
    ['bytes32 of 4 GiB', [0xc6, 0xff, 0xff, 0xff, 0xff, 0x00]],
    ['float64 of three bytes', [0xcb, 0, 0, 0]],
    ['a length field that is cut', [0xdb, 0xff]],
    ['nothing at all', []],
  ])('a declared length beyond the bytes present: %s', (_name, head) => refused(head));

  test.each([
    ['timestamp', [0xd6, 0xff, 0, 0, 0, 0]],
    ['undefined of msgpackr', [0xd4, 0x00, 0x00]],
    ['RegExp of msgpackr', [0xc7, 0x03, 0x78, 0x92, 0x90, 0x90]],
    ['record definition of msgpackr', [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01]],
    ['ext32', [0xc9, 0, 0, 0, 1, 0x01, 0x00]],
    ['the reserved byte', [0xc1]],
  ])('extension types: %s', (_name, head) => refused(head));

  test('what the codec can encode of foreign types is refused on the other side', () => {
    const loose = new Packr({ moreTypes: true, structuredClone: true, useRecords: true });
    for (const given of [new Date(0), /a/, new Set([1]), new Error('x'), { a: 1 }, [undefined]]) refused(loose.pack(given));
  });

  test('prototype pollution', () => {
    refused(encode(JSON.parse('{"__proto__": {"polluted": true}}')));
    refused(encode([{ deep: JSON.parse('{"__proto__": 1}') }]));
    const decoded = decode(encode({ constructor: 1, a__proto__: 2 })) as object;
    expect(Object.keys(decoded)).toEqual(['constructor', 'a__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('keys that are no text', () => {
    refused([0x81, 0x01, 0x02]);
    refused([0x81, 0x91, 0x01, 0x02]);
    refused([0x81, 0xc0, 0x02]);
  });

  test('a head longer than allowed', () => {
    expect(() => scan(encode('x'.repeat(HEAD_BYTES_MAX - 5)))).not.toThrow();
    refused(encode('x'.repeat(HEAD_BYTES_MAX)));
  });
});

describe('codec: honest messages fit the limits', () => {
  test.each([1, 8, 64, 128])('a delta full of records, their versions with vectors of %i entries', (entries) => {
    const bytes = 160 + 19 * entries;
    const count = Math.min(DELTA_RECORDS_MAX, Math.floor(HEAD_BYTES_MAX / (bytes + 96)));
    const path = 'photos/2026/holiday/image-0001.jpg' as FilePath;
    const records = Array.from({ length: count }, () => ({ sequence: 123_456_789, path, holding: 'all' as const, bytes }));
    const more = { index: 'cd'.repeat(32) as PeerId, trail: [], after: 0, upTo: count, whole: true, last: false };
    const delta = { ...more, records, versions: Buffer.alloc(count * bytes, 0xab) };
    expect(validate(CALLS.delta.ask, decode(encode(delta)), 'a delta')).toEqual(delta);
  });

  test('what fails its shape is a protocol error that names the place, not the value', () => {
    const shape = z.object({ list: z.array(z.object({ count: z.number() })) });
    expect(() => validate(shape, { list: [{ count: 1 }, { count: 'secret' }] }, 'a test')).toThrow(
      expect.objectContaining({ code: 'protocol', message: 'a test of another shape than agreed (at "list.1.count")' }),
    );
    expect(validate(shape, { list: [], later: true }, 'a test')).toEqual({ list: [] });
  });
});
