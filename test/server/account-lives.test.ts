import { expect, test } from 'vitest';
import { recoverAdmin } from '../../src/cli/up-recovery.ts';
import type { Session } from '../../src/client/session.ts';
import { changePassword, grant, readLog, removeUser, users } from '../../src/client/verbs/accounts.ts';
import { removePeer } from '../../src/client/verbs/mesh.ts';
import { type AccountFact, EVERYONE, HOME_GRANTS_MAX, mergeAccounts, VERIFIER_NOBODY } from '../../src/core/accounts.ts';
import { asMeshError } from '../../src/core/errors.ts';
import type { FilePath } from '../../src/core/ids.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { Mesh, STORY } from '../sim/mesh.ts';
import { VERB } from '../sim/mesh-client.ts';
import { addAccount, enter, people } from './people.ts';
import { codeOf, createText, listed, seen, startStory } from './story.ts';

/** Parts one session and its peer from all others. */
function part(mesh: Mesh, session: Session, client: string): void {
  const near = [mesh.peers.find(({ node }) => node.id === session.peer)?.name as string, client];
  const names = [...mesh.peers.map(({ name }) => name), ...mesh.clients.map((_, index) => `client${index + 1}`)];
  mesh.partition([near, names.filter((name) => !near.includes(name))]);
}

async function setPassword(session: Session, user: string, from: string, to: string): Promise<void> {
  const { proof: oldProof } = await session.signIn.secretsOf(user, from);
  const { proof } = await session.signIn.secretsOf(user, to);
  await changePassword(session, { user, oldProof, proof }, VERB);
}

test('who is removed does not come back by what they change elsewhere at the same time', async () => {
  const { mesh, root, bob } = await people('removed elsewhere');
  part(mesh, bob, 'client3');
  await mesh.run(30_000);
  await mesh.settle(removeUser(root, 'bob', VERB));
  await mesh.settle(setPassword(bob, 'bob', 'of bob', 'another'));
  await mesh.settle(setPassword(bob, 'bob', 'another', 'a third'));
  mesh.world.lan.heal();
  await mesh.run(30_000);
  expect((await mesh.settle(users(root, VERB))).map(({ name }) => name)).toEqual(['anna', 'root']);
  expect(await mesh.settle(codeOf(listed(bob)))).toBe('not-allowed');
});

test('the secret that admits peers is told to no client once there are accounts, and is another one when one is removed', async () => {
  const { mesh, root, others } = await people('who is told', 4);
  const secrets = (session: number) => (mesh.clients[session]?.memory?.facts ?? []).filter(({ kind }) => kind === 'secret');
  const { reply: before } = await mesh.settle(root.call('invite', {}));
  await mesh.settle(removeUser(root, 'bob', VERB));
  await mesh.run(3_000);
  const { reply: after } = await mesh.settle(root.call('invite', {}));
  expect(after.join).not.toBe(before.join);
  expect(secrets(2).filter((fact) => fact.kind === 'secret' && fact.generation > 1)).toEqual([]);
  // Whoever comes later is told none at all.
  expect(await mesh.settle(codeOf(listed(others[0] as Session)))).toBe('not-allowed');
  expect(secrets(3)).toEqual([]);
  // And whoever was here comes again by their key.
  mesh.clients[2]?.kill();
  const again = mesh.clients[2]?.open() as Session;
  expect(await mesh.settle(codeOf(listed(again)))).toBe('not-allowed');
  expect((await mesh.settle(enter(again, 'anna', 'of anna'))).kind).toBe('in');
});

test('the first account waits until no peer is away, for it may have another first one', async () => {
  const { mesh, sessions } = await startStory('first of two halves', { clients: 2 });
  const [root, other] = sessions as [Session, Session];
  await mesh.settle(listed(root));
  await mesh.settle(listed(other));
  part(mesh, other, 'client2');
  await mesh.run(30_000);
  for (const [session, name] of [
    [root, 'root'],
    [other, 'other'],
  ] as const) {
    const refused = await mesh.settle(addAccount(session, name, 'a password').catch((thrown: unknown) => asMeshError(thrown)));
    expect(refused).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/start \S*(alpha|bravo|charlie).*"filemesh remove PEER"/),
    });
  }
  mesh.world.lan.heal();
  await mesh.run(30_000);
  expect(await mesh.settle(addAccount(root, 'root', 'a password'))).toEqual({ first: true });
  await mesh.run(1_000);
  expect(await mesh.settle(codeOf(addAccount(other, 'other', 'a password')))).toBe('not-allowed');
});

