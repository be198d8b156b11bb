import { describe, expect, test } from 'vitest';
import { Batch } from '../../src/catalog/change-queue.ts';
import { CLIENT_FACTS_MAX, FACTS_KNOWN_MAX, FactsBook } from '../../src/catalog/facts-book.ts';
import { type Fact, factKey, type MemberFact, type Role } from '../../src/core/facts.ts';
import type { PeerId } from '../../src/core/ids.ts';

const idOf = (number: number): PeerId => String(number).padStart(64, '0') as PeerId;
const member = (number: number, role: Role): MemberFact => ({ kind: 'member', id: idOf(number), role, name: 'x', generation: 1 });
const removal: Fact = { kind: 'removal', id: idOf(1), generation: 2, members: [] };
const secret: Fact = { kind: 'secret', generation: 2, secret: 'two', excludes: [idOf(1)] };

function adopt(book: FactsBook, facts: readonly Fact[]): Fact[] {
  const batch = new Batch();
  const changed = book.adopt(facts, batch);
  batch.durable();
  return changed;
}

describe('what follows from the facts', () => {
  test('is worked out anew by what changes it alone', () => {
    const book = new FactsBook();
    for (const fact of [member(2, 'peer'), member(1, 'peer'), secret]) book.set(fact);
    const [members, facts] = [book.members(), book.all()];
    adopt(book, [{ kind: 'setting', name: 'replicas', value: 3, revision: 1 }]);
    expect(book.wantedCopies()).toBe(3);
    expect(book.members()).toBe(members);
    expect(book.all()).not.toBe(facts);
    adopt(book, [removal]);
    expect([...book.members().keys()]).toEqual([]);
  });

  test('is in the order of the keys, whenever they came', () => {
    const book = new FactsBook();
    const keys = () => book.all().map((fact) => factKey(fact));
    const met: string[] = [];
    for (const number of [7, 3, 9, 1, 3, 8, 7, 2]) {
      adopt(book, [
        { ...member(number, 'peer'), generation: met.length },
        { ...secret, generation: number },
      ]);
      met.push(`member/${idOf(number)}`, `secret/0000000${number}/two`);
      // Now and then several are new.
      if (number !== 9) expect(keys()).toEqual([...new Set(met)].sort());
    }
    expect(book.all().find((fact) => fact.kind === 'member' && fact.id === idOf(7))).toMatchObject({ generation: 12 });
  });
});

describe('the bounds of what is kept', () => {
  test('a member is put out though there are as many facts as are kept', () => {
    const book = new FactsBook();
    for (let number = 0; number < FACTS_KNOWN_MAX; number++) book.set(member(number, 'peer'));
    expect(() => adopt(book, [member(FACTS_KNOWN_MAX, 'peer')])).toThrow(/too many/);
    expect(adopt(book, [removal, secret])).toEqual([removal, secret]);
    expect(book.members().has(idOf(1))).toBe(false);
  });

  test('clients beyond their bound are left out; peers, and what changes of those kept, are not', () => {
    const book = new FactsBook();
    adopt(
      book,
      Array.from({ length: CLIENT_FACTS_MAX - 1 }, (_, number) => member(number, 'client')),
    );
    const [last, surplus, peer] = [member(8_000, 'client'), member(8_001, 'client'), member(8_002, 'peer')];
    expect(adopt(book, [last, surplus, peer])).toEqual([last, peer]);
    expect(adopt(book, [surplus])).toEqual([]);
    const renamed = { ...last, name: 'y', generation: 2 };
    expect(adopt(book, [renamed])).toEqual([renamed]);
    expect(book.all().length).toBe(CLIENT_FACTS_MAX + 1);
  });
});
