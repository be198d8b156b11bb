import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AccountFact, LIFE_MAX, madeAfter, REVISION_MAX, revisionAfter, VERIFIER_NOBODY } from '../../src/core/accounts.ts';
import {
  type Fact,
  factKey,
  factText,
  type MemberFact,
  membersOf,
  mergeFacts,
  mustRenewSecret,
  presentSecret,
  type SettingFact,
  shownPeerNames,
} from '../../src/core/facts.ts';
import { type GrantFact, grantAfter, rightIn } from '../../src/core/grants.ts';
import type { MeshId, PeerId, RequestId } from '../../src/core/ids.ts';
import { livesOf } from '../../src/core/rights.ts';
import { settingAfter } from '../../src/core/settings.ts';
import { encodedBytes, HEAD_BYTES_MAX } from '../../src/wire/codec.ts';
import { factShape } from '../../src/wire/shapes.ts';
import { hex, peerId, requestId } from './histories.ts';

const generation = fc.nat(3);
const ids = fc.uniqueArray(fc.nat(3).map(peerId));
/** More of them than a grant remembers. */
const said = {
  life: fc.nat(1),
  homeLife: fc.nat(1),
  right: fc.constantFrom('none' as const, 'read' as const, 'write' as const),
  revision: fc.nat(20),
  request: fc.constantFrom('q' as RequestId, 'r' as RequestId),
  over: fc.constant(true as const),
};
const fact: fc.Arbitrary<Fact> = fc.oneof(
  fc.record({
    kind: fc.constant('member' as const),
    id: fc.nat(2).map(peerId),
    role: fc.constantFrom('peer' as const, 'client' as const),
    name: fc.constantFrom('a', 'b', 'c'),
    generation,
  }),
  fc.record({ kind: fc.constant('removal' as const), id: fc.nat(2).map(peerId), generation, members: ids }),
  fc.record({ kind: fc.constant('secret' as const), generation, secret: fc.constantFrom('x', 'y'), excludes: ids }),
  fc.record({
    kind: fc.constant('setting' as const),
    name: fc.constant('replicas' as const),
    value: fc.nat(3),
    revision: fc.nat(3),
  }),
  fc.record({
    kind: fc.constant('account' as const),
    name: fc.constantFrom('anna', 'bob'),
    life: fc.nat(1),
    revision: fc.nat(2),
    admin: fc.boolean(),
    verifier: fc.constantFrom('v', 'w'),
    removed: fc.boolean(),
    adminRevision: fc.nat(2),
    made: fc.array(fc.record({ turn: fc.nat(20), words: fc.constantFrom('user-add s', 'user-passwd t') }), { maxLength: 16 }),
  }),
  fc.record({
    kind: fc.constant('founding' as const),
    name: fc.constantFrom('anna', 'bob'),
    lot: fc.constantFrom('1', '2'),
  }),
  fc.record({
    kind: fc.constant('grant' as const),
    path: fc.constantFrom('a', 'A', 'b'),
    who: fc.constantFrom('anna', 'everyone'),
    ...{ life: said.life, homeLife: said.homeLife, right: said.right, revision: said.revision, request: said.request },
    others: fc.array(fc.record(said, { requiredKeys: ['life', 'homeLife', 'right', 'revision'] }), { maxLength: 15 }),
  }),
  fc.record({ kind: fc.constant('session-key' as const), generation, key: fc.constantFrom('k', 'l'), excludes: ids }),
  fc.record({ kind: fc.constant('mesh' as const), id: fc.nat(2).map((one) => hex(64, one) as MeshId), name: fc.constant('m') }),
);
/** Facts of one key, as the set merges them. The name of a mesh follows from its id. */
const alike = fc.array(fact, { minLength: 3, maxLength: 30 }).map((facts) => {
  const first = facts[0] as Fact;
  const same = facts.filter((one) => factKey(one) === factKey(first));
  return [same[0], same[1] ?? first, same[2] ?? first] as [Fact, Fact, Fact];
});
const member = (id: number, name = 'a', more: Partial<MemberFact> = {}): MemberFact => ({
  kind: 'member',
  id: peerId(id),
  role: 'peer',
  name,
  generation: 1,
  ...more,
});
const removal = (id: number, at: number, members: PeerId[] = []): Fact => ({
  kind: 'removal',
  id: peerId(id),
  generation: at,
  members,
});
const secret = (at: number, word: string, excludes: PeerId[] = []): Fact => ({
  kind: 'secret',
  generation: at,
  secret: word,
  excludes,
});

/** Lists of a fact are sets: a fact merged with itself has them in order. */
const settled = (one: Fact) => mergeFacts(one, one);

