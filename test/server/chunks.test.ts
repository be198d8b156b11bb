import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { chunksOf, chunksOfEach } from '../../src/client/verbs/chunks.ts';
import { presentEntry } from '../../src/client/verbs/listing.ts';
import { checkPath } from '../../src/core/path.ts';
import { Serving } from '../../src/replication/serving.ts';
import type { Entry } from '../../src/wire/calls.ts';
import { pattern } from '../platform/network-acceptance.ts';
import type { Mesh } from '../sim/mesh.ts';
import { hashOf } from '../sim/mesh-state.ts';
import { codeOf, createText, seen, startStory } from './story.ts';

const bytes = pattern(3 * 1024 * 1024 + 17, 6);

async function chunksIn(mesh: Mesh, session: Session, path: string) {
  const entry = await mesh.settle(presentEntry(session, checkPath(path)));
  return await Promise.all(entry.contents.map((content) => mesh.settle(chunksOf(session, entry, content, {}))));
}

/** Three peers; `big` lies on alpha and bravo, and the client is at charlie. */
async function story(seed: string): Promise<{ mesh: Mesh; session: Session }> {
  const { mesh, sessions } = await startStory(seed, { peers: 3, clients: 3 });
  const session = sessions[2] as Session;
  for (const name of ['alpha', 'bravo']) mesh.peer(name).node.drive.userWrite('big', bytes);
  await mesh.until('two hold it', async () => (await mesh.settle(seen(session, 'big')))?.contents[0]?.copies === 2);
  return { mesh, session };
}

/** What the chunks must be, whoever told them. */
function expectRight(chunks: Awaited<ReturnType<typeof chunksIn>>, holders = ['alpha', 'bravo']): void {
  const [list = []] = chunks;
  expect(chunks).toHaveLength(1);
  expect(list.length).toBeGreaterThan(10);
  let offset = 0;
  for (const chunk of list) {
    expect(chunk.offset).toBe(offset);
    expect(chunk.hash).toBe(hashOf(bytes.subarray(offset, offset + chunk.size)));
    expect(chunk.holders).toEqual(holders);
    offset += chunk.size;
  }
  expect(offset).toBe(bytes.length);
}

describe('the chunks of a file', () => {
  afterEach(() => vi.restoreAllMocks());

  it('are told by a holder, each with its place, its hash and who holds it', async () => {
    const { mesh, session } = await story('chunks');
    expectRight(await chunksIn(mesh, session, 'big'));
  });

  it('are asked of a few holders at once: those that are silent are not waited for', async () => {
    const { mesh, sessions } = await startStory('silent holders', { peers: 5, clients: 5 });
    const session = sessions[4] as Session;
    const names = ['alpha', 'bravo', 'charlie', 'delta'];
    for (const name of names) mesh.peer(name).node.drive.userWrite('big', bytes);
    await mesh.until('all four hold it', async () => (await mesh.settle(seen(session, 'big')))?.contents[0]?.copies === 4);
    const { manifest } = Serving.prototype;
    let asked = 0;
    vi.spyOn(Serving.prototype, 'manifest').mockImplementation(function (this: Serving, ask, from) {
      asked += 1;
      return asked <= 2 ? new Promise<never>(() => {}) : manifest.call(this, ask, from);
    });
    const beganMs = mesh.scheduler.nowMs;
    expectRight(await chunksIn(mesh, session, 'big'), names);
    expect(mesh.scheduler.nowMs - beganMs).toBeLessThan(2_000);
    expect(asked).toBe(3);
  });

  it('are brought by the own peer when no holder can be reached from here', async () => {
    const { mesh, session } = await story('relayed chunks');
    await mesh.settle(session.connect());
    const { lan } = mesh.world;
    const client = mesh.world.node('client3').host;
    for (const name of ['alpha', 'bravo']) lan.cut(client, mesh.peer(name).node.host);
    expectRight(await chunksIn(mesh, session, 'big'));
  });

  it('of a small file are one: the file', async () => {
    const { mesh, session } = await story('small');
    await mesh.settle(createText(session, 'small', 'text'));
    const holders = (await mesh.settle(seen(session, 'small')))?.contents[0]?.holders.map(({ name }) => name).sort();
    const [list] = await chunksIn(mesh, session, 'small');
    expect(list).toEqual([{ offset: 0, size: 4, hash: hashOf(Buffer.from('text')), holders }]);
  });

  it('cannot be had while all holders are away', async () => {
    const { mesh, session } = await story('away');
    for (const name of ['alpha', 'bravo']) mesh.lose(mesh.peer(name));
    await mesh.until('both are away', async () => (await mesh.settle(seen(session, 'big')))?.contents[0]?.copies === 0);
    expect(await codeOf(chunksIn(mesh, session, 'big'))).toBe('unavailable');
  });

  it('of one version are told although the holders of the other are away', async () => {
    const { mesh, session } = await story('one of two');
    const entry = await mesh.settle(presentEntry(session, checkPath('big')));
    const [content] = entry.contents as [Entry['contents'][number]];
    const away = {
      ...content,
      hash: hashOf(pattern(content.size, 7)),
      holders: content.holders.map((one) => ({ ...one, live: false })),
    };
    const told = await mesh.settle(chunksOfEach(session, { ...entry, contents: [away, content] }, {}));
    expect(told[0]).toBeUndefined();
    expectRight([told[1] ?? []]);
    expect(await codeOf(mesh.settle(chunksOfEach(session, { ...entry, contents: [away, away] }, {})))).toBe('unavailable');
  });
});