test('a peer that came with a line and has met nobody makes no first account', async () => {
  const mesh = new Mesh({ ...STORY, seed: 'a newcomer alone', peers: 2, clients: 2 });
  const [alpha, bravo] = mesh.peers as [(typeof mesh.peers)[number], (typeof mesh.peers)[number]];
  mesh.partition([
    ['alpha', 'client1'],
    ['bravo', 'client2'],
  ]);
  mesh.start(alpha);
  const early = mesh.clients[0]?.open([alpha.address]) as Session;
  const refused = await mesh.settle(addAccount(early, 'early', 'a password').catch((thrown: unknown) => asMeshError(thrown)));
  expect(refused).toMatchObject({ code: 'unavailable', message: expect.stringContaining('has met no other yet') });
  mesh.start(bravo);
  mesh.world.lan.heal();
  await mesh.run(20_000);
  expect(await mesh.settle(addAccount(early, 'early', 'a password'))).toEqual({ first: true });
});

test('who has a name anew is told nothing of what an earlier one of that name did, and an admin of both', async () => {
  const { mesh, root, bob } = await people('the log of two lives');
  await mesh.settle(createText(bob, 'a secret of the first.txt', 'x'));
  await mesh.settle(removeUser(root, 'bob', VERB));
  await mesh.settle(addAccount(root, 'bob', 'of another bob'));
  await mesh.run(1_000);
  expect((await mesh.settle(enter(bob, 'bob', 'of another bob'))).kind).toBe('in');
  await mesh.settle(createText(bob, 'of the second.txt', 'x'));
  const deeds = async (session: Session, user?: string) => {
    const { entries } = await mesh.settle(readLog(session, { limit: 500, ...(user !== undefined && { user }) }, VERB));
    return entries.flatMap(({ action, subject }) => (action === 'create' ? [subject] : []));
  };
  expect(await deeds(bob)).toEqual(['of the second.txt']);
  expect(await deeds(bob, 'bob')).toEqual(['of the second.txt']);
  expect(await deeds(root, 'bob')).toEqual(['of the second.txt', 'a secret of the first.txt']);
});

test('a name that is given anew is stronger than the end of the one before', () => {
  const gone: AccountFact = {
    ...{ kind: 'account', name: 'anna', life: 0, revision: 7, admin: false, removed: true },
    verifier: VERIFIER_NOBODY,
  };
  const again: AccountFact = { ...gone, life: 1, revision: 1, adminRevision: 0, removed: false };
  expect(mergeAccounts(gone, again)).toEqual(again);
  expect(mergeAccounts(again, gone)).toEqual(again);
});

test('of two passwords set at once the tokens of the one that lost are void', async () => {
  const { mesh, root, anna, others } = await people('two passwords', 4);
  const [thief] = others as [Session];
  await mesh.settle(enter(thief, 'anna', 'of anna'));
  part(mesh, thief, 'client4');
  await mesh.run(30_000);
  await mesh.settle(setPassword(anna, 'anna', 'of anna', 'of anna now'));
  await mesh.settle(setPassword(thief, 'anna', 'of anna', 'of a thief'));
  mesh.world.lan.heal();
  await mesh.run(30_000);
  const show = (session: Session) => root.attempt((link) => link.call('session', { token: session.signIn.token as string }));
  const tokens = [await mesh.settle(codeOf(show(anna))), await mesh.settle(codeOf(show(thief)))];
  expect(tokens.sort()).toEqual(['not-allowed', undefined]);
  const links = [await mesh.settle(codeOf(listed(anna))), await mesh.settle(codeOf(listed(thief)))];
  expect(links.sort()).toEqual(['not-allowed', undefined]);
});