describe('merging facts', () => {
  it('is commutative', () => {
    fc.assert(
      fc.property(alike, ([a, b]) => {
        expect(mergeFacts(a, b)).toEqual(mergeFacts(b, a));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is associative', () => {
    fc.assert(
      fc.property(alike, ([a, b, c]) => {
        expect(mergeFacts(mergeFacts(a, b), c)).toEqual(mergeFacts(a, mergeFacts(b, c)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(alike, ([a, b]) => {
        expect(settled(settled(a))).toEqual(settled(a));
        const merged = mergeFacts(a, b);
        expect(mergeFacts(merged, b)).toEqual(merged);
      }),
    );
  });

  it('keeps the key', () => {
    fc.assert(
      fc.property(alike, ([a, b]) => {
        expect(factKey(mergeFacts(a, b))).toBe(factKey(a));
      }),
    );
  });

  it.each([
    ['a secret', (excludes: PeerId[]): Fact => ({ kind: 'secret', generation: 1, secret: 'x', excludes })],
    ['a key of tokens', (excludes: PeerId[]): Fact => ({ kind: 'session-key', generation: 1, key: hex(64, 1), excludes })],
  ])('keeps %s short enough to be told, whatever it is said to exclude, and the same whoever merged first', (_, make) => {
    const some = (from: number) => Array.from({ length: 3_900 }, (_each, index) => peerId(from + index));
    const [a, b, c] = [make(some(2_000)), make(some(0)), make(some(5_000))];
    const merged = mergeFacts(mergeFacts(a, b), c);
    expect(encodedBytes([merged])).toBeLessThan(HEAD_BYTES_MAX - 1_024);
    expect(factShape.safeParse(merged).success).toBe(true);
    expect(mergeFacts(a, mergeFacts(c, b))).toEqual(merged);
    expect(mergeFacts(merged, a)).toEqual(merged);
  });

  it('lets the larger number of copies win of two set at once, and the later revision always', () => {
    const set = (value: number, revision: number): Fact => ({ kind: 'setting', name: 'replicas', value, revision });
    expect(mergeFacts(set(3, 1), set(2, 1))).toEqual(set(3, 1));
    expect(mergeFacts(set(3, 1), set(2, 2))).toEqual(set(2, 2));
  });

  it('remembers on both sides who set a number of copies: asked again it undoes nothing', () => {
    const [one, other] = [requestId(1), requestId(2)];
    const told = (...all: (SettingFact | undefined)[]) => all.filter((fact) => fact !== undefined);
    const first = told(settingAfter([], 3, one));
    const second = told(settingAfter(first, 2, other));
    expect(second).toMatchObject([{ value: 2, revision: 1 }]);
    expect(settingAfter(second, 3, one)).toBeUndefined();
    expect(settingAfter(second, 3, undefined)).toMatchObject({ value: 3, revision: 2 });
    const [here, there] = [settingAfter(first, 4, requestId(3)), settingAfter(first, 5, requestId(4))] as SettingFact[];
    const merged = mergeFacts(here as Fact, there as Fact);
    expect(merged).toMatchObject({ value: 5 });
    expect([requestId(3), requestId(4)].map((request) => settingAfter([merged], 9, request))).toEqual([undefined, undefined]);
    expect(factShape.safeParse(merged).data).toEqual(merged);
  });
});

describe('what follows a fact of the highest counts that are taken', () => {
  const shapeOf = (one: Fact) => factShape.safeParse(one).success;
  const account: AccountFact = {
    ...{ kind: 'account', name: 'anna', life: LIFE_MAX, revision: REVISION_MAX, admin: false, verifier: VERIFIER_NOBODY },
    ...{ removed: true, made: [{ turn: REVISION_MAX, words: `user-add ${requestId(1)}` }] },
  };

  it('is taken too: no peer makes others send by it what ends their links', () => {
    expect(shapeOf(account)).toBe(true);
    expect(livesOf([account]).get('anna')).toBe(LIFE_MAX);
    const made = madeAfter(account, `user-passwd ${requestId(2)}`);
    expect(shapeOf({ ...account, revision: revisionAfter(account.revision), ...made })).toBe(true);
    const said = { path: 'docs', who: 'anna', life: LIFE_MAX, homeLife: 0, right: 'write' as const, request: requestId(3) };
    const high: GrantFact = { kind: 'grant', ...said, revision: REVISION_MAX };
    const next = grantAfter(high, { ...said, right: 'none', request: requestId(4) });
    expect([shapeOf(high), shapeOf(next)]).toEqual([true, true]);
    expect(rightIn(next, () => true)).toBe('none');
  });
});

describe('members', () => {
  it('are those admitted and not removed', () => {
    expect([...membersOf([member(1), member(2), removal(2, 1, [peerId(1)])]).keys()]).toEqual([peerId(1)]);
  });

  it('are void when admitted under a secret a removal outdated, unless the removal names them', () => {
    const facts = [member(1), member(2), member(3, 'c', { generation: 2 }), removal(9, 2, [peerId(1)])];
    expect([...membersOf(facts).keys()]).toEqual([peerId(1), peerId(3)]);
  });

  it('are, with any removals, those whom each removal under a later secret names', () => {
    const some = fc.uniqueArray(fc.nat(7).map(peerId));
    const admitted = fc.array(fc.tuple(fc.nat(7), fc.nat(6)), { maxLength: 8 });
    const removals = fc.array(fc.tuple(fc.integer({ min: 8, max: 20 }), fc.nat(6), some), { maxLength: 8 });
    fc.assert(
      fc.property(admitted, removals, (those, gone) => {
        const members = those.map(([id, generation]) => member(id, 'a', { generation }));
        const isIn = (one: MemberFact) => gone.every(([, at, named]) => one.generation >= at || named.includes(one.id));
        const facts = [...members, ...gone.map(([id, at, named]) => removal(id, at, named))];
        expect(membersOf(facts)).toEqual(new Map(members.filter(isIn).map((one) => [one.id, one])));
      }),
    );
  });

  it('are the same for facts in any order', () => {
    const mixed = fc
      .array(fact)
      .chain((facts) => fc.tuple(fc.constant(facts), fc.shuffledSubarray(facts, { minLength: facts.length })));
    const set = (facts: Fact[]) => {
      const merged = new Map<string, Fact>();
      for (const one of facts) merged.set(factKey(one), mergeFacts(merged.get(factKey(one)) ?? one, one));
      return merged.values();
    };
    fc.assert(
      fc.property(mixed, ([facts, other]) => {
        expect(membersOf(set(other))).toEqual(membersOf(set(facts)));
      }),
    );
  });
});

describe('the text of a fact', () => {
  it('is one, however its members and the texts of its lists are ordered', () => {
    const told: Fact = { kind: 'removal', id: peerId(1), generation: 2, members: [peerId(3), peerId(2)] };
    const kept: Fact = { members: [peerId(2), peerId(3)], generation: 2, id: peerId(1), kind: 'removal' };
    expect(factText(told)).toBe(factText(kept));
    expect(factText({ ...told, members: [peerId(2)] })).not.toBe(factText(kept));
  });
});

describe('the present secret', () => {
  it('is the highest generation, of equals the greater word', () => {
    expect(presentSecret([secret(1, 'z'), secret(2, 'a'), secret(2, 'b')])).toEqual(secret(2, 'b'));
    expect(presentSecret([])).toBeUndefined();
  });

  it('must be renewed while somebody removed may know it', () => {
    expect(mustRenewSecret([secret(1, 'a'), removal(1, 2)])).toBe(true);
    expect(mustRenewSecret([secret(2, 'a', [peerId(1)]), removal(1, 2)])).toBe(false);
    expect(mustRenewSecret([secret(2, 'a', [peerId(1)]), removal(1, 2), removal(2, 2)])).toBe(true);
  });
});

/** As long as a label may be: what is shown must be one too, or no call that names it can be answered. */
const LONG = 'x'.repeat(64);

describe('the names of peers', () => {
  it.each([
    ['two of one name', [member(2, 'x'), member(1, 'x')], ['x', 'x-2']],
    ['a name that another’s ordinal took', [member(1, 'x-2'), member(2, 'x'), member(3, 'x')], ['x-2', 'x', 'x-3']],
    ['three of one name', [member(1, 'x'), member(2, 'x'), member(3, 'x')], ['x', 'x-2', 'x-3']],
    ['two of the longest name', [member(1, LONG), member(2, LONG)], [LONG, `${'x'.repeat(62)}-2`]],
    [
      'a long name is cut between characters',
      [member(1, `a${'😀'.repeat(31)}b`), member(2, `a${'😀'.repeat(31)}b`)],
      [`a${'😀'.repeat(31)}b`, `a${'😀'.repeat(30)}-2`],
    ],
    [
      'a cut name that is taken too',
      [member(1, `${'x'.repeat(62)}-2`), member(2, LONG), member(3, LONG)],
      [`${'x'.repeat(62)}-2`, LONG, `${'x'.repeat(62)}-3`],
    ],
  ])('are told apart: %s', (_, members, expected) => {
    expect([...shownPeerNames(members)].sort().map(([, name]) => name)).toEqual(expected);
  });

  it('are not given to clients', () => {
    expect(shownPeerNames([member(1, 'x', { role: 'client' })]).size).toBe(0);
  });

  it('are all different', () => {
    const members = fc.uniqueArray(fc.tuple(fc.nat(20), fc.constantFrom('x', 'x-2', 'x-3', 'y')), { selector: ([id]) => id });
    fc.assert(
      fc.property(members, (list) => {
        const names = shownPeerNames(list.map(([id, name]) => member(id, name)));
        expect(new Set(names.values()).size).toBe(list.length);
      }),
    );
  });
});
