import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, hasRoom, type Load, placementOrder, shareInUse } from '../../src/core/placement.ts';
import { peerId } from './histories.ts';

const load = (more: Partial<Load> = {}): Load => ({
  bytes: 0,
  capacity: 100,
  files: 0,
  incomingBytes: 0,
  incomingFiles: 0,
  ...more,
});
const candidate = (number: number, more: Partial<Candidate> = {}): Candidate => ({
  id: peerId(number),
  name: `peer ${number}`,
  load: load(),
  hasBytes: false,
  heldBase: false,
  ...more,
});
const order = (list: Candidate[], size = 1, rule: 'share' | 'files' = 'share') =>
  placementOrder(list, size, rule).map((one) => one.name.slice('peer '.length));

describe('the order of placement', () => {
  it.each<[string, Candidate[], string[]]>([
    ['who has the bytes comes first', [candidate(1), candidate(2, { hasBytes: true, load: load({ bytes: 90 }) })], ['2', '1']],
    ['then who held what is replaced', [candidate(1), candidate(2, { heldBase: true, load: load({ bytes: 90 }) })], ['2', '1']],
    [
      'then the smaller share of capacity',
      [candidate(1, { load: load({ bytes: 50 }) }), candidate(2, { load: load({ bytes: 60, capacity: 200 }) })],
      ['2', '1'],
    ],
    [
      'what is on its way counts',
      [candidate(1, { load: load({ incomingBytes: 9 }) }), candidate(2, { load: load({ bytes: 5 }) })],
      ['2', '1'],
    ],
    [
      'then fewer files',
      [candidate(1, { load: load({ files: 3 }) }), candidate(2, { load: load({ files: 1, incomingFiles: 1 }) })],
      ['2', '1'],
    ],
    ['then the lower name', [candidate(2), candidate(1)], ['1', '2']],
    ['who has no room is left out', [candidate(1, { load: load({ bytes: 100 }) }), candidate(2)], ['2']],
    ['unless it has the bytes', [candidate(1, { load: load({ bytes: 100 }), hasBytes: true })], ['1']],
    ['who offers nothing is left out', [candidate(1, { load: load({ capacity: 0 }) })], []],
  ])('%s', (_, list, expected) => {
    expect(order(list)).toEqual(expected);
  });

  it('by files looks at files only', () => {
    const list = [candidate(1, { load: load({ files: 2 }) }), candidate(2, { load: load({ files: 1, bytes: 90 }) })];
    expect(order(list, 1, 'files')).toEqual(['2', '1']);
    expect(order(list, 1, 'share')).toEqual(['1', '2']);
  });

  it('is the same for candidates in any order, and names nobody without room', () => {
    const some = fc
      .uniqueArray(
        fc.record({ number: fc.nat(9), bytes: fc.nat(120), files: fc.nat(3), hasBytes: fc.boolean(), heldBase: fc.boolean() }),
        {
          selector: (one) => one.number,
        },
      )
      .map((list) =>
        list.map(({ number, bytes, files, ...more }) => candidate(number, { ...more, load: load({ bytes, files }) })),
      )
      .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
    fc.assert(
      fc.property(some, fc.nat(120), ([list, other], size) => {
        expect(placementOrder(other, size, 'share')).toEqual(placementOrder(list, size, 'share'));
        for (const one of placementOrder(list, size, 'files')) expect(one.hasBytes || hasRoom(one.load, size)).toBe(true);
      }),
    );
  });
});

describe('room and share', () => {
  it('count to the last byte', () => {
    expect([hasRoom(load({ bytes: 60, incomingBytes: 30 }), 10), hasRoom(load({ bytes: 60, incomingBytes: 30 }), 11)]).toEqual([
      true,
      false,
    ]);
    expect([shareInUse(load({ bytes: 25, incomingBytes: 25 })), shareInUse(load({ capacity: 0 }))]).toEqual([0.5, 1]);
  });
});
