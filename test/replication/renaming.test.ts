import { describe, expect, it } from 'vitest';
import { film } from '../sim/film.ts';
import { Story } from '../sim/story.ts';

const inodeOf = (story: Story, peer: string, path: string) => story.mesh.peer(peer).node.drive.userStat(path)?.inode;

/** What lies on a disk beside the files of its user. */
const leftOn = (story: Story, peer: string) =>
  story.mesh
    .peer(peer)
    .node.drive.userList({ withPrivate: true })
    .filter((path) => /^\.filemesh\/(trash|versions|stage|siblings)\//.test(path));

/** Two peers that both have the file, and their inodes of it. */
async function pair(seed: string, path: string): Promise<{ story: Story; inodes: (number | undefined)[] }> {
  const story = new Story(seed, { peers: 2 });
  await story.formed();
  await story.create(story.at('alpha'), path, 'text');
  await story.converged();
  return { story, inodes: ['alpha', 'bravo'].map((peer) => inodeOf(story, peer, path)) };
}

describe('a file renamed elsewhere', () => {
  it('is moved by each that has it: no byte is copied, and nothing is left', async () => {
    const { story, inodes } = await pair('moved', 'old/film');
    await story.rename(story.at('alpha'), 'old/film', 'new/film');
    await story.converged(['text']);
    expect(['alpha', 'bravo'].map((peer) => inodeOf(story, peer, 'new/film'))).toEqual(inodes);
    expect(['alpha', 'bravo'].map((peer) => leftOn(story, peer))).toEqual([[], []]);
    expect(() => story.mesh.peer('bravo').node.drive.userDelete('old')).toThrow('no file');
  });

  it('is moved to its last name by who hears of several renames at once', async () => {
    const { story, inodes } = await pair('moved on', 'one');
    const alpha = story.mesh.peer('alpha');
    story.mesh.partition([['alpha'], ['bravo']]);
    for (const [from, to] of [
      ['one', 'two'],
      ['two', 'three'],
      ['three', 'four'],
    ] as const) {
      alpha.node.drive.userRename(from, to);
      await story.mesh.run(10_000);
    }
    story.mesh.world.lan.heal();
    await story.converged(['text']);
    expect(inodeOf(story, 'bravo', 'four')).toBe(inodes[1]);
    expect(leftOn(story, 'bravo')).toEqual([]);
  });

  it('stays what it is where something else lies under the new name', async () => {
    const { story } = await pair('in its way', 'old');
    story.mesh.partition([['alpha'], ['bravo']]);
    story.mesh.peer('alpha').node.drive.userRename('old', 'new');
    story.mesh.peer('bravo').node.drive.userWrite('new', Buffer.from('other'));
    await story.mesh.run(10_000);
    story.mesh.world.lan.heal();
    await story.converged(['text', 'other']);
    expect(await story.texts(story.at('bravo'), 'new')).toEqual(['other', 'text']);
  });

  it('is copied where the disk does not take the new name as long as the old one stands', async () => {
    const { story } = await pair('into its own folder', 'a/b');
    const alpha = story.mesh.peer('alpha').node.drive;
    alpha.userRename('a/b', 'meanwhile');
    alpha.userDelete('a');
    alpha.userRename('meanwhile', 'a');
    await story.converged(['text']);
    expect(['alpha', 'bravo'].map((peer) => story.file(peer, 'a'))).toEqual(['text', 'text']);
  });

  it('comes out of what lies aside of a conflict, and the other content stays', async () => {
    const story = new Story('aside', { peers: 2 });
    await story.formed();
    story.mesh.partition([['alpha'], ['bravo']]);
    for (const peer of ['alpha', 'bravo']) story.mesh.peer(peer).node.drive.userWrite('name', Buffer.from(peer));
    await story.mesh.run(10_000);
    story.mesh.world.lan.heal();
    await story.converged(['alpha', 'bravo']);
    const [aside] = leftOn(story, 'bravo');
    const inode = inodeOf(story, 'bravo', aside as string);
    story.mesh.peer('alpha').node.drive.userRename('name', 'other');
    await story.converged(['alpha', 'bravo']);
    expect(inodeOf(story, 'bravo', 'other')).toBe(inode);
    expect([story.file('bravo', 'other'), story.file('bravo', 'name')]).toEqual(['alpha', 'bravo']);
    expect(leftOn(story, 'bravo')).toEqual([]);
  });

  it('is moved by who has all of it too, though others have runs', async () => {
    const story = new Story('whole beside runs', { peers: 4, stripeOverBytes: 1_000 });
    await story.formed();
    const text = film(100_000);
    for (const peer of ['alpha', 'bravo']) {
      story.mesh.peer(peer).node.drive.userWrite('film.mov', Buffer.from(text));
      await story.mesh.run(10_000);
    }
    const inodes = ['alpha', 'bravo'].map((peer) => inodeOf(story, peer, 'film.mov'));
    await story.rename(story.at('alpha'), 'film.mov', 'cut.mov');
    await story.mesh.run(5_000);
    expect(['alpha', 'bravo'].map((peer) => inodeOf(story, peer, 'cut.mov'))).toEqual(inodes);
    expect(leftOn(story, 'bravo')).toEqual([]);
  });
});
