import { describe, expect, it } from 'vitest';
import { Story } from './story.ts';

const ROOMY = 1_000_000;

/** Bytes that look random, so that they are cut into chunks of their own. */
function film(size: number, seed = 1): string {
  let text = '';
  for (let state = seed; text.length < size; ) {
    state = (state * 48_271) % 2_147_483_647;
    text += state.toString(36);
  }
  return text.slice(0, size);
}

/** Only alpha has room for all of the film; bravo, charlie and delta have some each. */
async function filmSet(seed: string, { peers = 3, room = 60_000 } = {}): Promise<Story> {
  const capacities = { alpha: ROOMY, bravo: room, charlie: room, delta: room };
  const story = new Story(seed, { peers, capacities, stripeBytesMin: 1_000 });
  await story.formed();
  story.mesh.peer('alpha').node.drive.userWrite('film.mov', Buffer.from(film(100_000)));
  return story;
}

const copies = async (story: Story, name = 'charlie') => (await story.entry(story.at(name), 'film.mov')).contents[0]?.copies;

describe('a file too large for every other peer', () => {
  it('is spread over them in runs, and counts as kept twice', async () => {
    const story = await filmSet('striped');
    await story.mesh.run(10_000);
    const entry = await story.entry(story.at('charlie'), 'film.mov');
    expect(entry.contents[0]?.copies).toBe(2);
    const parts = entry.contents[0]?.holders.filter(({ runs }) => runs !== undefined).map(({ name }) => name);
    expect(parts?.sort()).toEqual(['bravo', 'charlie']);
    expect(story.file('bravo', 'film.mov')).toBeUndefined();
    await story.converged([film(100_000)]);
  });

  it('is downloaded from the parts when the one peer that has all of it is gone', async () => {
    const story = await filmSet('parts');
    await story.mesh.run(10_000);
    story.mesh.kill(story.mesh.peer('alpha'));
    await story.mesh.run(3_000);
    expect(await story.texts(story.at('charlie'), 'film.mov')).toEqual([film(100_000)]);
    expect(await copies(story)).toBe(1);
  });

  it('is told to be incomplete when some of its runs are away, and is there again with them', async () => {
    const story = await filmSet('incomplete');
    await story.mesh.run(10_000);
    story.mesh.kill(story.mesh.peer('alpha'));
    story.mesh.kill(story.mesh.peer('bravo'));
    await story.mesh.run(3_000);
    const [content] = (await story.entry(story.at('charlie'), 'film.mov')).contents;
    expect(content).toMatchObject({ copies: 0, incomplete: true });
    story.mesh.start(story.mesh.peer('bravo'));
    await story.mesh.run(5_000);
    expect(await story.texts(story.at('charlie'), 'film.mov')).toEqual([film(100_000)]);
  });

  it('keeps its runs under a new name, though nobody who has all of it is there', async () => {
    const story = await filmSet('renamed');
    await story.mesh.run(10_000);
    story.mesh.kill(story.mesh.peer('alpha'));
    await story.mesh.run(3_000);
    await story.rename(story.at('charlie'), 'film.mov', 'cut/final.mov');
    await story.mesh.run(3_000);
    expect(await story.texts(story.at('bravo'), 'cut/final.mov')).toEqual([film(100_000)]);
    expect(await story.texts(story.at('bravo'), 'film.mov')).toEqual([]);
    story.mesh.start(story.mesh.peer('alpha'));
    await story.converged([film(100_000)]);
    expect(story.file('alpha', 'cut/final.mov')).toBe(film(100_000));
  });

  it('is gone from all when it is deleted, and its room is free again', async () => {
    const story = await filmSet('deleted');
    await story.mesh.run(10_000);
    await story.remove(story.at('bravo'), 'film.mov');
    await story.mesh.run(5_000);
    const { peers } = story.mesh.peer('alpha').peer?.peers() ?? { peers: [] };
    expect(peers.map(({ bytes }) => bytes)).toEqual([0, 0, 0]);
    await story.converged([]);
  });

  it('heals run by run: what a lost peer had comes to those that are left', async () => {
    const story = await filmSet('healed', { peers: 4, room: 80_000 });
    await story.mesh.run(10_000);
    story.mesh.lose(story.mesh.peer('delta'));
    await story.mesh.run(40_000);
    story.mesh.kill(story.mesh.peer('alpha'));
    await story.mesh.run(3_000);
    expect(await story.texts(story.at('bravo'), 'film.mov')).toEqual([film(100_000)]);
  });

  it('survives a power cut of all who have parts', async () => {
    const story = await filmSet('power');
    await story.mesh.run(10_000);
    for (const name of ['bravo', 'charlie']) {
      story.mesh.peer(name).node.powerLoss('journal');
      story.mesh.start(story.mesh.peer(name));
    }
    story.mesh.kill(story.mesh.peer('alpha'));
    await story.mesh.run(15_000);
    expect(await story.texts(story.at('charlie'), 'film.mov')).toEqual([film(100_000)]);
  });
});
