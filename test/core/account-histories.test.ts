import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AccountFact,
  adminRevisionOf,
  callWords,
  EVERYONE,
  MADE_MAX,
  madeAfter,
  type Right,
  VERIFIER_NOBODY,
} from '../../src/core/accounts.ts';
import { type Fact, factKey, mergeFacts } from '../../src/core/facts.ts';
import { type GrantFact, grantAfter, SAID_MAX } from '../../src/core/grants.ts';
import { accountsOf, grantsInForce, livesOf } from '../../src/core/rights.ts';
import { requestId } from './histories.ts';

/** One account and one grant, changed at peers that hear of each other now and then, each deed with a request of its own. */
const PEERS = 3;
const at = fc.nat(PEERS - 1);
const step = fc.oneof(
  fc.record({ act: fc.constantFrom('passwd' as const, 'remove' as const, 'recover' as const), at }),
  fc.record({ act: fc.constant('add' as const), at, admin: fc.boolean() }),
  fc.record({ act: fc.constant('grant' as const), at, right: fc.constantFrom<Right>('none', 'read', 'write') }),
  fc.record({ act: fc.constant('tell' as const), at, to: at }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Deed {
  readonly step: Exclude<Step, { act: 'tell' }>;
  readonly words: string;
  readonly life: number;
  /** The deeds that its peer knew of. */
  readonly knew: ReadonlySet<Deed>;
}

class PeerFacts {
  readonly facts = new Map<string, Fact>();
  readonly deeds = new Set<Deed>();

  take(...facts: readonly Fact[]): void {
    for (const fact of facts) {
      const key = factKey(fact);
      this.facts.set(key, mergeFacts(this.facts.get(key) ?? fact, fact));
    }
  }

  get account(): AccountFact | undefined {
    return this.facts.get('account/anna') as AccountFact | undefined;
  }

  get grant(): GrantFact | undefined {
    return this.facts.get(`grant/${EVERYONE}/docs`) as GrantFact | undefined;
  }

  /** As a peer does it that is asked for that; undefined: it refuses. */
  act(step: Exclude<Step, { act: 'tell' }>, number: number): void {
    const { account } = this;
    const request = requestId(number);
    const words = callWords(step.act === 'grant' ? 'grant' : `user-${step.act}`, request);
    const life = livesOf(this.facts.values()).get('anna') ?? 0;
    const is = account?.removed === false;
    if (step.act === 'grant') {
      const wish = { path: 'docs', who: EVERYONE, life: 0, homeLife: 0, right: step.right, request };
      this.take(grantAfter(this.grant, wish));
    } else if ((step.act === 'add') === is) return;
    else {
      const made = madeAfter(account, step.act === 'recover' ? undefined : words);
      const base = { kind: 'account' as const, name: 'anna', life, verifier: `set by ${number}`, removed: false, ...made };
      const revision = (account?.revision ?? 0) + 1;
      const adminRevision = account === undefined ? 0 : adminRevisionOf(account);
      const admin = account?.admin ?? false;
      if (step.act === 'add') this.take({ ...base, revision: 1, adminRevision: 0, admin: step.admin });
      if (step.act === 'passwd') this.take({ ...base, revision, adminRevision, admin });
      if (step.act === 'recover') this.take({ ...base, revision, adminRevision: adminRevision + 1, admin: true });
      if (step.act === 'remove') this.take({ ...base, revision, admin: false, verifier: VERIFIER_NOBODY, removed: true });
    }
    this.deeds.add({ step, words, life, knew: new Set(this.deeds) });
  }

  hear(other: PeerFacts): void {
    this.take(...other.facts.values());
    for (const deed of other.deeds) this.deeds.add(deed);
  }
}

/** What all peers know at the end, and what each knew. */
function ended(steps: readonly Step[]): { peers: PeerFacts[]; all: PeerFacts } {
  const peers = Array.from({ length: PEERS }, () => new PeerFacts());
  const of = (index: number) => peers[index] as PeerFacts;
  for (const [number, one] of steps.entries())
    if (one.act === 'tell') of(one.to).hear(of(one.at));
    else of(one.at).act(one, number);
  const all = new PeerFacts();
  for (const peer of peers) all.hear(peer);
  return { peers, all };
}

const steps = fc.array(step, { maxLength: 40 });
const order = fc.shuffledSubarray([0, 1, 2, 0, 1, 2], { minLength: 6 });
const each = (check: (ended: { peers: PeerFacts[]; all: PeerFacts }, order: readonly number[]) => void) =>
  fc.assert(
    fc.property(steps, order, (history, heard) => check(ended(history), heard)),
    { numRuns: 2_000 },
  );

test('all peers end with the same, in whatever order and however often they hear it', () => {
  each(({ peers, all }, heard) => {
    const late = new PeerFacts();
    for (const index of heard) late.hear(peers[index] as PeerFacts);
    expect(late.facts).toEqual(all.facts);
  });
});

test('every deed is remembered on both sides, so that no repeat of it acts again', () => {
  each(({ all }) => {
    const named = [...all.deeds].filter(({ step: { act } }) => act !== 'recover');
    const [grants, others] = [
      named.filter(({ step: { act } }) => act === 'grant'),
      named.filter(({ step: { act } }) => act !== 'grant'),
    ];
    if (others.length <= MADE_MAX)
      expect((all.account?.made ?? []).map(({ words }) => words).sort()).toEqual(others.map(({ words }) => words).sort());
    if (grants.length <= SAID_MAX && all.grant !== undefined) expect(1 + (all.grant.others?.length ?? 0)).toBe(grants.length);
  });
});

test('the strictest right counts of those that nobody who knew of them changed since', () => {
  each(({ all }) => {
    const grants = [...all.deeds].filter(({ step: { act } }) => act === 'grant');
    if (grants.length > SAID_MAX) return;
    const holding = grants.filter((one) => !grants.some(({ knew }) => knew.has(one)));
    const rights = holding.flatMap(({ step: said }) => (said.act === 'grant' ? [said.right] : []));
    const strictest = (['none', 'read', 'write'] as const).find((right) => rights.includes(right));
    expect(grantsInForce(all.facts.values()).map(({ right }) => right)).toEqual(strictest === undefined ? [] : [strictest]);
  });
});

test('who was removed is so until the name is given anew, and admin rights are what was said of them, whatever passwords were set', () => {
  each(({ all }) => {
    const life = Math.max(...[...all.deeds].flatMap(({ step: { act }, life }) => (act === 'grant' ? [] : [life])));
    const ofLife = [...all.deeds].filter((deed) => deed.life === life && deed.step.act !== 'grant');
    const isRemoved = ofLife.length === 0 || ofLife.some(({ step: { act } }) => act === 'remove');
    const account = accountsOf(all.facts.values()).get('anna');
    expect(account === undefined).toBe(isRemoved);
    if (account === undefined) return;
    const isRecovered = ofLife.some(({ step: { act } }) => act === 'recover');
    const isAddedSo = ofLife.every(({ step: said }) => said.act !== 'add' || said.admin);
    expect(account.admin).toBe(isRecovered || isAddedSo);
  });
});
