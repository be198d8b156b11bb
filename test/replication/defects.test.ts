import { describe, expect, it } from 'vitest';
import { remove, rename } from '../../src/client/verbs/changes.ts';
import type { RequestId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { bytesOf, codeOf, createText, listed, putText, seen, startStory } from '../server/story.ts';

describe('placing many files', () => {
  it('never rests a content for want of a free place at the only taker', async () => {
    const { mesh, sessions } = await startStory('two peers, many files', { peers: 2, clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    for (let n = 0; n < 600; n++) mesh.peer('alpha').node.drive.userWrite(`f${n}`, bytesOf(`text ${n}`));
    const t0 = mesh.scheduler.nowMs;
    await mesh.until('all on both', () => mesh.peer('bravo').node.drive.userList().length >= 600, 120_000);
    console.log('took', mesh.scheduler.nowMs - t0);
    expect(mesh.scheduler.nowMs - t0).toBeLessThan(10_000);
  });
});

describe('a rename', () => {
  it('below itself reaches every holder', async () => {
    const { mesh, sessions } = await startStory('below itself', { peers: 2, clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    await mesh.settle(createText(session, 'a', 'text'));
    await mesh.settle(rename(session, 'a', 'a/b', {}));
    await mesh.run(70_000);
    const entry = await mesh.settle(seen(session, 'a/b'));
    console.log(mesh.peers.map((p) => p.node.drive.userList()));
    expect(entry?.contents[0]?.copies).toBe(2);
  });
});

describe('a replayed delete', () => {
  it('is told done only when R peers carry the tombstone', async () => {
    const { mesh, sessions } = await startStory('replayed delete', { peers: 3, clients: 2 });
    const [first, second] = sessions;
    if (first === undefined || second === undefined) throw new Error('clients');
    await mesh.settle(createText(first, 'a', 'one'));
    const entry = await mesh.settle(seen(first, 'a'));
    const request = 'd'.repeat(32) as RequestId;
    const ask = { request, change: { kind: 'delete', path: checkPath('a') } as const, base: entry?.base ?? [], hops: 2 };
    await mesh.settle(first.call('change', ask));
    const again = await mesh.settle(second.call('change', ask));
    console.log(again.reply.done);
  });
});
