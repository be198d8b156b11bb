import { addUser, login } from '../../src/client/verbs/accounts.ts';
import { asMeshError } from '../../src/core/errors.ts';
import type { Mesh } from './mesh.ts';
import { VERB } from './mesh-client.ts';

/** The first account waits for peers that are late; a person would, too. In ms, and so often. */
const PAUSE_MS = 1_000;
const TRIES_MAX = 120;

/** Makes an account for each client of a mesh, the first one an admin, and logs it in; each later process of it has the login. */
export async function logInAll(mesh: Mesh): Promise<void> {
  const [first] = mesh.clients;
  for (const client of mesh.clients) {
    const maker = first?.open();
    if (maker === undefined) return;
    const { proof } = await maker.signIn.secretsOf(client.name, `of ${client.name}`);
    await onceAllAreHere(mesh, () => addUser(maker, { name: client.name, admin: false, proof }, VERB));
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

async function onceAllAreHere(mesh: Mesh, act: () => Promise<unknown>): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      await act();
      return;
    } catch (thrown) {
      const { code } = asMeshError(thrown);
      if (code !== 'unavailable' || tried >= TRIES_MAX) throw thrown;
      await new Promise<void>((resolve) => void mesh.scheduler.outside.after(PAUSE_MS, resolve));
    }
  }
}
