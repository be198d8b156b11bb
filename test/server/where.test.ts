import { expect, it } from 'vitest';
import { createText, seen, startStory } from './story.ts';

it('tells why a disk that holds the file `a` does not take `a/b`, whichever peer is asked', async () => {
  const { mesh, sessions } = await startStory('a and a/b', { peers: 2, clients: 2 });
  const [first, second] = sessions;
  if (first === undefined || second === undefined) throw new Error('two clients');
  await mesh.settle(Promise.all([first.connect(), second.connect()]));
  mesh.partition([
    ['alpha', 'client1'],
    ['bravo', 'client2'],
  ]);
  await mesh.run(10_000);
  await mesh.settle(createText(first, 'a', 'a file'));
  await mesh.settle(createText(second, 'a/b', 'below a folder'));
  mesh.partition([['alpha', 'bravo', 'client1', 'client2']]);
  await mesh.until('both say why', async () => {
    const entries = await mesh.settle(Promise.all([seen(first, 'a/b'), seen(second, 'a/b')]));
    return entries.every((entry) => entry?.note?.includes('cannot hold that name') === true);
  });
  expect((await mesh.settle(seen(first, 'a')))?.contents[0]?.copies).toBe(1);
  expect(mesh.peers.map((peer) => peer.node.drive.userList())).toEqual([['a'], ['a/b']]);
});
