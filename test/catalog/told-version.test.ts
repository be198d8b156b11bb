import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asPacked, bytesOf, type PackedVersion, packVersion } from '../../src/catalog/packed-version.ts';
import { readTold } from '../../src/catalog/told-version.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { FilePath } from '../../src/core/ids.ts';
import type { Version } from '../../src/core/version.ts';
import { fileDraft, graveDraft, hex, history, requestId, version, writerId } from '../core/histories.ts';
import { versionShape } from './version-shape.ts';

/** What is read; undefined when it is refused, which it is by one error only. */
function read(packed: PackedVersion): Version | undefined {
  try {
    return readTold(packed);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(MeshError);
    expect(thrown).toMatchObject({ code: 'protocol' });
    return undefined;
  }
}

/** Numbers at the bounds of every form and of every limit. */
const number = fc.oneof(
  fc
    .constantFrom(0, 5, 7, 8, 15, 16, 31, 32, 53)
    .chain((bits) => fc.constantFrom(...[-1, 0, 1].flatMap((more) => [2 ** bits + more, -(2 ** bits) + more]))),
  fc.constantFrom(
    -0,
    0.5,
    -0.5,
    255,
    256,
    0o777,
    0o1000,
    8.64e15,
    8.65e15,
    -8.64e15,
    -8.65e15,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ),
  fc.double(),
  fc.integer(),
);
const id = fc.oneof(
  fc.constantFrom(16, 32, 64).map((digits) => hex(digits, 7)),
  fc.constantFrom('', '0', hex(62, 1), hex(66, 1), 'AB'.repeat(32), 'zz'.repeat(8), 'nobody', hex(30, 5)),
);
const list = <Item>(item: fc.Arbitrary<Item>) =>
  fc
    .constantFrom(0, 1, 2, 15, 16, 17, 64, 65, 128, 129)
    .chain((length) => fc.array(item, { minLength: length, maxLength: length }));
const name = fc.constantFrom(
  'a',
  'a/b',
  '',
  '/a',
  '..',
  'a\0',
  `${'x'.repeat(255)}`,
  'x'.repeat(256),
  'ü',
  'u\u0308',
  '\ud800',
  'a'.repeat(31),
  'a'.repeat(32),
  '字'.repeat(90),
  '字'.repeat(10),
  '字'.repeat(11),
  '\ufffd',
);

const good = history.map((versions) => versions.at(-1) as Version);
/** Versions of which some fields are anything. */
const anything = fc
  .record(
    {
      own: fc.record({ writer: id, counter: number }),
      vector: list(fc.record({ writer: fc.oneof(fc.constant(hex(16, 3)), id), counter: fc.oneof(fc.constant(3), number) })),
      request: id,
      inherited: list(fc.oneof(fc.constant(hex(32, 9)), id)),
      origin: id,
      modifiedMs: number,
      hash: id,
      size: number,
      mode: number,
      manifest: fc.record({ scheme: number, hash: fc.constant(hex(64, 4)) }),
      found: fc.boolean(),
      buried: list(fc.oneof(fc.constant(hex(64, 9)), id)),
      renamedTo: name,
    },
    { requiredKeys: [] },
  )
  .chain((fields) => {
    const keys = fc.subarray(Object.keys(fields), { maxLength: 2 });
    return fc.tuple(good, keys).map(([base, chosen]) => {
      const some = Object.entries(fields).filter(
        ([key]) => chosen.includes(key) && (key in base || key === 'request' || key === 'renamedTo'),
      );
      const isGrave = base.kind === 'tombstone';
      return { ...base, ...Object.fromEntries(some.filter(([key]) => key !== 'renamedTo' || isGrave)) } as Version;
    });
  });

describe('a version that was told', () => {
  it('is read as it was packed', () => {
    fc.assert(
      fc.property(history, (versions) => {
        for (const one of versions) expect(readTold(packVersion(one))).toEqual(one);
      }),
    );
  });

  it.each([
    ['a rename', version({ ...graveDraft(1, 2), renamedTo: 'dir/\u00fc' as FilePath })],
    ['a request and a time between milliseconds', version({ ...fileDraft(1), request: requestId(5), modifiedMs: -0.125 })],
    ['a file beyond 4 GiB', version(fileDraft(2 ** 45 + 1))],
  ])('is read: %s', (_, one) => {
    expect(readTold(packVersion(one))).toEqual(one);
  });

  it('is taken or refused as the shape of a version says, whatever is in its fields', () => {
    let [taken, refused] = [0, 0];
    fc.assert(
      fc.property(anything, (one) => {
        const told = read(packVersion(one));
        // What is packed has one zero.
        const isGood = versionShape.safeParse(one).success;
        expect(told !== undefined).toBe(isGood);
        if (isGood) taken += 1;
        else refused += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(taken, refused)).toBeGreaterThan(100);
  });

  it('has one form: whatever bytes are changed, it is refused, or packs to these very bytes', () => {
    const change = fc.record({ at: fc.nat(400), byte: fc.nat(255), cut: fc.nat(3), add: fc.uint8Array({ maxLength: 3 }) });
    fc.assert(
      fc.property(good, fc.array(change, { minLength: 1, maxLength: 3 }), (one, changes) => {
        let bytes = Uint8Array.from(bytesOf(packVersion(one)));
        for (const { at, byte, cut, add } of changes) {
          const place = at % bytes.length;
          bytes = Uint8Array.from([...bytes.slice(0, place), byte, ...add, ...bytes.slice(place + 1 + cut)]);
        }
        const packed = asPacked(bytes);
        const told = read(packed);
        if (told === undefined) return;
        expect(packVersion(told)).toBe(packed);
        expect(versionShape.safeParse(told).success).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is refused when it is none', () => {
    for (const bytes of [[], [0x07], [0x93, 1, 2, 3], [0xc1], [0xdd, 0x0f, 0xff, 0xff, 0xff], [0x9e, 0], [0x9e, 2]])
      expect(() => readTold(asPacked(Uint8Array.from(bytes)))).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it('has every value in its shortest form', () => {
    const own = { writer: writerId(1), counter: 5 };
    const packed = packVersion(version({ ...fileDraft(7), modifiedMs: 7 }, [], own));
    const longer = (short: string, long: string) => {
      const [before, after] = [Buffer.from(short, 'hex').toString('latin1'), Buffer.from(long, 'hex').toString('latin1')];
      expect(packed.split(before).length).toBeGreaterThan(1);
      return packed.replace(before, after) as PackedVersion;
    };
    // A list, a whole number in more bytes and as a float, an id as text.
    const start = packed.charCodeAt(0).toString(16);
    for (const other of [
      longer(start, 'dc000e'),
      longer('0592', '05dc0002'),
      longer('05', 'cc05'),
      longer('05', 'cb4014000000000000'),
    ])
      expect(() => readTold(other)).toThrow(expect.objectContaining({ code: 'protocol' }));
    expect(readTold(packed)).toMatchObject({ own });
  });
});
