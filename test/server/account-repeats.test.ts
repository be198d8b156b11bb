import { describe, expect, test } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { changePassword, grant, readLog, users } from '../../src/client/verbs/accounts.ts';
import { setReplicas, status } from '../../src/client/verbs/mesh.ts';
import type { FilePath } from '../../src/core/ids.ts';
import type { Ask } from '../../src/wire/calls.ts';
import type { Mesh } from '../sim/mesh.ts';
import { VERB } from '../sim/mesh-client.ts';
import { addAccount, enter, people } from './people.ts';
import { codeOf, seen, startStory } from './story.ts';

/** What a client asks for again, at another peer, when the first one died before it answered. */
describe('a request that is repeated at another peer', () => {
  test('makes the first account once, and nobody is told to log in by it', async () => {
    const { mesh, sessions } = await startStory('a first account again', { clients: 2 });
    const [one, other] = sessions as [Session, Session];
    const { proof } = await mesh.settle(one.signIn.secretsOf('anna', 'of anna'));
    const ask: Ask<'user-add'> = { name: 'anna', admin: false, proof, request: one.newRequest() };
    await mesh.settle(other.connect());
    expect((await mesh.settle(one.call('user-add', ask))).reply).toEqual({ first: true });
    await mesh.run(1_000);
    expect((await mesh.settle(other.call('user-add', ask))).reply).toEqual({ first: true });
    // Another one's is refused as ever, whatever it is called.
    expect(await mesh.settle(codeOf(other.call('user-add', { ...ask, request: other.newRequest() })))).toBe('not-allowed');
    expect(await mesh.settle(codeOf(other.call('user-add', { ...ask, name: 'eve' })))).toBe('not-allowed');
    const { request: _, ...unnamed } = ask;
    expect(await mesh.settle(codeOf(other.call('user-add', unnamed)))).toBe('not-allowed');
    await mesh.settle(enter(one, 'anna', 'of anna'));
    expect(await mesh.settle(users(one, VERB))).toEqual([{ name: 'anna', admin: true }]);
  });

  test('sets a password once, and goes on with the login that it gives', async () => {
    const { mesh, anna, bob } = await people('a password again');
    const { proof: oldProof } = await mesh.settle(anna.signIn.secretsOf('anna', 'of anna'));
    const { proof } = await mesh.settle(anna.signIn.secretsOf('anna', 'a new one'));
    const ask: Ask<'user-passwd'> = { user: 'anna', oldProof, proof, request: anna.newRequest() };
    await mesh.settle(anna.call('user-passwd', ask));
    await mesh.run(1_000);
    // The old login is void there, so the link is nobody's.
    await mesh.settle(bob.signIn.use(undefined));
    const { reply } = await mesh.settle(bob.call('user-passwd', ask));
    await mesh.settle(bob.signIn.use(reply.token));
    expect(bob.signIn.who).toMatchObject({ user: 'anna' });
    // The id alone gives nothing.
    await mesh.settle(bob.signIn.use(undefined));
    expect(await mesh.settle(codeOf(bob.call('user-passwd', { ...ask, proof: 'ab'.repeat(32) })))).toBe('not-allowed');
    expect(await mesh.settle(codeOf(bob.call('user-passwd', { ...ask, request: bob.newRequest() })))).toBe('not-allowed');
  });

  test('adds and removes others once', async () => {
    const { mesh, root, anna } = await people('others again');
    await mesh.settle(anna.signIn.use(root.signIn.token));
    const { proof } = await mesh.settle(root.signIn.secretsOf('carl', 'of carl'));
    const add: Ask<'user-add'> = { name: 'carl', admin: true, proof, request: root.newRequest() };
    const remove: Ask<'user-remove'> = { user: 'carl', request: root.newRequest() };
    const grant: Ask<'grant'> = { path: 'docs' as FilePath, who: 'bob', right: 'read', request: root.newRequest() };
    for (const session of [root, anna]) {
      expect((await mesh.settle(session.call('user-add', add))).reply).toEqual({ first: false });
      await mesh.settle(session.call('grant', grant));
      await mesh.run(1_000);
    }
    for (const session of [root, anna]) {
      await mesh.settle(session.call('user-remove', remove));
      await mesh.run(1_000);
    }
    expect(await mesh.settle(codeOf(root.call('user-remove', { ...remove, request: root.newRequest() })))).toBe('not-found');
    expect(await deeds(mesh, root, 'root')).toEqual(['user remove carl', 'grant docs bob read', 'user add carl (admin)']);
  });

  test('acts once also when others changed the same thing since', async () => {
    const { mesh, root, anna } = await people('overtaken by others');
    await mesh.settle(anna.signIn.use(root.signIn.token));
    const path = 'docs' as FilePath;
    const { proof } = await mesh.settle(root.signIn.secretsOf('bob', 'by one admin'));
    const passwd: Ask<'user-passwd'> = { user: 'bob', proof, request: root.newRequest() };
    const remove: Ask<'user-remove'> = { user: 'bob', request: root.newRequest() };
    const read: Ask<'grant'> = { path, who: 'everyone', right: 'read', request: root.newRequest() };
    await mesh.settle(root.call('grant', read));
    await mesh.settle(root.call('user-passwd', passwd));
    await mesh.run(1_000);
    await mesh.settle(grant(anna, { path, who: 'everyone', right: 'none' }, VERB));
    await mesh.settle(changePassword(anna, { user: 'bob', proof: 'ab'.repeat(32) }, VERB));
    await mesh.run(1_000);
    await mesh.settle(root.call('grant', read));
    await mesh.settle(root.call('user-passwd', passwd));
    const { rights } = (await mesh.settle(root.call('rights', { path }))).reply;
    expect(rights[0]).toMatchObject({ who: 'everyone', right: 'none' });
    expect((await mesh.settle(enter(anna, 'bob', 'by one admin'))).kind).toBe('wrong');
    const told = (await deeds(mesh, root, 'root')).filter((words) => !words.startsWith('login'));
    expect(told).toEqual(['user passwd bob', 'grant docs everyone none', 'user passwd bob', 'grant docs everyone read']);
    await mesh.settle(root.call('user-remove', remove));
    await mesh.settle(addAccount(root, 'bob', 'another bob'));
    await mesh.run(1_000);
    await mesh.settle(root.call('user-remove', remove));
    expect((await mesh.settle(users(root, VERB))).map(({ name }) => name)).toContain('bob');
  });

  test('stands for no other call: who changed a password gets nothing else by its id', async () => {
    const { mesh, root, bob } = await people('an id for another call');
    const { proof } = await mesh.settle(bob.signIn.secretsOf('bob', 'of bob'));
    const ask: Ask<'user-passwd'> = { user: 'bob', oldProof: proof, proof, request: bob.newRequest() };
    await mesh.settle(bob.signIn.use((await mesh.settle(bob.call('user-passwd', ask))).reply.token));
    const line = async () => (await mesh.settle(root.call('invite', {}))).reply.join;
    const before = await line();
    const { request } = ask;
    expect(await mesh.settle(codeOf(bob.call('user-remove', { user: 'bob', request })))).toBe('not-allowed');
    expect(await mesh.settle(codeOf(bob.call('user-add', { name: 'bob', admin: true, proof, request })))).toBe('not-allowed');
    expect(await line()).toBe(before);
  });

  test('that removed somebody renews the secret once at each peer, however often it comes, and fills no log', async () => {
    const { mesh, root, bob } = await people('a removal without end');
    const ask: Ask<'user-remove'> = { user: 'anna', request: root.newRequest() };
    const line = async () => (await mesh.settle(root.call('invite', {}))).reply.join;
    const lines = new Set([await line()]);
    await mesh.settle(root.call('user-remove', ask));
    // Whoever drew its id was an admin then, and may be nobody now.
    await mesh.settle(bob.signIn.use(undefined));
    for (let count = 0; count < 20; count++) {
      await mesh.settle(bob.call('user-remove', ask));
      await mesh.run(500);
      lines.add(await line());
    }
    expect(lines.size).toBeGreaterThan(1);
    expect(lines.size).toBeLessThanOrEqual(1 + mesh.peers.length);
    const { entries } = await mesh.settle(readLog(root, { limit: 500 }, VERB));
    expect(entries.filter(({ action }) => action === 'user remove').length).toBeLessThanOrEqual(2);
  });

  test('sets the number of copies once: what another set since stays', async () => {
    const { mesh, root, anna } = await people('copies again');
    await mesh.settle(anna.signIn.use(root.signIn.token));
    const set = (session: Session, value: number, request = session.newRequest()) =>
      mesh.settle(session.call('set', { name: 'replicas', value, request }));
    const wanted = async () => (await mesh.settle(status(root, VERB))).wanted;
    const request = root.newRequest();
    await set(root, 3, request);
    await mesh.run(1_000);
    await set(anna, 1);
    await mesh.run(1_000);
    for (const session of [root, anna]) await set(session, 3, request);
    await mesh.run(1_000);
    expect(await wanted()).toBe(1);
    await mesh.settle(setReplicas(root, 3, VERB));
    await mesh.settle(setReplicas(root, 2, VERB));
    await mesh.run(1_000);
    expect(await wanted()).toBe(2);
    const told = (await deeds(mesh, root, 'root')).filter((words) => words.startsWith('set'));
    expect(told).toEqual(['set replicas 2', 'set replicas 3', 'set replicas 1', 'set replicas 3']);
  });

  test('is told once in the log, and what is done anew with the same id is told anew', async () => {
    const { mesh, root, anna } = await people('told once');
    await mesh.settle(anna.signIn.use(root.signIn.token));
    const path = 'kept.txt' as FilePath;
    const upload = root.newRequest();
    await mesh.settle(root.call('begin', { upload, path, base: [], size: 0, hops: 2 }));
    const create: Ask<'change'> = { request: upload, change: { kind: 'create', path, upload }, base: [], hops: 2 };
    for (const session of [root, root, anna]) {
      await mesh.settle(session.call('change', create));
      await mesh.run(1_000);
    }
    expect(await deeds(mesh, root, 'root')).toEqual(['create kept.txt']);
    const base = (await mesh.settle(seen(root, path)))?.base ?? [];
    const remove: Ask<'change'> = {
      request: upload,
      change: { kind: 'delete', path: 'other.txt' as FilePath },
      base: [],
      hops: 2,
    };
    expect(await mesh.settle(codeOf(root.call('change', remove)))).toBe('not-found');
    await mesh.settle(root.call('change', { request: root.newRequest(), change: { kind: 'delete', path }, base, hops: 2 }));
    await mesh.run(1_000);
    expect(await deeds(mesh, root, 'root')).toEqual(['delete kept.txt', 'create kept.txt']);
  });
});