test('when a peer is removed every login is over, that of a link that is up too', async () => {
  const { mesh, root, bob } = await people('key renewed');
  const gone = mesh.peers.find(({ node }) => node.id !== bob.peer && node.id !== root.peer);
  await mesh.settle(removePeer(root, gone?.peer?.name ?? '', true, VERB));
  await mesh.run(1_000);
  for (const session of [root, bob]) expect(await mesh.settle(codeOf(listed(session)))).toBe('not-allowed');
  expect((await mesh.settle(enter(root, 'root', 'of root'))).kind).toBe('in');
  expect(await mesh.settle(codeOf(listed(root)))).toBeUndefined();
});

test('what was granted in a home ends with who granted it', async () => {
  const { mesh, root, anna, bob } = await people('a home again');
  await mesh.settle(grant(anna, { path: 'home/anna', who: 'bob', right: 'write' }, VERB));
  await mesh.settle(createText(anna, 'home/anna/old.txt', 'o'));
  await mesh.run(500);
  expect((await mesh.settle(listed(bob))).map(({ path }) => path)).toEqual(['home/anna/old.txt']);
  await mesh.settle(removeUser(root, 'anna', VERB));
  await mesh.run(500);
  expect(await mesh.settle(listed(bob))).toEqual([]);
  await mesh.settle(addAccount(root, 'anna', 'another anna', false, true));
  await mesh.run(500);
  await mesh.settle(enter(anna, 'anna', 'another anna'));
  await mesh.settle(createText(anna, 'home/anna/new.txt', 'n'));
  await mesh.run(500);
  expect(await mesh.settle(listed(bob))).toEqual([]);
  // And she may open it to him herself.
  await mesh.settle(grant(anna, { path: 'home/anna/new.txt', who: 'bob', right: 'read' }, VERB));
  await mesh.run(500);
  expect((await mesh.settle(listed(bob))).map(({ path }) => path)).toEqual(['home/anna/new.txt']);
});

test('a name that had a home gets it again only when an admin says so', async () => {
  const { mesh, root, anna, bob } = await people('a home for another');
  await mesh.settle(createText(anna, 'Home/ANNA/old.txt', 'o'));
  await mesh.settle(removeUser(root, 'anna', VERB));
  await mesh.settle(removeUser(root, 'bob', VERB));
  await mesh.run(500);
  const refused = await mesh.settle(addAccount(root, 'anna', 'another anna').catch((thrown: unknown) => asMeshError(thrown)));
  expect(refused).toMatchObject({ code: 'conflict', message: expect.stringMatching(/home\/anna.*--keep-home/) });
  expect((await mesh.settle(users(root, VERB))).map(({ name }) => name)).toEqual(['root']);
  // Nothing lies in the one, and the other is given as it is.
  expect(await mesh.settle(addAccount(root, 'bob', 'another bob'))).toEqual({ first: false });
  expect(await mesh.settle(addAccount(root, 'anna', 'another anna', false, true))).toEqual({ first: false });
  await mesh.run(500);
  await mesh.settle(enter(anna, 'anna', 'another anna'));
  expect((await mesh.settle(listed(anna))).map(({ path }) => path)).toEqual(['Home/ANNA/old.txt']);
  await mesh.settle(enter(bob, 'bob', 'another bob'));
  expect(await mesh.settle(listed(bob))).toEqual([]);
});

