import { expect, test } from 'vitest';
import { recoverAdmin } from '../../src/cli/up-recovery.ts';
import type { Session } from '../../src/client/session.ts';
import { changePassword, grant, readLog, rightsOf, users } from '../../src/client/verbs/accounts.ts';
import { EVERYONE, type Right } from '../../src/core/accounts.ts';
import type { FilePath } from '../../src/core/ids.ts';
import type { Peer } from '../../src/peer/peer.ts';
import type { Ask } from '../../src/wire/calls.ts';
import type { Mesh } from '../sim/mesh.ts';
import { VERB } from '../sim/mesh-client.ts';
import { addAccount, enter, people } from './people.ts';
import { codeOf } from './story.ts';

const DOCS = 'docs' as FilePath;

/** Root is on one side with two peers, and as `far` on the other with one; `act` is done there, then all is one again. */
async function cut(seed: string, act: (sides: Sides) => Promise<void>): Promise<Sides> {
  const { mesh, root, anna, bob } = await people(seed);
  await mesh.settle(bob.signIn.use(root.signIn.token));
  await mesh.run(1_000);
  const alone = mesh.peers.find(({ node }) => node.id === bob.peer);
  const near = mesh.peers.flatMap(({ name }) => (name === alone?.name ? [] : [name]));
  mesh.partition([
    [...near, 'client1', 'client2'],
    [alone?.name as string, 'client3'],
  ]);
  await mesh.run(10_000);
  const sides: Sides = { mesh, root, anna, far: bob, farPeer: alone?.peer as Peer };
  await act(sides);
  mesh.world.lan.heal();
  await mesh.run(30_000);
  return sides;
}

interface Sides {
  readonly mesh: Mesh;
  readonly root: Session;
  readonly anna: Session;
  /** Root as well, at `farPeer`, which is alone. */
  readonly far: Session;
  readonly farPeer: Peer;
}

const asked = (session: Session, right: Right): Ask<'grant'> => ({
  ...{ path: DOCS, who: EVERYONE, right, request: session.newRequest() },
});

test('a right that was taken away on one side of a cut stays so, however often the other side gave it, and repeats change nothing', async () => {
  const asks: Ask<'grant'>[] = [];
  const say = async ({ mesh }: Sides, session: Session, right: Right) => {
    const ask = asked(session, right);
    asks.push(ask);
    await mesh.settle(session.call('grant', ask));
  };
  const sides = await cut('a right taken away', async (here) => {
    await say(here, here.root, 'none');
    for (const right of ['read', 'write', 'read', 'write'] as const) await say(here, here.far, right);
  });
  const { mesh, root, far } = sides;
  const told = async () => {
    const all = [await mesh.settle(rightsOf(root, DOCS, VERB)), await mesh.settle(rightsOf(far, DOCS, VERB))];
    return all.map(([everyone]) => everyone?.right);
  };
  expect(await told()).toEqual(['none', 'none']);
  for (const ask of asks) for (const session of [root, far]) await mesh.settle(session.call('grant', ask));
  await mesh.run(1_000);
  expect(await told()).toEqual(['none', 'none']);
  // Whoever says something now knows of all that.
  await mesh.settle(grant(far, { path: DOCS, who: EVERYONE, right: 'read' }, VERB));
  await mesh.run(1_000);
  expect(await told()).toEqual(['read', 'read']);
});

test('admin rights given on one side hold beside a password set on the other', async () => {
  const { mesh, root, anna } = await cut('an admin and a password', async ({ mesh, anna, farPeer }) => {
    const outside = mesh.world.addNode('the outside').start();
    await mesh.settle(recoverAdmin(farPeer, outside, 'anna'));
    // Twice, so that this is the later password.
    for (const [from, to] of [
      ['of anna', 'of anna now'],
      ['of anna now', 'of anna at last'],
    ] as const) {
      const { proof: oldProof } = await mesh.settle(anna.signIn.secretsOf('anna', from));
      const { proof } = await mesh.settle(anna.signIn.secretsOf('anna', to));
      await mesh.settle(changePassword(anna, { user: 'anna', oldProof, proof }, VERB));
    }
  });
  expect((await mesh.settle(users(root, VERB))).find(({ name }) => name === 'anna')).toMatchObject({ admin: true });
  expect(await mesh.settle(enter(anna, 'anna', 'of anna at last'))).toMatchObject({ kind: 'in', admin: true });
});

