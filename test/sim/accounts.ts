import { addUser, login } from '../../src/client/verbs/accounts.ts';
import type { Mesh } from './mesh.ts';
import { VERB } from './mesh-client.ts';

/** Makes an account for each client of a mesh, the first one an admin, and logs it in; each later process of it has the login. */
export async function logInAll(mesh: Mesh): Promise<void> {
  const [first] = mesh.clients;
  for (const client of mesh.clients) {
    const maker = first?.open();
    if (maker === undefined) return;
    const { proof } = await maker.signIn.secretsOf(client.name, `of ${client.name}`);
    await addUser(maker, { name: client.name, admin: false, proof }, VERB);
    // At the peer that has just heard of it: another may hear of it a moment later.
    const answer = await login(maker, { user: client.name, proof }, VERB);
    if (answer.kind === 'in') client.token = answer.token;
    await maker.signIn.use(first?.token);
  }
  for (const client of mesh.clients) {
    client.kill();
    client.open();
  }
}
