import { describe, expect, test } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { changePassword, grant, logout, readLog, removeUser, rightsOf, users } from '../../src/client/verbs/accounts.ts';
import { remove, rename } from '../../src/client/verbs/changes.ts';
import { invite, status } from '../../src/client/verbs/mesh.ts';
import { EVERYONE } from '../../src/core/accounts.ts';
import { NEEDS } from '../../src/server/guard.ts';
import { CALLS } from '../../src/wire/calls.ts';
import { VERB } from '../sim/mesh-client.ts';
import { addAccount, enter, people } from './people.ts';
import { codeOf, createText, listed, seen, startStory } from './story.ts';

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
    expect(await mesh.settle(codeOf(enter(other, 'root', 'of root')))).toBe('usage');
    await mesh.settle(addAccount(root, 'root', 'of root'));
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
    expect(await mesh.settle(enter(other, 'nobody', 'of root'))).toEqual({ kind: 'wrong' });
    expect(await mesh.settle(enter(other, 'root', 'of root'))).toMatchObject({ kind: 'in', user: 'root', admin: true });
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
    const { proof: oldProof } = await mesh.settle(anna.signIn.secretsOf('anna', 'of anna'));
    const { proof } = await mesh.settle(anna.signIn.secretsOf('anna', 'a2'));
    const before = anna.signIn.token;
    expect(await mesh.settle(changePassword(anna, { user: 'anna', oldProof: proof, proof }, VERB))).toEqual({ kind: 'wrong' });
    expect(await mesh.settle(changePassword(anna, { user: 'anna', oldProof, proof }, VERB))).toMatchObject({ kind: 'done' });
    expect((await mesh.settle(listed(anna))).map((entry) => entry.path)).toEqual(['home/anna/after.txt']);
    await mesh.settle(anna.signIn.use(before));
    expect(anna.signIn.who).toBeUndefined();
    expect(await mesh.settle(codeOf(listed(anna)))).toBe('not-allowed');
    expect(await mesh.settle(enter(anna, 'anna', 'of anna'))).toEqual({ kind: 'wrong' });
    expect(await mesh.settle(enter(anna, 'anna', 'a2'))).toMatchObject({ kind: 'in' });
    await mesh.settle(removeUser(root, 'anna', VERB));
    await mesh.run(500);
    expect(await mesh.settle(codeOf(listed(anna)))).toBe('not-allowed');
    expect((await mesh.settle(users(root, VERB))).map((user) => user.name)).toEqual(['bob', 'root']);
    expect(await mesh.settle(codeOf(removeUser(root, 'root', VERB)))).toBe('usage');
  });

  test('nobody but an admin sets the password of another', async () => {
    const { mesh, root, anna, bob } = await people('the password of another');
    const { proof } = await mesh.settle(anna.signIn.secretsOf('bob', 'set by anna'));
    const { proof: oldProof } = await mesh.settle(anna.signIn.secretsOf('anna', 'of anna'));
    expect(await mesh.settle(codeOf(changePassword(anna, { user: 'bob', proof }, VERB)))).toBe('not-allowed');
    expect(await mesh.settle(changePassword(anna, { user: 'bob', proof, oldProof }, VERB))).toEqual({ kind: 'wrong' });
    expect(await mesh.settle(codeOf(listed(bob)))).toBeUndefined();
    expect(await mesh.settle(changePassword(root, { user: 'bob', proof }, VERB))).toMatchObject({ kind: 'done' });
    await mesh.run(500);
    expect(await mesh.settle(codeOf(listed(bob)))).toBe('not-allowed');
    expect(await mesh.settle(enter(bob, 'bob', 'set by anna'))).toMatchObject({ kind: 'in' });
  });

  test('a password is not changed without the sealing key that it wraps', async () => {
    const { mesh, anna } = await people('a key left behind');
    const { proof } = await mesh.settle(anna.signIn.secretsOf('anna', 'of anna'));
    const change = { user: 'anna', oldProof: proof, proof };
    const key = { recipient: `age1${'q'.repeat(58)}`, wrapped: 'A'.repeat(64) };
    expect(await mesh.settle(changePassword(anna, { ...change, key }, VERB))).toMatchObject({ kind: 'done' });
    expect(await mesh.settle(codeOf(changePassword(anna, change, VERB)))).toBe('usage');
    expect(await mesh.settle(enter(anna, 'anna', 'of anna'))).toMatchObject({ kind: 'in', key });
  });

  test('a token that was changed, made elsewhere, or is of nobody, is void', async () => {
    const { mesh, anna } = await people('forged');
    const token = anna.signIn.token ?? '';
    const [, life, revision, generation, expires, nonce] = token.split('.');
    const forged = [
      token.replace('anna', 'root'),
      token.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')),
      ['root', life, revision, generation, expires, nonce, '0'.repeat(64)].join('.'),
      token.replace(`.${expires}.`, `.${Number(expires) + 1}.`),
      'nonsense',
    ];
    for (const one of forged) {
      await mesh.settle(anna.signIn.use(one));
      expect([one === token, await mesh.settle(codeOf(listed(anna)))]).toEqual([false, 'not-allowed']);
    }
    await mesh.settle(anna.signIn.use(token));
    expect(await mesh.settle(codeOf(listed(anna)))).toBeUndefined();
  });

  test('nothing of it is told to a client', async () => {
    const { mesh, anna } = await people('secrets');
    const told = JSON.stringify(mesh.clients.map((client) => client.memory?.facts));
    expect(told).toContain('member');
    for (const word of ['argon2', 'session-key', 'verifier', anna.signIn.token ?? '']) expect(told).not.toContain(word);
  });

  test('who did what, and through which peer, is told by all that live: to an admin all, to others their own', async () => {
    const { mesh, root, anna, bob } = await people('log');
    await mesh.settle(createText(anna, 'home/anna/a.txt', 'a'));
    await mesh.settle(rename(anna, 'home/anna/a.txt', 'home/anna/b.txt', VERB));
    await mesh.settle(createText(bob, 'b.txt', 'b'));
    await mesh.settle(remove(bob, 'b.txt', VERB));
    expect(await mesh.settle(enter(bob, 'bob', 'wrong'))).toEqual({ kind: 'wrong' });
    await mesh.settle(codeOf(createText(bob, 'home/anna/c.txt', 'c')));
    await mesh.settle(grant(root, { path: 'docs', who: 'bob', right: 'none' }, VERB));
    const deeds = async (session: Session, user?: string) => {
      const { entries } = await mesh.settle(readLog(session, { limit: 500, ...(user !== undefined && { user }) }, VERB));
      expect(entries.map(({ at }) => at)).toEqual(entries.map(({ at }) => at).toSorted((a, b) => b - a));
      for (const { from, peer } of entries)
        expect([from !== '', mesh.peers.some((one) => one.peer?.name === peer)]).toEqual([true, true]);
      return entries.map((entry) => [entry.user, entry.action, entry.subject].join(' ').trim()).toReversed();
    };
    const all = await deeds(root);
    expect(all.slice(0, 6)).toEqual([
      'root user add root (admin)',
      'root login',
      'root user add anna',
      'anna login',
      'root user add bob',
      'bob login',
    ]);
    expect(all.slice(6)).toEqual([
      'anna create home/anna/a.txt',
      'anna rename home/anna/a.txt -> home/anna/b.txt',
      'bob create b.txt',
      'bob delete b.txt',
      'bob login refused',
      'root grant docs bob none',
    ]);
    expect(await deeds(bob)).toEqual(all.filter((deed) => deed.startsWith('bob')));
    expect(await deeds(root, 'anna')).toEqual(all.filter((deed) => deed.startsWith('anna')));
    expect(await mesh.settle(codeOf(readLog(bob, { limit: 10, user: 'anna' }, VERB)))).toBe('not-allowed');
    expect(
      new Set((await mesh.settle(readLog(root, { limit: 500 }, VERB))).entries.map(({ peer }) => peer)).size,
    ).toBeGreaterThan(1);
    // In pages it is the same, and it is there after a restart.
    for (const one of mesh.peers) {
      mesh.kill(one);
      mesh.start(one);
      await mesh.run(5_000);
    }
    const paged: string[] = [];
    for (let before: number | undefined, more = true; more; ) {
      const query = { limit: 2, ...(before !== undefined && { before }) };
      const page = await mesh.settle(readLog(root, query, VERB));
      paged.push(...page.entries.map((entry) => [entry.user, entry.action, entry.subject].join(' ').trim()));
      before = page.entries.at(-1)?.at;
      more = page.more;
    }
    expect(paged.toReversed()).toEqual(all);
  });
});
