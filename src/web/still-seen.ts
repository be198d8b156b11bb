import { asMeshError, MeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { quote } from '../core/path.ts';
import type { Read } from './older-contents.ts';
import type { Call } from './route.ts';
import type { WebPeer } from './web-options.ts';

type Knowing = Pick<WebPeer, 'people' | 'accountOf'>;

/**
 * `read`, as long as whoever asks may see that path. Of what lies here whole no peer is asked any more: so it is looked at before
 * each piece, and a right that is taken away, or an account that is removed, ends an answer half-way.
 */
export function whileSeen(read: Read, peer: Knowing, { session }: Pick<Call, 'session'>, path: FilePath): Read {
  return (range, take) =>
    read(range, async (bytes) => {
      const isStill = isSeen(peer, session.signIn.token, path);
      if (!isStill) throw new MeshError('not-found', `there is no ${quote(path)} to be seen any more`);
      await take(bytes);
    });
}

function isSeen(peer: Knowing, token: string | undefined, path: FilePath): boolean {
  if (token === undefined) return !peer.people.hasAccounts();
  try {
    return peer.people.rights().mayRead(peer.accountOf(token), path);
  } catch (thrown) {
    // The login may be younger than what this peer knows.
    return asMeshError(thrown).code === 'busy';
  }
}
