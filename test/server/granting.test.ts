import { expect, test } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { Session } from '../../src/client/session.ts';
import { rightsOf } from '../../src/client/verbs/accounts.ts';
import { ACCOUNTS_MAX, EVERYONE } from '../../src/core/accounts.ts';
import { Rights } from '../../src/core/rights.ts';
import { Granting } from '../../src/server/granting.ts';
import type { Ask } from '../../src/wire/calls.ts';
import { CALLS } from '../../src/wire/calls.ts';
import { encodedBytes, HEAD_BYTES_MAX } from '../../src/wire/codec.ts';
import { VERB } from '../sim/mesh-client.ts';

test('the rights of a deep folder that each of all accounts has its own grant for are told in as many answers as they take', async () => {
  const path = Array.from({ length: 10 }, () => 'x'.repeat(100)).join('/');
  const names = Array.from({ length: ACCOUNTS_MAX }, (_, index) => `user-${String(index).padStart(4, '0')}`);
  const rights = new Rights(names.map((who) => ({ path, who, right: 'read' as const })));
  const accounts = new Map(names.toReversed().map((name) => [name, { name, admin: false }]));
  const people = { hasAccounts: () => true, accounts: () => accounts, rights: () => rights };
  const granting = new Granting({ catalog: { people } as unknown as Catalog } as ConstructorParameters<typeof Granting>[0]);
  let calls = 0;
  const call = async (_name: string, ask: Ask<'rights'>) => {
    calls += 1;
    const reply = await granting.rights(CALLS.rights.ask.parse(ask));
    expect(encodedBytes(reply)).toBeLessThan(HEAD_BYTES_MAX - 1_024);
    return { reply: CALLS.rights.reply.parse(reply) };
  };
  const told = await rightsOf({ call } as unknown as Session, path, VERB);
  expect(told.map(({ who }) => who)).toEqual([EVERYONE, ...names]);
  expect(told.at(-1)).toEqual({ who: names.at(-1), right: 'read', from: path });
  expect(calls).toBeGreaterThan(3);
});

test('a peer that says without end that there are more rights is asked no more', async () => {
  const call = async () => ({ reply: { rights: [{ who: 'anna', right: 'read', from: '' }], more: true } });
  expect(await rightsOf({ call } as unknown as Session, 'docs', VERB)).toHaveLength(2);
});
