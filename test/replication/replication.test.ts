import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { setReplicas } from '../../src/client/verbs/mesh.ts';
import { checkPath } from '../../src/core/path.ts';
import { createText, listed, putText, seen, startStory } from '../server/story.ts';
import type { Mesh } from '../sim/mesh.ts';

const HEAL_MS = 10_000;

async function story(seed: string, peers = 3): Promise<{ mesh: Mesh; session: Session }> {
  const { mesh, sessions } = await startStory(seed, { peers, clients: 1, healAfterMs: HEAL_MS });
  const [session] = sessions;
  if (session === undefined) throw new Error('a client');
  return { mesh, session };
}

/** Names of the peers on whose drives a plain file of that content lies. */
function drivesWith(mesh: Mesh, path: string, text: string): string[] {
  const has = (name: string) => {
    const { drive } = mesh.peer(name).node;
    return drive.userList().includes(path) && new TextDecoder().decode(drive.userRead(path)) === text;
  };
  return mesh.peers.map((peer) => peer.name).filter(has);
}

const holders = async (mesh: Mesh, session: Session, path: string) =>
  (await mesh.settle(seen(session, path)))?.contents[0]?.holders.map((holder) => holder.name).toSorted() ?? [];

describe('keeping R copies', () => {
  it('brings a dropped file to one other peer, and to the least loaded one', async () => {
    const { mesh, session } = await story('drop');
    mesh.peer('alpha').node.drive.userWrite('first', new TextEncoder().encode('x'.repeat(1000)));
    await mesh.until('two copies', async () => (await holders(mesh, session, 'first')).length === 2);
    const [, second] = (await holders(mesh, session, 'first')) as [string, string];
    mesh.peer('alpha').node.drive.userWrite('next', new TextEncoder().encode('y'));
    await mesh.until('two copies of the next', async () => (await holders(mesh, session, 'next')).length === 2);
    expect(await holders(mesh, session, 'next')).not.toContain(second);
    expect(drivesWith(mesh, 'next', 'y')).toEqual(await holders(mesh, session, 'next'));
  });

  it('brings an edit to the holders of what it replaces, and lets the old content go', async () => {
    const { mesh, session } = await story('edit', 5);
    await mesh.settle(createText(session, 'a', 'old'));
    const before = await holders(mesh, session, 'a');
    await mesh.settle(putText(session, 'a', 'new'));
    await mesh.until('the same two hold it', async () => (await holders(mesh, session, 'a')).join() === before.join());
    expect(drivesWith(mesh, 'a', 'new')).toEqual(before);
    expect(drivesWith(mesh, 'a', 'old')).toEqual([]);
  });

  it('makes no copy while a holder is away for less than the grace time, and calls healing off when it returns', async () => {
    const { mesh, session } = await story('return');
    await mesh.settle(createText(session, 'a', 'text'));
    const [holder] = (await holders(mesh, session, 'a')) as [string];
    mesh.kill(mesh.peer(holder));
    await mesh.run(HEAL_MS / 2);
    mesh.start(mesh.peer(holder));
    await mesh.run(3 * HEAL_MS);
    expect(drivesWith(mesh, 'a', 'text')).toHaveLength(2);
  });

  it('makes a new copy when a holder stays away for longer', async () => {
    const { mesh, session } = await story('heal');
    await mesh.settle(createText(session, 'a', 'text'));
    const [holder] = (await holders(mesh, session, 'a')) as [string];
    mesh.lose(mesh.peer(holder));
    await mesh.until('the loss is seen', async () => (await mesh.settle(seen(session, 'a')))?.contents[0]?.copies === 1);
    await mesh.until('healed', async () => (await mesh.settle(seen(session, 'a')))?.contents[0]?.copies === 2, 4 * HEAL_MS);
    expect(drivesWith(mesh, 'a', 'text').filter((name) => name !== holder)).toHaveLength(2);
  });

  it('makes further copies of everything when R is raised', async () => {
    const { mesh, session } = await story('raise');
    for (const path of ['a', 'b', 'c']) await mesh.settle(createText(session, path, path));
    await mesh.settle(setReplicas(session, 3, {}));
    await mesh.until('three copies of all', async () =>
      (await mesh.settle(listed(session))).every((one) => one.contents[0]?.copies === 3),
    );
  });

  it('takes no copy away when R is lowered, and has as many as before when it is raised again', async () => {
    const { mesh, session } = await story('lower');
    await mesh.settle(createText(session, 'a', 'text'));
    for (const wanted of [3, 1, 3]) {
      await mesh.settle(setReplicas(session, wanted, {}));
      await mesh.run(180_000);
      expect(drivesWith(mesh, 'a', 'text')).toHaveLength(3);
      expect((await mesh.settle(seen(session, 'a')))?.contents[0]?.copies).toBe(3);
    }
  });

  it('keeps under both names what two people rename at once', async () => {
    const { mesh, session } = await story('two names', 2);
    await mesh.settle(createText(session, 'old/a', 'text'));
    await mesh.until('both have it', () => drivesWith(mesh, 'old/a', 'text').length === 2);
    for (const [index, { node }] of mesh.peers.entries()) node.drive.userRename('old', `new ${index}`);
    await mesh.run(60_000);
    for (const name of ['new 0/a', 'new 1/a']) expect(drivesWith(mesh, name, 'text')).toHaveLength(2);
    const all = await mesh.settle(listed(session));
    expect(all.map(({ path, contents }) => [path, contents.length])).toEqual([
      ['new 0/a', 1],
      ['new 1/a', 1],
    ]);
  });

  it('heals a copy that rotted on its disk', async () => {
    const { mesh, session } = await story('rot');
    const text = 'content that matters'.repeat(50);
    await mesh.settle(createText(session, 'a', text));
    const [holder] = (await holders(mesh, session, 'a')) as [string];
    mesh.peer(holder).node.drive.rot('a');
    expect(drivesWith(mesh, 'a', text)).toHaveLength(1);
    const hash = (await mesh.settle(seen(session, 'a')))?.contents[0]?.hash;
    const link = await mesh.settle(session.connect());
    if (hash === undefined) throw new Error('a content');
    // The client goes through the peer whose copy rotted: what it serves is wrong, and the client has it looked at.
    expect(link.peer).toBe(mesh.peer(holder).id);
    const { reply } = await mesh.settle(link.call('verify', { path: checkPath('a'), hash }));
    expect(reply.intact).toBe(false);
    await mesh.until('two right copies', () => drivesWith(mesh, 'a', text).length === 2, 180_000, 5_000);
  });
});