test('what was done on either side is done, whoever asks for it again', async () => {
  const repeats: (readonly ['user-passwd', Ask<'user-passwd'>] | readonly ['user-remove', Ask<'user-remove'>])[] = [];
  const adds: Ask<'user-add'>[] = [];
  const { mesh, root, anna, far } = await cut('each once', async ({ mesh, root, far }) => {
    for (const [session, password] of [
      [root, 'by the one'],
      [far, 'by the other'],
    ] as const) {
      const passwd = async (user: string): Promise<Ask<'user-passwd'>> => ({
        ...{ user, proof: (await mesh.settle(session.signIn.secretsOf(user, password))).proof, request: session.newRequest() },
      });
      const add: Ask<'user-add'> = { ...(await passwd('carl')), name: 'carl', admin: session === far };
      repeats.push(['user-passwd', await passwd('anna')], ['user-remove', { user: 'bob', request: session.newRequest() }]);
      adds.push(add);
      await mesh.settle(session.call('user-add', add));
      for (const [name, ask] of repeats.slice(-2)) await mesh.settle(session.call(name, ask as Ask<'user-passwd'>));
    }
    // One side gives the name of the removed one anew.
    await mesh.settle(addAccount(root, 'bob', 'another bob'));
  });
  const now = async () => {
    const words = ['by the one', 'by the other'];
    const kinds: string[] = [];
    for (const word of words) kinds.push((await mesh.settle(enter(anna, 'anna', word))).kind);
    return { users: await mesh.settle(users(root, VERB)), kinds };
  };
  const before = await now();
  expect(before.users).toEqual(['anna', 'bob', 'carl', 'root'].map((name) => ({ name, admin: name === 'root' })));
  expect([...before.kinds].sort()).toEqual(['in', 'wrong']);
  for (const session of [root, far]) {
    for (const [name, ask] of repeats) await mesh.settle(session.call(name, ask as Ask<'user-passwd'>));
    for (const add of adds) expect((await mesh.settle(session.call('user-add', add))).reply).toEqual({ first: false });
    await mesh.run(1_000);
  }
  expect(await now()).toEqual(before);
  expect((await mesh.settle(enter(far, 'bob', 'another bob'))).kind).toBe('in');
});

test('whoever set the password that does not count finds it in the log', async () => {
  const { mesh, root, far } = await cut('two passwords', async ({ mesh, root, far }) => {
    for (const [session, password] of [
      [root, 'by the one'],
      [far, 'by the other'],
    ] as const) {
      const { proof } = await mesh.settle(session.signIn.secretsOf('anna', password));
      await mesh.settle(changePassword(session, { user: 'anna', proof }, VERB));
    }
  });
  const kinds = [await mesh.settle(enter(far, 'anna', 'by the one')), await mesh.settle(enter(far, 'anna', 'by the other'))];
  expect(kinds.map(({ kind }) => kind).sort()).toEqual(['in', 'wrong']);
  const { entries } = await mesh.settle(readLog(root, { limit: 500, user: 'anna' }, VERB));
  const told = entries.filter(({ action }) => action === 'password overtaken');
  expect(told.map(({ subject }) => subject)).toEqual(['another one was set at the same time, and counts']);
});

test('a login that no peer made is void for a name that is none as for one that is, at whatever life and revision', async () => {
  const { mesh, root, bob } = await people('made up logins');
  const real = root.signIn.token as string;
  const [, , , generation, expiresMs, nonce] = real.split('.');
  const show = (token: string) => mesh.settle(codeOf(bob.attempt((link) => link.call('session', { token }))));
  for (const name of ['anna', 'nobody'])
    for (const [life, revision] of [
      [0, 1],
      [0, 9],
      [9, 1],
    ]) {
      const body = [name, life, revision, generation, expiresMs, nonce].join('.');
      const made = `${body}.${real.split('.').slice(6).join('.')}`;
      expect([name, life, revision, await show(made)]).toEqual([name, life, revision, 'not-allowed']);
    }
  // And of a key that is not known here each may be.
  for (const name of ['anna', 'nobody']) {
    const body = [name, 0, 1, Number(generation) + 1, expiresMs, nonce].join('.');
    expect([name, await show(`${body}.${real.split('.').slice(6).join('.')}`)]).toEqual([name, 'busy']);
  }
  expect(await show(real)).toBeUndefined();
});
