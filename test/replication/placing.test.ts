import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { rename } from '../../src/client/verbs/changes.ts';
import { bytesOf, createText, seen, startStory } from '../server/story.ts';
import type { Mesh } from '../sim/mesh.ts';

async function pair(seed: string): Promise<{ mesh: Mesh; session: Session }> {
  const { mesh, sessions } = await startStory(seed, { peers: 2, clients: 1 });
  const [session] = sessions;
  if (session === undefined) throw new Error('a client');
  return { mesh, session };
}

describe('two peers', () => {
  it('bring many files to the only taker without a rest in between', async () => {
    const { mesh } = await pair('many files');
    const names = Array.from({ length: 300 }, (_, index) => `f${index}`);
    for (const name of names) mesh.peer('alpha').node.drive.userWrite(name, bytesOf(name));
    // Three times as many as are under way to one peer at once: a single rest of 2 s would show.
    const isThere = () => mesh.peer('bravo').node.drive.userList().length === names.length;
    await mesh.until('all are on both', isThere, 2_000);
  });

  it('take a rename below itself on both disks: what is in its own way goes to the trash first', async () => {
    const { mesh, session } = await pair('below itself');
    await mesh.settle(createText(session, 'a', 'text'));
    await mesh.settle(rename(session, 'a', 'a/b', {}));
    await mesh.until('two copies', async () => (await mesh.settle(seen(session, 'a/b')))?.contents[0]?.copies === 2);
    expect(mesh.peers.map((peer) => peer.node.drive.userList())).toEqual([['a/b'], ['a/b']]);
  });
});
