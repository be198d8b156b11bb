import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { restoreCopy } from '../../src/client/verbs/changes.ts';
import { historiesOf, restore } from '../../src/client/verbs/history.ts';
import { put } from '../../src/client/verbs/upload.ts';
import { checkPath } from '../../src/core/path.ts';
import { film } from './film.ts';
import { sourceOf, VERB } from './mesh-client.ts';
import { Story } from './story.ts';

const ROOMY = 1_000_000;

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

describe('an upload in runs', () => {
  const upload = (story: Story, session: Session, text: string, stripeOver?: number) =>
    story.mesh.settle(put(session, checkPath('film.mov'), sourceOf(Buffer.from(text)), { ...VERB, stripeOver }));
  const LARGE = 2 * 1_048_576;
  const room = (bytes: number) => ({ capacities: { alpha: bytes, bravo: bytes, charlie: bytes, delta: bytes } });

  it('stores a file that no single peer has room for, twice, and leaves no other room taken', async () => {
    const story = new Story('upload', { peers: 4, ...room(1.5 * 1_048_576) });
    await story.formed();
    const text = film(LARGE);
    expect(await upload(story, story.at('alpha'), text)).toMatchObject({ copies: 2, wanted: 2 });
    expect(story.holders('film.mov', text)).toEqual([]);
    await story.converged([text]);
    for (const name of ['alpha', 'bravo', 'charlie', 'delta'])
      expect(
        story.mesh
          .peer(name)
          .peer?.peers()
          .peers.find((one) => one.name === name)?.bytes,
      ).toBeLessThan(1.2 * 1_048_576);
    expect(await story.texts(story.at('delta'), 'film.mov')).toEqual([text]);
    story.mesh.kill(story.mesh.peer('bravo'));
    await story.mesh.run(3_000);
    expect(await story.texts(story.at('delta'), 'film.mov')).toEqual([text]);
  });

  it('is done on request, for small ones too, and a next version takes its place', async () => {
    const story = new Story('on request');
    await story.formed();
    const session = story.at('bravo');
    expect(await upload(story, session, film(5_000), 0)).toMatchObject({ copies: 2 });
    expect(story.holders('film.mov', film(5_000))).toEqual([]);
    expect(await upload(story, session, film(5_000, 7), 0)).toMatchObject({ copies: 2 });
    expect(await story.texts(story.at('charlie'), 'film.mov')).toEqual([film(5_000, 7)]);
    expect(await upload(story, session, 'a short one')).toMatchObject({ copies: 2 });
    await story.converged(['a short one']);
    expect(await story.texts(session, 'film.mov')).toEqual(['a short one']);
  });

  it('goes on through another peer when its own dies, and sends what is kept not again', async () => {
    const story = new Story('failover', { peers: 4, ...room(1.5 * 1_048_576) });
    await story.formed();
    const text = film(LARGE);
    const uploading = upload(story, story.at('alpha'), text);
    uploading.catch(() => undefined);
    const isHalfway = () =>
      ['bravo', 'charlie', 'delta'].some(
        (name) =>
          story.mesh
            .peer(name)
            .node.drive.userList({ withPrivate: true })
            .filter((file) => file.includes('/runs/')).length > 1,
      );
    await story.mesh.until('some runs are kept', isHalfway, 20_000, 5);
    story.mesh.kill(story.mesh.peer('alpha'));
    expect(await uploading).toMatchObject({ path: 'film.mov' });
    expect(await story.texts(story.at('charlie'), 'film.mov')).toEqual([text]);
    story.mesh.start(story.mesh.peer('alpha'));
    await story.converged([text]);
  });

  it('is refused in one word when all together have no room, and takes none', async () => {
    const story = new Story('no room', { peers: 3, ...room(500_000) });
    await story.formed();
    expect(await story.codeOf(upload(story, story.at('alpha'), film(LARGE)))).toBe('full');
    await story.mesh.run(3_000);
    expect(await story.texts(story.at('bravo'), 'film.mov')).toEqual([]);
    expect(await upload(story, story.at('alpha'), film(100_000))).toMatchObject({ copies: 2 });
  });

  it('comes back from the history: deleted, or overwritten, with no byte moved', async () => {
    const story = new Story('restored', { peers: 4, ...room(1.5 * 1_048_576) });
    await story.formed();
    const session = story.at('alpha');
    const text = film(LARGE);
    await upload(story, session, text);
    await story.remove(session, 'film.mov');
    await story.mesh.run(2_000);
    const [past] = await story.mesh.settle(historiesOf(session, 'film.mov', {}));
    expect(past?.copies).toMatchObject([{ size: LARGE, current: false }]);
    expect(await story.mesh.settle(restore(session, 'film.mov', undefined, {}))).toMatchObject([{ copies: 2 }]);
    expect(await story.texts(story.at('delta'), 'film.mov')).toEqual([text]);
    await upload(story, session, 'a short one');
    await story.mesh.run(2_000);
    expect(await story.mesh.settle(restore(story.at('charlie'), 'film.mov', past?.copies[0]?.hash, {}))).toMatchObject([
      { copies: 2 },
    ]);
    await story.converged([text]);
    expect(await story.texts(story.at('bravo'), 'film.mov')).toEqual([text]);
  });

  it('stays in the history, and replaces nothing, while some of its runs are away', async () => {
    const story = new Story('half of the past', { peers: 4, ...room(1.5 * 1_048_576) });
    await story.formed();
    const session = story.at('alpha');
    const text = film(LARGE);
    await upload(story, session, text);
    await upload(story, session, 'a short one');
    await story.mesh.run(2_000);
    const [past] = await story.mesh.settle(historiesOf(session, 'film.mov', {}));
    const old = past?.copies.find((one) => !one.current)?.hash;
    const keeps = (name: string) =>
      story.mesh
        .peer(name)
        .node.drive.userList({ withPrivate: true })
        .some((file) => file.includes('/runs/'));
    const keeper = story.mesh.peers.map(({ name }) => name).find(keeps) ?? 'nobody';
    const near = story.at(keeper);
    const others = story.mesh.peers.map(({ name }) => name).filter((name) => name !== keeper);
    for (const name of others) story.mesh.kill(story.mesh.peer(name));
    await story.mesh.run(3_000);
    const before = await story.entry(near, 'film.mov');
    await expect(story.mesh.settle(restore(near, 'film.mov', old, {}))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        new RegExp(`on ${keeper}: the others may be on ${others.join(', ')}, away now.*this file was not changed`),
      ),
    });
    // A client that does not look itself, or saw the others just before.
    const blind = story.mesh.settle(restoreCopy(near, checkPath('film.mov'), old ?? '', {}));
    expect(await story.codeOf(blind)).toBe('unavailable');
    expect((await story.entry(near, 'film.mov')).base).toEqual(before.base);
  });

  it('is done for any number of files, one after the other', async () => {
    const story = new Story('many', { peers: 3 });
    await story.formed();
    const session = story.at('alpha');
    for (let index = 0; index < 70; index++) {
      const making = put(session, checkPath(`film ${index}`), sourceOf(Buffer.from(film(2_000, index + 1))), {
        ...VERB,
        stripeOver: 0,
      });
      expect(await story.mesh.settle(making)).toMatchObject({ copies: 2 });
    }
  });
});
