import { passwordSecrets } from '../client/password.ts';
import { asMeshError } from '../core/errors.ts';
import type { Peer } from '../peer/peer.ts';
import type { Platform } from '../platform/platform.ts';
import { MESH_ID_DIGITS, newSecret } from '../wire/mesh-line.ts';

/**
 * The way back when nobody is an admin any more, or knows the password: whoever runs a peer has all that it holds, and may make
 * an admin. Resolves with what is to be told: the new password, or why there is none.
 */
export async function recoverAdmin(
  peer: Pick<Peer, 'meshId' | 'recoverAdmin'>,
  { random, hasher }: Pick<Platform, 'random' | 'hasher'>,
  name: string,
): Promise<string> {
  const { meshId } = peer;
  if (meshId === undefined) return `${name} was not made an admin: this peer is not admitted to its mesh yet`;
  const password = newSecret(random);
  try {
    const { proof } = await passwordSecrets(hasher, meshId.slice(0, MESH_ID_DIGITS), name, password);
    await peer.recoverAdmin(name, proof);
  } catch (thrown) {
    // The peer runs all the same.
    return `${name} was not made an admin: ${asMeshError(thrown).message}`;
  }
  return [
    `${name} is an admin, and the password is ${password}`,
    `log in with it ("filemesh login ${name}") and change it ("filemesh user passwd"); what was sealed for ${name} before stays closed`,
  ].join('; ');
}
