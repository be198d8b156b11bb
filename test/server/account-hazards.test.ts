import { describe, expect, test, vi } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { addUser, grant, login, readLog, removeUser, users } from '../../src/client/verbs/accounts.ts';
import { removePeer } from '../../src/client/verbs/mesh.ts';
import { asMeshError } from '../../src/core/errors.ts';
import type { FilePath, RequestId } from '../../src/core/ids.ts';
import { Rights } from '../../src/core/rights.ts';
import type { LogEntry } from '../../src/server/audit.ts';
import { checkNeed } from '../../src/server/guard.ts';
import { Noting } from '../../src/server/noting.ts';
import type { Ask } from '../../src/wire/calls.ts';
import type { Link } from '../../src/wire/link.ts';
import { hostOf, isLoopback } from '../../src/wire/remote-host.ts';
import { VERB } from '../sim/mesh-client.ts';
import { SimHasher } from '../sim/sim-hasher.ts';
import { addAccount, enter, people } from './people.ts';
import { codeOf, createText, listed, seen, startStory } from './story.ts';

describe('a mesh with accounts', () => {
  test('of two that add the first account at once one is the first, and the other is told to log in', async () => {
    const { mesh, sessions } = await startStory('two firsts', { clients: 2 });
    const [one, other] = sessions as [Session, Session];
    await mesh.settle(one.connect());
    await other.close();
    mesh.clients[1]?.kill();
    const address = mesh.peers.find((peer) => peer.node.id === one.peer)?.address as string;
    const beside = mesh.clients[1]?.open([address]) as Session;
    await mesh.settle(beside.connect());
    // While one password is hashed there the other comes.
    const hashing: (() => void)[] = [];
    const spy = vi.spyOn(SimHasher.prototype, 'passwordKey').mockImplementation(async () => {
      await new Promise<void>((resolve) => hashing.push(resolve));
      return new Uint8Array(32);
    });
    const add = (session: Session, name: string) =>
      addUser(session, { name, admin: false, proof: 'ab'.repeat(32) }, VERB).catch((thrown: unknown) => asMeshError(thrown).code);
    const adding = Promise.all([add(one, 'anna'), add(beside, 'eve')]);
    await mesh.until('one is hashed', () => hashing.length > 0);
    await mesh.run(500);
    for (let turn = 0; turn < 2; turn++) {
      for (const end of hashing.splice(0)) end();
      await mesh.run(500);
    }
    const told = await mesh.settle(adding);
    spy.mockRestore();
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

  test('makes no change of somebody whose right was taken away while it waited for its name', async () => {
    const { mesh, root, bob, others } = await people('withdrawn meanwhile', 4);
    const names = ['alpha', 'bravo', 'charlie', 'delta', 'echo', 'foxtrot', 'golf', 'hotel'].map((name) => `docs/${name}`);
    const near = mesh.peers.find(({ node }) => node.id === bob.peer) as (typeof mesh.peers)[number];
    const [admin] = others as [Session];
    await mesh.settle(admin.close());
    mesh.clients[3]?.kill();
    const beside = mesh.clients[3]?.open([near.address]) as Session;
    await mesh.settle(beside.signIn.use(root.signIn.token));
    await mesh.settle(listed(beside));
    // Nobody has noticed yet: of names that others own it is asked there, and heard nothing.
    mesh.partition([
      [near.name, 'client3', 'client4'],
      [...mesh.peers.flatMap(({ name }) => (name === near.name ? [] : [name])), 'client1', 'client2'],
    ]);
    const asked = names.map((name) => codeOf(createText(bob, name, 'x')));
    await mesh.run(1_000);
    const present = async (session: Session) => (await mesh.settle(listed(session))).map(({ path }) => path).sort();
    const before = await present(beside);
    expect(before.length).toBeLessThan(names.length);
    await mesh.settle(grant(beside, { path: 'docs', who: 'bob', right: 'none' }, VERB));
    await mesh.run(20_000);
    expect(await present(beside)).toEqual(before);
    mesh.world.lan.heal();
    await mesh.run(30_000);
    expect((await mesh.settle(Promise.all(asked))).filter((code) => code === 'not-found').length).toBe(
      names.length - before.length,
    );
    expect(await present(root)).toEqual(before);
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

/** With accounts. */
const PEOPLE = { hasAccounts: () => true, founder: () => undefined, accounts: () => new Map(), accountFact: () => undefined };
const CATALOG = { people: PEOPLE, onFacts: () => {} };

describe('a page of the log', () => {
  /** Pages of a log of such times, all told by one peer, each entry told by its number. */
  async function pagesOf(times: readonly number[], limit: number): Promise<string[][]> {
    const entries = times.map((at, index) => ({ at, user: 'anna', action: `${index}`, subject: '', from: '', peer: 'alpha' }));
    const audit = {
      newest: async (wanted: (entry: LogEntry) => boolean, most: number) => entries.toReversed().filter(wanted).slice(0, most),
    };
    const catalog = CATALOG;
    const sessions = { personOf: () => ({ name: 'root', admin: true }) };
    const switchboard = { peers: () => [] };
    const noting = new Noting({ audit, catalog, sessions, switchboard } as unknown as ConstructorParameters<typeof Noting>[0]);
    const pages: string[][] = [];
    for (let before: number | undefined, more = true; more; ) {
      const ask = { limit, ...(before !== undefined && { before }) };
      const page = await noting.log(ask, { role: 'client' } as Link);
      pages.push(page.entries.map(({ action }) => action));
      before = page.entries.at(-1)?.at;
      more = page.more;
    }
    return pages;
  }

  test('tells each deed as one of the peer that tells it, whatever that says', async () => {
    const entry: LogEntry = { at: 1, user: 'anna', action: 'login', subject: '', from: '', peer: 'alpha' };
    const link = { peer: 'id', call: async () => ({ reply: { entries: [entry], more: false } }) };
    const noting = new Noting({
      audit: { newest: async () => [] },
      catalog: { ...CATALOG, shownName: () => 'mallory' },
      sessions: { personOf: () => ({ name: 'root', admin: true }) },
      switchboard: { peers: () => [link] },
    } as unknown as ConstructorParameters<typeof Noting>[0]);
    const { entries } = await noting.log({ limit: 10 }, { role: 'client' } as Link);
    expect(entries).toEqual([{ ...entry, peer: 'mallory' }]);
  });

  test('does not end between two of one time: the next one begins before it', async () => {
    expect(await pagesOf([1, 2, 3, 3, 4], 2)).toEqual([['4'], ['3', '2'], ['1', '0']]);
    expect(await pagesOf([1, 2, 3, 4], 4)).toEqual([['3', '2', '1', '0']]);
    expect(await pagesOf([], 4)).toEqual([[]]);
  });
});

describe('the guard', () => {
  const bob = { name: 'bob', admin: false };
  const rights = new Rights([
    { path: 'docs', who: 'everyone', right: 'read' },
    { path: 'docs/a.txt', who: 'bob', right: 'write' },
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

test.each([
  ['127.0.0.1', true],
  ['127.9.8.7', true],
  ['localhost', true],
  ['127.0.0.1.elsewhere.example', false],
  ['127.elsewhere', false],
  ['128.0.0.1', false],
])('that %s is this machine: %s', (host, isHere) => {
  expect(isLoopback(host)).toBe(isHere);
});

test('a login over a link that is somebody else’s is noted under who logged in, or was tried', async () => {
  const { mesh, root, bob } = await people('another login');
  expect(await mesh.settle(enter(bob, 'root', 'wrong'))).toEqual({ kind: 'wrong' });
  await mesh.settle(enter(bob, 'anna', 'of anna'));
  await mesh.run(500);
  const { entries } = await mesh.settle(readLog(root, { limit: 2 }, VERB));
  expect(entries.map(({ user, action }) => `${user} ${action}`)).toEqual(['anna login', 'root login refused']);
});
