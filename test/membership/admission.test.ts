import { describe, expect, test } from 'vitest';
import { type Fact, membersOf, mergeFacts, mustRenewSecret, presentSecret } from '../../src/core/facts.ts';
import type { PeerId } from '../../src/core/ids.ts';
import {
  admitsNow,
  LINE_GENERATION,
  NAMED_MAX,
  removalOf,
  renewalOf,
  standingOf,
  verdictOn,
} from '../../src/membership/admission.ts';
import { digestOf } from '../../src/membership/facts-exchange.ts';
import { encodedBytes, HEAD_BYTES_MAX } from '../../src/wire/codec.ts';

const id = (letter: string) => letter.repeat(64) as PeerId;
const member = (letter: string, generation = 1, role: 'peer' | 'client' = 'peer'): Fact => ({
  kind: 'member',
  id: id(letter),
  role,
  name: letter,
  generation,
});
const start: Fact[] = [
  { kind: 'secret', generation: 1, secret: 'one', excludes: [] },
  member('a'),
  member('b'),
  member('c', 1, 'client'),
];
const removed = [...start, ...removalOf(start, id('b'), { secret: 'two', key: 'key', here: new Set() })];
const newcomer = (letter: string, provedGeneration: number | undefined, role: 'peer' | 'client' = 'peer') => ({
  id: id(letter),
  role,
  name: letter,
  provedGeneration,
});

describe('who may come in', () => {
  test.each([
    ['a member, by its key', start, newcomer('a', undefined), 'known'],
    ['a stranger with the present secret', start, newcomer('d', 1), 'admitted'],
    ['a client with the present secret', start, newcomer('d', 1, 'client'), 'admitted'],
    ['a removed one, whatever it proves', removed, newcomer('b', 2), 'refused'],
    ['a stranger with the secret before the removal', removed, newcomer('d', 1), 'refused'],
    ['a stranger with the renewed secret', removed, newcomer('d', 2), 'admitted'],
    ['a member that proved the old secret', removed, newcomer('a', 1), 'known'],
    ['a peer that comes as a client', start, newcomer('a', 1, 'client'), 'refused'],
    ['a client that comes as a peer without a proof', start, newcomer('c', undefined), 'refused'],
    ['whoever knows the line that this end was given', [], newcomer('d', LINE_GENERATION), 'known'],
  ] as const)('%s', (_what, facts, who, expected) => {
    expect(verdictOn(facts, who).kind).toBe(expected);
  });

  test('nobody while one that was removed may know the secret', () => {
    const crossed: Fact[] = [...removed, ...removalOf(start, id('c'), { secret: 'too', key: 'key', here: new Set() })];
    expect(mustRenewSecret(crossed)).toBe(true);
    expect(admitsNow(crossed, 2)).toBe(false);
    const renewed = [...crossed, renewalOf(crossed, 'three')];
    expect(mustRenewSecret(renewed)).toBe(false);
    expect(presentSecret(renewed)).toMatchObject({ generation: 3, excludes: [id('b'), id('c')] });
    // The older ones do not admit any more: each is known to one of the two.
    expect([admitsNow(renewed, 2), admitsNow(renewed, 3)]).toEqual([false, true]);
  });

  test('a removal names the members of that moment: who was admitted under the old secret elsewhere is void', () => {
    const merged = [...removed, member('e', 1)];
    expect([...membersOf(merged).keys()]).toEqual([id('a'), id('c')]);
    expect(standingOf(merged, id('e'))).toBe('unknown');
    expect(verdictOn(merged, newcomer('e', 2)).kind).toBe('admitted');
  });
});

test('a secret that has no room to name all who were removed is renewed once, and not for ever', () => {
  const idOf = (number: number) => String(number).padStart(64, '0') as PeerId;
  const gone = (count: number): Fact[] =>
    Array.from({ length: count }, (_, number) => ({ kind: 'removal', id: idOf(number), generation: 1, members: [] }));
  const facts: Fact[] = [...start, ...gone(5_000)];
  expect(mustRenewSecret(facts)).toBe(true);
  const renewal = renewalOf(facts, 'two');
  // As it is adopted, and told on.
  const renewed = mergeFacts(renewal, renewal);
  expect((renewed as typeof renewal).excludes.length).toBeLessThan(5_000);
  expect(mustRenewSecret([...facts, renewed])).toBe(false);
  expect(admitsNow([...facts, renewed], renewal.generation)).toBe(true);
  // Of fewer each counts.
  const some = { ...renewal, excludes: renewal.excludes.slice(0, 99) };
  expect([100, 99].map((count) => mustRenewSecret([...start, ...gone(count), some]))).toEqual([true, false]);
});

describe('a removal among very many', () => {
  const idOf = (number: number) => String(number).padStart(64, '0') as PeerId;
  const wish = { secret: 'two', key: 'key' };
  /** Bytes of the largest of these facts, each of which travels in one note. */
  const largest = (facts: readonly Fact[]) => Math.max(...facts.map(encodedBytes));

  test('of members names those that are here before those that nobody sees, and fits a note', () => {
    const madeUp = Array.from({ length: NAMED_MAX + 700 }, (_, number): Fact => ({ ...member('0'), id: idOf(number) }) as Fact);
    const facts = [...start, ...madeUp];
    const made = removalOf(facts, idOf(7), { ...wish, here: new Set([id('a'), id('b')]) });
    const members = membersOf([...facts, ...made]);
    expect(members.size).toBe(NAMED_MAX);
    expect([id('a'), id('b'), idOf(6), idOf(7), idOf(NAMED_MAX)].map((one) => members.has(one))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(largest(made)).toBeLessThan(HEAD_BYTES_MAX - 1024);
    // Whoever comes under an older secret goes before who came under a later one.
    const low = '!'.repeat(64) as PeerId;
    const later: Fact[] = [
      { kind: 'secret', generation: 5, secret: 'late', excludes: [] },
      { ...member('0', 2), id: low } as Fact,
    ];
    const out = removalOf([...facts, ...later], idOf(7), { ...wish, here: new Set() });
    expect([...facts, ...later, ...out].filter((fact) => fact.kind === 'member' && fact.id === low).length).toBe(1);
    expect(membersOf([...facts, ...later, ...out]).has(low)).toBe(false);
  });

  test('is refused once as many are removed as can be remembered, and a renewal still fits a note', () => {
    const removals = Array.from({ length: NAMED_MAX }, (_, number): Fact => {
      return { kind: 'removal', id: idOf(number), generation: 1, members: [id('a'), id('b')] };
    });
    const all = [...start, ...removals];
    expect(() => removalOf(all, id('b'), { ...wish, here: new Set() })).toThrow('as many as it can remember');
    expect(largest([renewalOf(all, 'three')])).toBeLessThan(HEAD_BYTES_MAX - 1024);
    const [last] = removalOf(all.slice(0, -1), id('b'), { ...wish, here: new Set() });
    expect(last).toMatchObject({ kind: 'removal', id: id('b') });
  });
});

test('the digest of facts does not depend on their order, nor on that of their lists', () => {
  const turned = [...removed]
    .reverse()
    .map((fact) => (fact.kind === 'removal' ? { ...fact, members: [...fact.members].reverse() } : fact));
  expect(digestOf(turned)).toBe(digestOf(removed));
  expect(digestOf(start)).not.toBe(digestOf(removed));
});