test('a name whose home is empty gets its trash and earlier versions only when an admin says so', async () => {
  const { mesh, root, anna } = await people('a trash for another');
  await mesh.settle(createText(anna, 'Home/ANNA/old.txt', 'o'));
  const base = (await mesh.settle(seen(anna, 'Home/ANNA/old.txt')))?.base ?? [];
  const change = { kind: 'delete', path: 'Home/ANNA/old.txt' as FilePath } as const;
  await mesh.settle(anna.call('change', { request: anna.newRequest(), change, base, hops: 2 }));
  // A file in the place of a home.
  await mesh.settle(createText(root, 'home/bob', 'b'));
  for (const name of ['anna', 'bob']) {
    await mesh.settle(removeUser(root, name, VERB));
    await mesh.run(500);
    const refused = await mesh.settle(addAccount(root, name, 'another one').catch((thrown: unknown) => asMeshError(thrown)));
    expect(refused).toMatchObject({ code: 'conflict', message: expect.stringMatching(/deleted ones and earlier versions/) });
    expect(await mesh.settle(addAccount(root, name, 'another one', false, true))).toEqual({ first: false });
  }
});

test('what somebody began to send is not known to who has the name later', async () => {
  const { mesh, root, bob } = await people('an upload of another');
  const ask = { upload: root.newRequest(), path: 'film' as FilePath, base: [], size: 8, hops: 2 };
  const had = async () => (await mesh.settle(bob.call('begin', ask))).reply.have;
  expect(await had()).toBe(0);
  await mesh.settle(bob.attempt((link) => link.call('write', { upload: ask.upload, offset: 0 }, { tail: new Uint8Array(4) })));
  expect(await had()).toBe(4);
  await mesh.settle(removeUser(root, 'bob', VERB));
  await mesh.settle(addAccount(root, 'bob', 'another bob'));
  await mesh.run(500);
  await mesh.settle(enter(bob, 'bob', 'another bob'));
  expect(await had()).toBe(0);
});

test('nobody uses up the grants of all in their own home', async () => {
  const { mesh, root, bob } = await people('many grants');
  const open = (session: Session, path: string) => grant(session, { path, who: EVERYONE, right: 'read' }, VERB);
  for (let index = 0; index < HOME_GRANTS_MAX; index++) await mesh.settle(open(bob, `home/bob/${index}`));
  expect(await mesh.settle(codeOf(open(bob, 'home/bob/more')))).toBe('full');
  // What is said anew needs no room, and an admin has some.
  expect(await mesh.settle(codeOf(open(bob, 'home/bob/0')))).toBeUndefined();
  expect(await mesh.settle(codeOf(open(root, 'docs')))).toBeUndefined();
  expect(await mesh.settle(codeOf(open(root, 'home/bob/more')))).toBeUndefined();
});

test('whoever runs a peer makes an admin when there is none any more', async () => {
  const { mesh, root, anna, bob } = await people('no admin left');
  await mesh.settle(removeUser(root, 'anna', VERB));
  await mesh.settle(addAccount(root, 'anna', 'another anna', true));
  await mesh.run(500);
  await mesh.settle(enter(anna, 'anna', 'another anna'));
  // At two peers at once: each leaves the other one, as far as it knows.
  await mesh.settle(Promise.all([removeUser(root, 'anna', VERB), removeUser(anna, 'root', VERB)]));
  await mesh.run(1_000);
  expect((await mesh.settle(users(bob, VERB))).map(({ name, admin }) => [name, admin])).toEqual([['bob', false]]);
  const outside = mesh.world.addNode('the outside').start();
  const told = await mesh.settle(recoverAdmin(mesh.peers[0]?.peer as Peer, outside, 'root'));
  const password = /the password is (\S+);/.exec(told)?.[1] as string;
  await mesh.run(1_000);
  expect(await mesh.settle(enter(root, 'root', password))).toMatchObject({ kind: 'in', admin: true });
  expect((await mesh.settle(users(root, VERB))).map(({ name }) => name)).toEqual(['bob', 'root']);
  const { entries } = await mesh.settle(readLog(root, { limit: 500, user: 'root' }, VERB));
  expect(entries.map(({ action }) => action)).toContain('recover admin');
});

test('where there are no accounts none is recovered', async () => {
  const { mesh } = await startStory('nothing to recover', { clients: 1 });
  const outside = mesh.world.addNode('the outside').start();
  const told = await mesh.settle(recoverAdmin(mesh.peers[0]?.peer as Peer, outside, 'root'));
  expect(told).toBe('root was not made an admin: this mesh has no accounts');
});
