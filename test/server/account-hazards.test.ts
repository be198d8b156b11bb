import { describe, expect, test } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { grant, login, readLog, removeUser, users } from '../../src/client/verbs/accounts.ts';
import { removePeer } from '../../src/client/verbs/mesh.ts';
import { asMeshError } from '../../src/core/errors.ts';
import type { FilePath, RequestId } from '../../src/core/ids.ts';
import { Rights } from '../../src/core/rights.ts';
import { checkNeed } from '../../src/server/guard.ts';
import { hostOf, isLoopback } from '../../src/server/remote-host.ts';
import type { Ask } from '../../src/wire/calls.ts';
import { VERB } from '../sim/mesh-client.ts';
import { addAccount, enter, people } from './people.ts';
import { codeOf, createText, listed, seen, startStory } from './story.ts';

describe('a mesh with accounts', () => {
  test('of two that add the first account at once one is the first, and the other is told to log in', async () => {
    const { mesh, sessions } = await startStory('two firsts', { clients: 2 });
    const [one, other] = sessions as [Session, Session];
    await mesh.settle(Promise.all([one, other].map((session) => session.connect())));
    await other.close();
    mesh.clients[1]?.kill();
    // At the same peer: while one password is hashed the other is too.
    const address = mesh.peers.find((peer) => peer.node.id === one.peer)?.address as string;
    const beside = mesh.clients[1]?.open([address]) as Session;
    const told = await mesh.settle(
      Promise.all([
        addAccount(one, 'anna', 'of anna').catch((thrown: unknown) => asMeshError(thrown).code),
        addAccount(beside, 'eve', 'of eve').catch((thrown: unknown) => asMeshError(thrown).code),
      ]),
    );
    expect(told.filter((answer) => answer === 'not-allowed').length).toBe(1);
    expect(told.filter((answer) => typeof answer === 'object' && answer.first).length).toBe(1);
  });

  test('signs its tokens anew when somebody is removed: who was logged in logs in again', async () => {
    const { mesh, root, anna } = await people('a removal');
    const token = anna.signIn.token;
    const gone = mesh.peers.find((one) => one.node.id !== root.peer && one.node.id !== anna.peer);
    await mesh.settle(removePeer(root, gone?.peer?.name ?? '', true, VERB));
    await mesh.run(1_000);
    // Whoever was removed knows the key: it may have made the token of a link that is up, too.
    expect(await mesh.settle(codeOf(listed(anna)))).toBe('not-allowed');
    mesh.clients[1]?.kill();
    const later = mesh.clients[1]?.open() as Session;
    await mesh.settle(later.signIn.use(token));
    expect(await mesh.settle(codeOf(listed(later)))).toBe('not-allowed');
    expect((await mesh.settle(enter(later, 'anna', 'of anna'))).kind).toBe('in');
  });

  test('gives nothing of an account to who has its name later', async () => {
    const { mesh, root, bob } = await people('a name again');
    await mesh.settle(createText(root, 'docs/plan.txt', 'p'));
    await mesh.settle(grant(root, { path: 'docs', who: 'everyone', right: 'none' }, VERB));
    await mesh.settle(grant(root, { path: 'docs', who: 'bob', right: 'read' }, VERB));
    await mesh.run(500);
    expect(await mesh.settle(seen(bob, 'docs/plan.txt'))).toBeDefined();
    await mesh.settle(removeUser(root, 'bob', VERB));
    await mesh.settle(addAccount(root, 'bob', 'of another bob'));
    await mesh.run(500);
    expect(await mesh.settle(codeOf(listed(bob)))).toBe('not-allowed');
    expect(await mesh.settle(enter(bob, 'bob', 'of bob'))).toEqual({ kind: 'wrong' });
    expect((await mesh.settle(enter(bob, 'bob', 'of another bob'))).kind).toBe('in');
    expect(await mesh.settle(seen(bob, 'docs/plan.txt'))).toBeUndefined();
    expect((await mesh.settle(users(root, VERB))).map(({ name }) => name)).toEqual(['anna', 'bob', 'root']);
  });

  test('believes no client of another machine where its user is', async () => {
    const { mesh, root, bob } = await people('from elsewhere');
    const { proof } = await mesh.settle(bob.signIn.secretsOf('bob', 'of bob'));
    await mesh.settle(login(bob, { user: 'bob', proof, from: '203.0.113.9:4' }, VERB));
    await mesh.settle(createText(bob, 'b.txt', 'b'));
    const { entries } = await mesh.settle(readLog(root, { limit: 500, user: 'bob' }, VERB));
    expect(entries.map(({ action }) => action)).toContain('create');
    expect(entries.filter(({ from }) => from.startsWith('203.'))).toEqual([]);
  });
});

describe('the guard', () => {
  const bob = { name: 'bob', admin: false };
  const rights = new Rights([
    { kind: 'grant', path: 'docs', who: 'everyone', life: 0, homeLife: 0, right: 'read', revision: 0 },
    { kind: 'grant', path: 'docs/a.txt', who: 'bob', life: 0, homeLife: 0, right: 'write', revision: 0 },
  ]);
  const code = (act: () => void) => {
    try {
      act();
      return 'done';
    } catch (thrown) {
      return asMeshError(thrown).code;
    }
  };
  const change = (one: Ask<'change'>['change']) =>
    code(() => checkNeed('change', { request: '' as RequestId, change: one, base: [], hops: 0 }, bob, rights));

  test('lets nobody make files beside one by keeping both versions of it', () => {
    const path = 'docs/a.txt' as FilePath;
    expect(change({ kind: 'delete', path })).toBe('done');
    expect(change({ kind: 'resolve', path, keep: 'alpha' })).toBe('done');
    expect(change({ kind: 'resolve-both', path })).toBe('not-allowed');
    expect(change({ kind: 'resolve-both', path: 'home/bob/a.txt' as FilePath })).toBe('done');
  });

  test('refuses a call that it does not know, also to an admin', () => {
    const act = () => checkNeed('frobnicate' as 'ping', {}, { name: 'root', admin: true }, rights);
    expect(code(act)).toBe('not-allowed');
  });
});

test.each([
  ['192.0.2.7:4795', '192.0.2.7'],
  ['[::1]:4795', '::1'],
  ['[::ffff:192.0.2.7]:4795', '192.0.2.7'],
  ['[2001:db8:1:2:3:4:5:6]:1', '2001:db8:1:2::'],
  ['[2001:db8:1:2:ffff::1]:1', '2001:db8:1:2::'],
  ['[fe80::1%eth0]:1', 'fe80:0:0:0::'],
  ['alpha:7400', 'alpha'],
  ['203.0.113.9', '203.0.113.9'],
])('the host of %s is %s: of IPv6 the network, for a machine has as many addresses in it as it likes', (address, host) => {
  expect(hostOf(address)).toBe(host);
  expect(isLoopback(host)).toBe(host === '::1');
});
