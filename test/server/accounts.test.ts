import { describe, expect, test } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { addUser, changePassword, grant, login, logout, removeUser, rightsOf, users } from '../../src/client/verbs/accounts.ts';
import { remove, rename } from '../../src/client/verbs/changes.ts';
import { invite, status } from '../../src/client/verbs/mesh.ts';
import { EVERYONE } from '../../src/core/accounts.ts';
import { NEEDS } from '../../src/server/guard.ts';
import { CALLS } from '../../src/wire/calls.ts';
import { VERB } from '../sim/mesh-client.ts';
import { codeOf, createText, listed, seen, startStory } from './story.ts';

async function add(session: Session, name: string, password: string, admin = false) {
  const { proof } = await session.signIn.secretsOf(name, password);
  return await addUser(session, { name, admin, proof }, VERB);
}

async function enter(session: Session, user: string, password: string) {
  const { proof } = await session.signIn.secretsOf(user, password);
  return await login(session, { user, proof }, VERB);
}

/** Three peers; an admin, anna and bob, each logged in at another peer. */
async function people(seed: string) {
  const { mesh, sessions } = await startStory(seed, { clients: 3 });
  const [root, anna, bob] = sessions as [Session, Session, Session];
  await mesh.settle(
    (async () => {
      expect(await add(root, 'root', 'r')).toEqual({ first: true });
      expect(await enter(root, 'root', 'r')).toMatchObject({ kind: 'in', admin: true });
      expect(await add(root, 'anna', 'a')).toEqual({ first: false });
      await add(root, 'bob', 'b');
    })(),
  );
  await mesh.run(500);
  expect(await mesh.settle(enter(anna, 'anna', 'a'))).toMatchObject({ kind: 'in', admin: false });
  expect(await mesh.settle(enter(bob, 'bob', 'b'))).toMatchObject({ kind: 'in' });
  return { mesh, root, anna, bob };
}

