import { describe, expect, it } from 'vitest';
import { checkPath } from '../../src/core/path.ts';
import { copiesOf, NO_RUNS } from '../../src/core/striping.ts';
import { film } from './film.ts';
import { stateOf } from './mesh-state.ts';
import { Story } from './story.ts';

const FILM = film(100_000);
const ROOMS = { alpha: 1_000_000, bravo: 60_000, charlie: 60_000, delta: 100 };

/** The film lies whole on alpha alone, and in runs on the others. */
async function striped(seed: string, peers = 3): Promise<Story> {
  const story = new Story(seed, { peers, capacities: ROOMS, stripeBytesMin: 1_000 });
  await story.formed();
  story.mesh.peer('alpha').node.drive.userWrite('film.mov', Buffer.from(FILM));
  await story.mesh.run(10_000);
  return story;
}

const contentAt = async (story: Story, name: string, path: string) =>
  (await stateOf(story.mesh.peer(name).node)).catalog.view(checkPath(path))?.contents[0];

describe('a striped file', () => {
  it('is kept under its new name by who has runs, though who has all of it renamed it and dies', async () => {
    const story = await striped('renamed by its whole holder');
    const alpha = story.mesh.peer('alpha');
    alpha.node.drive.userRename('film.mov', 'cut.mov');
    const isKnown = async () => (await contentAt(story, 'bravo', 'cut.mov')) !== undefined;
    await story.mesh.until('bravo knows of the new name', isKnown, 20_000, 1);
    await story.mesh.run(100);
    story.mesh.kill(alpha);
    await story.mesh.run(5_000);
    expect(await story.texts(story.at('charlie'), 'cut.mov')).toEqual([FILM]);
  });

  it('of which only some runs came is sent again by the client whose peer died', async () => {
    const story = new Story('sent again in runs', { peers: 3, stripeOverBytes: 1_000, rates: { alpha: { limitUp: 400_000 } } });
    await story.formed();
    const long = film(1_200_000);
    const making = story.create(story.at('alpha'), 'film.mov', long);
    making.catch(() => undefined);
    const alpha = story.mesh.peer('alpha');
    const isBegun = async () => {
      const content = await contentAt(story, 'bravo', 'film.mov');
      const masks = [...(content?.parts?.values() ?? [])];
      return masks.some((mask) => mask !== NO_RUNS);
    };
    await story.mesh.until('some runs are there', isBegun, 20_000, 1);
    const content = await contentAt(story, 'bravo', 'film.mov');
    expect(content && copiesOf(content, (peer) => peer !== alpha.node.id)).toBe(0);
    story.mesh.kill(alpha);
    expect((await story.mesh.settle(making)).copies).toBeGreaterThan(0);
    await story.mesh.run(2_000);
    expect(await story.texts(story.at('bravo'), 'film.mov')).toEqual([long]);
  });

  it('is not said to be held by who renamed it and has none of its runs', async () => {
    const story = await striped('told by who has none', 4);
    story.mesh.kill(story.mesh.peer('alpha'));
    await story.mesh.run(3_000);
    await story.rename(story.at('delta'), 'film.mov', 'cut.mov');
    const holders = (await story.entry(story.at('charlie'), 'cut.mov')).contents[0]?.holders;
    expect(holders?.map(({ name }) => name).sort()).toEqual(['bravo', 'charlie']);
  });

  it('that has room nowhere is told to be kept once, without a long wait', async () => {
    const capacities = { alpha: 10_000_000, bravo: 700_000 };
    const story = new Story('no room for runs either', { peers: 2, capacities });
    await story.formed();
    const person = story.at('alpha');
    await story.create(person, 'small', 'text');
    const beginMs = story.mesh.scheduler.nowMs;
    const { copies, note } = await story.create(person, 'big', film(1_200_000));
    expect({ copies, note }).toEqual({ copies: 1, note: 'kept on 1 of 2: bravo is full' });
    expect(story.mesh.scheduler.nowMs - beginMs).toBeLessThan(5_000);
  });

  it('gives its room to what its whole holder makes of it', async () => {
    const story = new Story('edited', { peers: 3, stripeOverBytes: 1_000 });
    await story.formed();
    story.mesh.peer('alpha').node.drive.userWrite('film.mov', Buffer.from(FILM));
    await story.mesh.run(10_000);
    const alpha = story.mesh.peer('alpha');
    const next = film(100_001).split('').reverse().join('');
    alpha.node.drive.userWrite('film.mov', Buffer.from(next));
    await story.mesh.run(10_000);
    await story.converged([FILM, next]);
    const { peers } = story.mesh.peer('charlie').peer?.peers() ?? { peers: [] };
    expect(peers.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(2.1 * next.length);
    expect(await story.texts(story.at('charlie'), 'film.mov')).toEqual([next]);
    story.mesh.kill(alpha);
    await story.mesh.run(3_000);
    expect(await story.texts(story.at('charlie'), 'film.mov')).toEqual([next]);
  });

  it('is one of two in a conflict, and either can be had of the parts', async () => {
    const roomy = { ...ROOMS, bravo: 1_000_000, charlie: 160_000, delta: 160_000 };
    const story = new Story('two striped ones', { peers: 4, capacities: roomy, stripeOverBytes: 1_000 });
    await story.formed();
    const other = film(90_000).split('').reverse().join('');
    story.mesh.peer('alpha').node.drive.userWrite('film.mov', Buffer.from(FILM));
    story.mesh.peer('bravo').node.drive.userWrite('film.mov', Buffer.from(other));
    await story.converged([FILM, other]);
    expect((await story.texts(story.at('delta'), 'film.mov')).sort()).toEqual([FILM, other].sort());
    story.mesh.kill(story.mesh.peer('alpha'));
    await story.mesh.run(3_000);
    expect((await story.texts(story.at('delta'), 'film.mov')).sort()).toEqual([FILM, other].sort());
    await story.resolve(story.at('delta'), 'film.mov', 'alpha');
    expect(await story.texts(story.at('charlie'), 'film.mov')).toEqual([FILM]);
    story.mesh.start(story.mesh.peer('alpha'));
    await story.converged([FILM, other]);
    expect(await story.texts(story.at('charlie'), 'film.mov')).toEqual([FILM]);
  });

  it('stays a file of the folder where its content is dropped among the runs', async () => {
    const story = await striped('dropped among runs', 4);
    const charlie = story.mesh.peer('charlie');
    charlie.node.drive.userWrite('film.mov', Buffer.from(FILM));
    await story.converged([FILM]);
    expect(charlie.node.drive.userList({ withPrivate: true }).filter((name) => name.includes('/runs/'))).toEqual([]);
    charlie.node.drive.userRename('film.mov', 'mine.mov');
    await story.mesh.run(10_000);
    await story.converged([FILM]);
    expect(await story.texts(story.at('bravo'), 'mine.mov')).toEqual([FILM]);
  });

  it('deleted and made again elsewhere is kept twice anew', async () => {
    const story = await striped('made again');
    await story.remove(story.at('bravo'), 'film.mov');
    await story.mesh.run(1_000);
    story.mesh.peer('alpha').node.drive.userWrite('again.mov', Buffer.from(FILM));
    await story.converged([FILM]);
    story.mesh.kill(story.mesh.peer('alpha'));
    await story.mesh.run(3_000);
    expect(await story.texts(story.at('charlie'), 'again.mov')).toEqual([FILM]);
  });

  it('renamed by who has only runs is told to be kept as often as before', async () => {
    const story = await striped('told after a rename');
    story.mesh.kill(story.mesh.peer('alpha'));
    await story.mesh.run(3_000);
    const [renamed] = await story.rename(story.at('bravo'), 'film.mov', 'cut.mov');
    expect(renamed).toMatchObject({ copies: 1, wanted: 2 });
    story.mesh.start(story.mesh.peer('alpha'));
    await story.mesh.run(10_000);
    const [again] = await story.rename(story.at('bravo'), 'cut.mov', 'final.mov');
    expect(again).toMatchObject({ copies: 2 });
  });

  it('for which nobody has room says who is full', async () => {
    const story = new Story('nobody has room', {
      capacities: { ...ROOMS, bravo: 30_000, charlie: 30_000 },
      stripeBytesMin: 1_000,
    });
    await story.formed();
    story.mesh.peer('alpha').node.drive.userWrite('film.mov', Buffer.from(FILM));
    await story.mesh.run(10_000);
    const entry = await story.entry(story.at('bravo'), 'film.mov');
    expect([entry.contents[0]?.copies, entry.note?.split(', ').sort()]).toEqual([1, ['bravo is full', 'charlie is full']]);
  });
});
