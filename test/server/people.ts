import type { Session } from '../../src/client/session.ts';
import { addUser, login } from '../../src/client/verbs/accounts.ts';
import { VERB } from '../sim/mesh-client.ts';
import { startStory } from './story.ts';

export async function addAccount(session: Session, name: string, password: string, admin = false, keepHome = false) {
  const { proof } = await session.signIn.secretsOf(name, password);
  return await addUser(session, { name, admin, proof, keepHome }, VERB);
}

export async function enter(session: Session, user: string, password: string) {
  const { proof } = await session.signIn.secretsOf(user, password);
  return await login(session, { user, proof }, VERB);
}

/** Three peers, and clients: the admin root, anna and bob, each logged in by way of another peer, and `others`, who are not. */
export async function people(seed: string, clients = 3) {
  const { mesh, sessions } = await startStory(seed, { clients });
  const [root, anna, bob, ...others] = sessions as [Session, Session, Session, ...Session[]];
  for (const [session, name] of [
    [root, 'root'],
    [anna, 'anna'],
    [bob, 'bob'],
  ] as const) {
    await mesh.settle(addAccount(root, name, `of ${name}`));
    await mesh.run(500);
    await mesh.settle(enter(session, name, `of ${name}`));
  }
  return { mesh, root, anna, bob, others };
}