describe('accounts', () => {
  test('the guard knows every call, and those of peers are for peers', () => {
    expect(Object.keys(NEEDS).sort()).toEqual(Object.keys(CALLS).sort());
    for (const [name, { callers }] of Object.entries(CALLS))
      expect([name, NEEDS[name as keyof typeof CALLS] === 'peer']).toEqual([
        name,
        !(callers as readonly string[]).includes('client'),
      ]);
  });

  test('before the first one everything is as it was; from then on nobody does anything who is not logged in', async () => {
    const { mesh, sessions } = await startStory('first account', { clients: 2 });
    const [root, other] = sessions as [Session, Session];
    await mesh.settle(createText(other, 'a.txt', 'a'));
    expect(await mesh.settle(codeOf(enter(other, 'root', 'r')))).toBe('usage');
    await mesh.settle(add(root, 'root', 'r'));
    await mesh.run(500);
    for (const act of [
      () => listed(other),
      () => createText(other, 'b.txt', 'b'),
      () => seen(other, 'a.txt'),
      () => status(other, VERB),
      () => invite(other, VERB),
    ])
      expect(await mesh.settle(codeOf(act()))).toBe('not-allowed');
    expect(await mesh.settle(enter(other, 'root', 'wrong'))).toEqual({ kind: 'wrong' });
    expect(await mesh.settle(enter(other, 'nobody', 'r'))).toEqual({ kind: 'wrong' });
    expect(await mesh.settle(enter(other, 'root', 'r'))).toMatchObject({ kind: 'in', user: 'root', admin: true });
    expect((await mesh.settle(listed(other))).map((entry) => entry.path)).toEqual(['a.txt']);
    await mesh.settle(logout(other));
    expect(await mesh.settle(codeOf(listed(other)))).toBe('not-allowed');
  });

  test('what one may not see is not there; what one may not change is not allowed', async () => {
    const { mesh, root, anna, bob } = await people('sight');
    await mesh.settle(createText(anna, 'home/anna/diary.txt', 'd'));
    await mesh.settle(createText(anna, 'shared.txt', 's'));
    await mesh.settle(grant(root, { path: 'docs', who: EVERYONE, right: 'read' }, VERB));
    await mesh.settle(createText(root, 'docs/plan.txt', 'p'));
    await mesh.run(1_000);
    expect(await mesh.settle(seen(bob, 'home/anna/diary.txt'))).toBeUndefined();
    expect((await mesh.settle(listed(bob))).map(({ path }) => path)).toEqual(['docs/plan.txt', 'shared.txt']);
    for (const act of [
      () => createText(bob, 'home/anna/x', 'x'),
      () => createText(bob, 'HOME/Anna/diary.txt', 'x'),
      () => rename(bob, 'shared.txt', 'home/anna/s', VERB),
    ])
      expect(await mesh.settle(codeOf(act()))).toBe('not-found');
    for (const act of [
      () => createText(bob, 'docs/x', 'x'),
      () => remove(bob, 'docs/plan.txt', VERB),
      () => rename(bob, 'shared.txt', 'docs/s', VERB),
      () => invite(bob, VERB),
    ])
      expect(await mesh.settle(codeOf(act()))).toBe('not-allowed');
    await mesh.settle(grant(anna, { path: 'home/anna/diary.txt', who: 'bob', right: 'read' }, VERB));
    await mesh.run(500);
    expect(await mesh.settle(seen(bob, 'home/anna/diary.txt'))).toMatchObject({ path: 'home/anna/diary.txt' });
    expect(await mesh.settle(codeOf(remove(bob, 'home/anna/diary.txt', VERB)))).toBe('not-allowed');
    expect(await mesh.settle(codeOf(grant(bob, { path: 'shared.txt', who: EVERYONE, right: 'read' }, VERB)))).toBe('not-allowed');
    expect(await mesh.settle(rightsOf(bob, 'docs', VERB))).toEqual([
      { who: 'everyone', right: 'read', from: 'docs' },
      { who: 'root', right: 'write', from: '' },
    ]);
  });

  test('a login goes on at another peer when its own dies, and ends with the password it was made by', async () => {
    const { mesh, root, anna } = await people('failover');
    const peer = mesh.peers.find((one) => one.node.id === anna.peer);
    peer?.node.kill();
    await mesh.settle(createText(anna, 'home/anna/after.txt', 'x'));
    const { proof: oldProof } = await mesh.settle(anna.signIn.secretsOf('anna', 'a'));
    const { proof } = await mesh.settle(anna.signIn.secretsOf('anna', 'a2'));
    const before = anna.signIn.token;
    expect(await mesh.settle(changePassword(anna, { user: 'anna', oldProof: proof, proof }, VERB))).toEqual({ kind: 'wrong' });
    expect(await mesh.settle(changePassword(anna, { user: 'anna', oldProof, proof }, VERB))).toMatchObject({ kind: 'done' });
    expect((await mesh.settle(listed(anna))).map((entry) => entry.path)).toEqual(['home/anna/after.txt']);
    await mesh.settle(anna.signIn.use(before));
    expect(await mesh.settle(codeOf(listed(anna)))).toBe('not-allowed');
    expect(await mesh.settle(enter(anna, 'anna', 'a'))).toEqual({ kind: 'wrong' });
    expect(await mesh.settle(enter(anna, 'anna', 'a2'))).toMatchObject({ kind: 'in' });
    await mesh.settle(removeUser(root, 'anna', VERB));
    await mesh.run(500);
    expect(await mesh.settle(codeOf(listed(anna)))).toBe('not-allowed');
    expect((await mesh.settle(users(root, VERB))).map((user) => user.name)).toEqual(['bob', 'root']);
    expect(await mesh.settle(codeOf(removeUser(root, 'root', VERB)))).toBe('usage');
  });

  test('nothing of it is told to a client', async () => {
    const { mesh, anna } = await people('secrets');
    const told = JSON.stringify(mesh.clients.map((client) => client.memory?.facts));
    expect(told).toContain('member');
    for (const word of ['argon2', 'session-key', 'verifier', anna.signIn.token ?? '']) expect(told).not.toContain(word);
  });
});