/** What that one did since the accounts were made, the newest first, as all peers tell it. */
async function deeds(mesh: Mesh, session: Session, user: string): Promise<string[]> {
  const { entries } = await mesh.settle(readLog(session, { limit: 500, user }, VERB));
  const told = entries.map(({ action, subject }) => `${action} ${subject}`);
  const end = told.findIndex((words) => words.startsWith('login') || words === 'user add bob');
  return told.slice(0, end < 0 ? undefined : end);
}

/** Two peers that cannot hear each other, and have not noticed yet: a client at each makes the first account. */
describe('two first accounts made at once', () => {
  async function two(seed: string, names: readonly [string, string]) {
    const { mesh, sessions } = await startStory(seed, { clients: 2 });
    const [one, other] = sessions as [Session, Session];
    await mesh.settle(one.connect());
    await mesh.settle(other.connect());
    const here = mesh.peers.find(({ node }) => node.id === one.peer)?.name as string;
    const there = mesh.peers.flatMap(({ name }) => (name === here ? [] : [name]));
    mesh.partition([
      [here, 'client1'],
      [...there, 'client2'],
    ]);
    for (const [session, name, password] of [
      [one, names[0], 'of the one'],
      [other, names[1], 'of the other'],
    ] as const) {
      expect(await mesh.settle(addAccount(session, name, password))).toEqual({ first: true });
      expect(await mesh.settle(enter(session, name, password))).toMatchObject({ kind: 'in', admin: true });
    }
    mesh.world.lan.heal();
    await mesh.run(30_000);
    return { mesh, one, other };
  }

  test.each(['one draw', 'another', 'a third', 'a fourth'])(
    'leave one admin, at every peer, and the log tells the other (%s)',
    async (seed) => {
      const { mesh, one, other } = await two(seed, ['anna', 'eve']);
      // Each began to sign tokens with a key of its own, and one of the keys counts.
      const isAdmin = {
        anna: await mesh.settle(enter(one, 'anna', 'of the one')),
        eve: await mesh.settle(enter(other, 'eve', 'of the other')),
      };
      const [winner, loser] = (isAdmin.anna as { admin?: boolean }).admin === true ? ['anna', 'eve'] : ['eve', 'anna'];
      expect(isAdmin).toMatchObject({ [winner as string]: { admin: true }, [loser as string]: { admin: false } });
      const [first, second] = winner === 'anna' ? [one, other] : [other, one];
      const admins = [
        { name: 'anna', admin: winner === 'anna' },
        { name: 'eve', admin: winner === 'eve' },
      ];
      for (const session of [first, second]) expect(await mesh.settle(users(session, VERB))).toEqual(admins);
      expect(await mesh.settle(codeOf(second.call('invite', {})))).toBe('not-allowed');
      expect(await mesh.settle(codeOf(first.call('invite', {})))).toBeUndefined();
      for (const session of [first, second]) {
        const { entries } = await mesh.settle(readLog(session, { limit: 500 }, VERB));
        const told = entries.filter(({ action }) => action === 'not the first');
        expect(told.map(({ user, subject }) => [user, subject])).toEqual([
          [loser, `${winner} is the admin: both accounts were made at once`],
        ]);
      }
    },
  );

  test('under one name are one account, an admin’s, with one of the passwords', async () => {
    const { mesh, one, other } = await two('one name', ['anna', 'anna']);
    const came = [await mesh.settle(enter(one, 'anna', 'of the one')), await mesh.settle(enter(other, 'anna', 'of the other'))];
    expect(came.map(({ kind }) => kind).sort()).toEqual(['in', 'wrong']);
    expect(came).toContainEqual(expect.objectContaining({ kind: 'in', admin: true }));
  });
});
