import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccountFact, FoundingFact } from '../../src/core/accounts.ts';
import { type Fact, factKey, mergeFacts } from '../../src/core/facts.ts';
import { accountsOf } from '../../src/core/rights.ts';
import { hex } from './histories.ts';

const account = (name: string, more: Partial<AccountFact> = {}): AccountFact => ({
  ...{ kind: 'account', name, life: 0, revision: 1, admin: false, verifier: `of ${name}`, removed: false },
  ...more,
});
const founding = (name: string, lot: string): FoundingFact => ({ kind: 'founding', name, lot });

/** As a peer has them that heard of them in that order. */
function adopted(facts: readonly Fact[]): Fact[] {
  const known = new Map<string, Fact>();
  for (const fact of facts) known.set(factKey(fact), mergeFacts(known.get(factKey(fact)) ?? fact, fact));
  return [...known.values()];
}

function adminsOf(facts: readonly Fact[]): string[] {
  return [...accountsOf(adopted(facts)).values()].flatMap(({ name, admin }) => (admin ? [name] : [])).sort();
}

/** What each of some peers makes for a first account that the others do not know of, and what its owner does there then. */
const firsts = fc
  .uniqueArray(fc.record({ name: fc.constantFrom('anna', 'bob', 'carl', 'dora'), lot: fc.nat(255).map((lot) => hex(2, lot)) }), {
    minLength: 1,
    maxLength: 4,
    selector: ({ name }) => name,
  })
  .map((made) =>
    made.map(({ name, lot }) => [account(name), account(name, { revision: 2, verifier: 'another' }), founding(name, lot)]),
  );

test('of first accounts made at once one is an admin, the same in whatever order, and however often, they are heard of', () => {
  const heard = firsts.chain((made) => {
    const facts = made.flat();
    const order = fc.shuffledSubarray([...facts, ...facts], { minLength: 2 * facts.length });
    return fc.tuple(fc.constant(facts), order);
  });
  fc.assert(
    fc.property(heard, ([facts, order]) => {
      expect(adminsOf(order)).toHaveLength(1);
      expect(adminsOf(order)).toEqual(adminsOf(facts));
      expect(adminsOf([...order, ...adopted(facts)])).toEqual(adminsOf(facts));
    }),
    { numRuns: 2_000 },
  );
});

test('who was not the first does not become an admin by the end of who was, nor by a name that is given anew', () => {
  const both = [account('anna'), founding('anna', '1'), account('bob'), founding('bob', '2')];
  expect(adminsOf(both)).toEqual(['anna']);
  const gone = account('anna', { removed: true, revision: 2 });
  expect(adminsOf([...both, gone])).toEqual([]);
  expect(adminsOf([...both, gone, account('anna', { life: 1 })])).toEqual([]);
  expect(adminsOf([...both, gone, account('anna', { life: 1, admin: true })])).toEqual(['anna']);
});

test('an admin that was named one stays one beside the first', () => {
  expect(adminsOf([account('anna'), account('bob', { admin: true }), founding('anna', '1')])).toEqual(['anna', 'bob']);
  // As it was before there were foundings.
  expect(adminsOf([account('anna', { admin: true })])).toEqual(['anna']);
});
