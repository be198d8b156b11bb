import { describe, expect, it } from 'vitest';
import { setReplicas } from '../../src/client/verbs/mesh.ts';
import { put } from '../../src/client/verbs/upload.ts';
import { ChunkList } from '../../src/core/chunk-list.ts';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import { checkPath } from '../../src/core/path.ts';
import { rangeOfRun, runEnds } from '../../src/core/striping.ts';
import { film } from './film.ts';
import { sourceOf, VERB } from './mesh-client.ts';
import { hashOf } from './mesh-state.ts';
import { Story } from './story.ts';

const FILM = film(100_000);
const NAME = 'film.mov';

/** Files of runs on the disk of a machine. */
const runsAt = (story: Story, name: string) =>
  story.mesh
    .peer(name)
    .node.drive.userList({ withPrivate: true })
    .filter((path) => path.startsWith('.filemesh/runs/'));

/** Peers have it in runs, each run twice. */
async function striped(seed: string, peers = 4): Promise<Story> {
  const story = new Story(seed, { peers, stripeOverBytes: 1_000 });
  await story.formed();
  // Until each knows how much room the others have.
  await story.mesh.run(1_000);
  const source = sourceOf(Buffer.from(FILM));
  await story.mesh.settle(put(story.at('alpha'), checkPath(NAME), source, { ...VERB, stripeOver: 0 }));
  await story.converged([FILM]);
  expect(story.holders(NAME, FILM)).toEqual([]);
  return story;
}

/** Turns over one bit of a run, without a trace in its stat; who has it, and who has it right. */
function rotRun(story: Story): { name: string; other: string; place: string } {
  const [name = '', ...others] = story.mesh.peers.map((peer) => peer.name).filter((one) => runsAt(story, one).length > 0);
  const [place = ''] = runsAt(story, name);
  story.mesh.peer(name).node.drive.rot(place);
  return { name, place, other: others.find((one) => runsAt(story, one).includes(place)) ?? '' };
}

/** A read of all of a run, and what is right there. */
function runOf(place: string) {
  const manifest = encodeManifest(chunkContent(Buffer.from(FILM), () => new Uint8Array(32)));
  const range = rangeOfRun(runEnds(ChunkList.of(manifest, FILM.length).ends, FILM.length), Number(place.split('-').at(-1)));
  const asked = { path: checkPath(NAME), hash: hashOf(Buffer.from(FILM)), ...range };
  return { asked, right: FILM.slice(range.offset, range.offset + range.length) };
}

const isSetAside = (story: Story, name: string) =>
  story.mesh
    .peer(name)
    .node.drive.userList({ withPrivate: true })
    .filter((path) => path.startsWith('.filemesh/trash/rot-')).length;

describe('a run with a wrong bit', () => {
  it('is never given to a client, which ends with the right bytes; the run is healed', async () => {
    const story = await striped('a rotten run is read');
    const { name } = rotRun(story);
    // Whoever is asked first may have it right: then the wrong one is read the next time.
    for (let tries = 0; tries < 10 && isSetAside(story, name) === 0; tries++) {
      expect(await story.texts(story.at(name), NAME)).toEqual([FILM]);
      await story.mesh.run(1_000);
    }
    expect(isSetAside(story, name)).toBe(1);
    await story.converged([FILM]);
    expect((await story.entry(story.at('bravo'), NAME)).contents[0]?.copies).toBe(2);
  });

  it('is not read any more from what was open, once another took its place', async () => {
    const story = await striped('a rotten run is replaced', 2);
    const { name, place } = rotRun(story);
    const person = story.at(name);
    const { asked, right } = runOf(place);
    const read = async () => {
      const { tail } = await story.mesh.settle(person.call('read', { ...asked, relay: false }));
      return Buffer.from(tail).toString();
    };
    // It stays open there for a while.
    expect(await read()).not.toBe(right);
    const { reply } = await story.mesh.settle(person.call('verify', asked));
    expect([reply.intact, isSetAside(story, name)]).toEqual([false, 1]);
    await story.mesh.until('it is healed', () => runsAt(story, name).includes(place), 4_000, 10);
    await story.mesh.run(100);
    expect(await read()).toBe(right);
  });

  it('is set aside by who gave it, when a client tells the peer that relayed it', async () => {
    const story = await striped('a rotten run is relayed');
    const { name, other, place } = rotRun(story);
    story.mesh.kill(story.mesh.peer(other));
    await story.mesh.run(5_000);
    const without = story.mesh.survivors.find((peer) => !runsAt(story, peer.name).includes(place))?.name ?? '';
    const person = story.at(without);
    const { asked, right } = runOf(place);
    const { tail } = await story.mesh.settle(person.call('read', { ...asked, relay: true }));
    expect([tail.length, Buffer.from(tail).toString() === right]).toEqual([right.length, false]);
    const { reply } = await story.mesh.settle(person.call('verify', asked));
    expect([reply.intact, isSetAside(story, name)]).toEqual([false, 1]);
  });

  it('is not spread by placement, though it is the only one there; it heals when the right one is back', async () => {
    const story = await striped('a rotten run is placed');
    const { name, other } = rotRun(story);
    story.mesh.kill(story.mesh.peer(other));
    await story.mesh.run(5_000);
    await story.mesh.settle(setReplicas(story.at(name), 3, {}));
    await story.mesh.until('it is set aside', () => isSetAside(story, name) === 1, 60_000);
    await story.mesh.run(1_000);
    expect((await story.entry(story.at(name), NAME)).contents[0]?.incomplete).toBe(true);
    story.mesh.start(story.mesh.peer(other));
    await story.converged([FILM]);
    expect((await story.entry(story.at(name), NAME)).contents[0]?.copies).toBe(3);
    expect(await story.texts(story.at(name), NAME)).toEqual([FILM]);
  });
});

describe('a whole copy with a wrong bit', () => {
  const whole = async (seed: string): Promise<[Story, string]> => {
    const story = new Story(seed, { peers: 4 });
    await story.formed();
    await story.create(story.at('alpha'), NAME, FILM);
    await story.converged([FILM]);
    const [name] = story.holders(NAME, FILM);
    if (name === undefined) throw new Error('nobody holds it');
    story.mesh.peer(name).node.drive.rot(NAME);
    return [story, name];
  };

  it('is never given to a client, which ends with the right bytes; the copy is healed', async () => {
    const [story, name] = await whole('a rotten copy is read');
    expect(await story.texts(story.at(name), NAME)).toEqual([FILM]);
    await story.mesh.run(10_000);
    await story.converged([FILM]);
    expect(story.holders(NAME, FILM).length).toBe(2);
  });

  it('is not spread by placement', async () => {
    const [story, name] = await whole('a rotten copy is placed');
    await story.mesh.settle(setReplicas(story.at('alpha'), 4, {}));
    await story.mesh.run(20_000);
    await story.converged([FILM]);
    expect(story.holders(NAME, FILM).length).toBe(4);
    expect(await story.texts(story.at(name), NAME)).toEqual([FILM]);
  });
});
