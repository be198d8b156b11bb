import { afterEach, expect, test, vi } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { changePassword, login } from '../../src/client/verbs/accounts.ts';
import { VERB } from '../sim/mesh-client.ts';
import { SimHasher } from '../sim/sim-hasher.ts';
import { enter, people } from './people.ts';

/** While a password is hashed others go on. */

afterEach(() => void vi.restoreAllMocks());

/** The next password is hashed only once `go` is called. */
function heldHash(): { readonly begun: Promise<void>; go(): void } {
  const { passwordKey } = SimHasher.prototype;
  let [begin, go] = [(): void => {}, (): void => {}];
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const free = new Promise<void>((resolve) => (go = resolve));
  vi.spyOn(SimHasher.prototype, 'passwordKey').mockImplementationOnce(async function (this: SimHasher, password, salt) {
    begin();
    await free;
    return await passwordKey.call(this, password, salt);
  });
  return { begun, go: () => go() };
}

/** Sets it: what follows from it was hashed before. */
async function passwordSetter(session: Session, user: string, password: string) {
  const { proof } = await session.signIn.secretsOf(user, password);
  return () => changePassword(session, { user, proof }, VERB);
}

test('a password that was changed while it was looked at opens nothing any more', async () => {
  const { mesh, root, bob } = await people('an old password');
  const { proof } = await mesh.settle(bob.signIn.secretsOf('bob', 'of bob'));
  const setAnother = await mesh.settle(passwordSetter(root, 'bob', 'another'));
  const { begun, go } = heldHash();
  const entering = login(bob, { user: 'bob', proof }, VERB);
  await mesh.settle(begun);
  await mesh.settle(setAnother());
  await mesh.run(1_000);
  go();
  expect(await mesh.settle(entering)).toEqual({ kind: 'wrong' });
  expect((await mesh.settle(enter(bob, 'bob', 'another'))).kind).toBe('in');
});

test('of two passwords that are set at once the one that was hashed last counts', async () => {
  const { mesh, root, anna, bob } = await people('two passwords at once');
  const revision = () => mesh.peers[0]?.peer?.people.accounts().get('bob')?.revision ?? 0;
  const before = revision();
  const [setLate, setEarly] = [
    await mesh.settle(passwordSetter(root, 'bob', 'late')),
    await mesh.settle(passwordSetter(root, 'bob', 'early')),
  ];
  const { begun, go } = heldHash();
  const setting = setLate();
  await mesh.settle(begun);
  await mesh.settle(setEarly());
  go();
  await mesh.settle(setting);
  await mesh.run(1_000);
  // The later one knew of the earlier: else chance would say which counts.
  expect(revision()).toBe(before + 2);
  expect((await mesh.settle(enter(anna, 'bob', 'early'))).kind).toBe('wrong');
  expect((await mesh.settle(enter(bob, 'bob', 'late'))).kind).toBe('in');
});
