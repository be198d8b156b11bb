import { describe, expect, it } from 'vitest';
import { rename } from '../../src/client/verbs/changes.ts';
import type { RequestId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { plainHashes, stateOf } from './mesh-state.ts';
import { Story } from './story.ts';

describe('a mesh of simulated machines', () => {
  it('keeps a dropped file twice and shows it everywhere', async () => {
    const story = new Story('dropped');
    await story.formed();
    story.mesh.peer('alpha').node.drive.userWrite('letters/a.txt', Buffer.from('dear bravo'));
    await story.mesh.run(3_000);
    expect(story.holders('letters/a.txt', 'dear bravo')).toHaveLength(2);
    expect(await story.texts(story.at('charlie'), 'letters/a.txt')).toEqual(['dear bravo']);
    await story.converged(['dear bravo']);
  });

  it('makes one of what lay in two folders before there was a mesh, and keeps both where they differ', async () => {
    const story = new Story('before');
    for (const [name, text] of [
      ['alpha', 'mine'],
      ['bravo', 'other'],
    ] as const) {
      story.mesh.peer(name).node.drive.userWrite('same', Buffer.from('equal'));
      story.mesh.peer(name).node.drive.userWrite('differs', Buffer.from(text));
    }
    await story.formed();
    await story.mesh.run(5_000);
    const person = story.at('charlie');
    expect(await story.texts(person, 'same')).toEqual(['equal']);
    expect(await story.texts(person, 'differs')).toEqual(['mine', 'other']);
    expect(await story.codeOf(story.entry(person, 'none'))).toBe('not-found');
  });

  it('lets an edit survive when a partition heals while a file is renamed', async () => {
    const story = new Story('renamed');
    await story.formed();
    const left = story.at('alpha');
    const leftHost = story.lastPerson;
    await story.create(left, 'draft', 'first');
    await story.converged();
    story.mesh.partition([['alpha', 'bravo', leftHost], ['charlie']]);
    story.mesh.peer('charlie').node.drive.userWrite('draft', Buffer.from('edited apart'));
    await story.mesh.run(4_000);
    await story.rename(left, 'draft', 'final');
    story.mesh.world.lan.heal();
    await story.converged(['first', 'edited apart']);
    expect(await story.texts(left, 'final')).toEqual(['first']);
    expect(await story.texts(left, 'draft')).toEqual(['edited apart']);
  });

  it('keeps a file deleted when the deleter dies and a holder that was away returns', async () => {
    const story = new Story('deleter');
    await story.formed();
    const person = story.at('alpha');
    await story.create(person, 'secret', 'burn me');
    await story.converged();
    const away = story.mesh.peers.find(({ name }) => name !== 'alpha' && story.file(name, 'secret') !== undefined);
    if (away === undefined) throw new Error('somebody beside alpha holds it');
    story.mesh.kill(away);
    await story.mesh.run(3_000);
    await story.remove(person, 'secret');
    story.mesh.lose(story.mesh.peer('alpha'));
    await story.mesh.run(3_000);
    story.mesh.start(away);
    await story.converged([]);
    expect(await story.texts(story.at(away.name), 'secret')).toEqual([]);
  });

  it('refuses a taken name at a peer that was away when the name was made, and has not read of it yet', async () => {
    // Owners are drawn by name: some of these names belong to the peer that comes back.
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
    const story = new Story('caught up');
    await story.formed();
    const [person, personHost] = [story.at('alpha'), story.lastPerson];
    const [late, lateHost] = [story.at('charlie'), story.lastPerson];
    story.mesh.partition([
      ['alpha', 'bravo', personHost],
      ['charlie', lateHost],
    ]);
    await story.mesh.run(3_000);
    for (const name of names) {
      await story.create(person, name, `${name} first`);
      await story.create(late, `mine ${name}`, `${name} second`);
    }
    // Its store is slow: it is linked, and asked, long before it has read what it missed.
    const { node } = story.mesh.peer('charlie');
    node.store.faults = { ...node.store.faults, latencyMinMs: 1_000, latencyMaxMs: 2_000 };
    let isLinked = false;
    const unwatch = story.mesh.scheduler.trace.watch((line) => {
      isLinked ||= line.includes('charlie#') && line.includes('log info a peer is linked');
    });
    story.mesh.world.lan.heal();
    await story.mesh.until('charlie is linked', () => isLinked, 30_000, 20);
    unwatch();
    const codes = await story.mesh.settle(Promise.all(names.map((name) => story.codeOf(rename(late, `mine ${name}`, name, {})))));
    expect(codes).toEqual(names.map(() => 'exists'));
    await story.converged(names.flatMap((name) => [`${name} first`, `${name} second`]));
  });

  it('keeps both when two peers, each alone, create the same name', async () => {
    const story = new Story('alone', { peers: 2, clients: 0 });
    await story.formed();
    const [one, oneHost] = [story.at('alpha'), story.lastPerson];
    const [two, twoHost] = [story.at('bravo'), story.lastPerson];
    story.mesh.partition([
      ['alpha', oneHost],
      ['bravo', twoHost],
    ]);
    await story.mesh.run(3_000);
    await story.create(one, 'plan', 'by alpha');
    await story.create(two, 'plan', 'by bravo');
    story.mesh.world.lan.heal();
    await story.allSee(2);
    await story.converged(['by alpha', 'by bravo']);
    expect(await story.texts(one, 'plan')).toEqual(['by alpha', 'by bravo']);
    await story.resolve(one, 'plan', 'alpha');
    await story.converged(['by alpha']);
    expect(await story.texts(two, 'plan')).toEqual(['by alpha']);
  });

  it('has one winner when clients at every peer create one name at once', async () => {
    const story = new Story('race');
    await story.formed();
    const people = ['alpha', 'bravo', 'charlie'].map((name) => story.at(name));
    for (let round = 0; round < 5; round++) {
      const codes = await Promise.all(
        people.map((person, index) => story.codeOf(story.create(person, `name ${round}`, `${index}`))),
      );
      expect(codes.filter((code) => code === 'done')).toHaveLength(1);
      expect(codes.filter((code) => code === 'exists')).toHaveLength(2);
    }
  });

  it('has every acknowledged file after all peers die at once in a burst of creates', async () => {
    const story = new Story('burst');
    await story.formed();
    const people = ['alpha', 'bravo', 'charlie'].map((name) => story.at(name));
    const told: string[] = [];
    const burst = people.map(async (person, who) => {
      for (let index = 0; index < 40; index++) {
        await story.create(person, `burst/${who}-${index}`, `text ${who}-${index}`);
        told.push(`${who}-${index}`);
      }
    });
    for (const one of burst) one.catch(() => {});
    await story.mesh.run(1_700);
    for (const machine of story.mesh.peers) story.mesh.powerLoss(machine, 'hostile');
    const kept = [...told];
    expect(kept.length).toBeGreaterThan(5);
    await story.mesh.run(500);
    story.mesh.startAll();
    await Promise.allSettled(burst);
    await story.converged();
    const person = story.at('bravo');
    for (const name of kept) expect(await story.texts(person, `burst/${name}`)).toEqual([`text ${name}`]);
  });

  it('takes a restored backup for what it is: nothing deleted returns, nothing edited is undone', async () => {
    const story = new Story('backup');
    await story.formed();
    const person = story.at('alpha');
    await story.create(person, 'old', 'to be deleted');
    await story.create(person, 'text', 'first');
    await story.converged();
    const holder = story.mesh.peers.find(({ name }) => story.file(name, 'old') !== undefined && name !== 'alpha');
    if (holder === undefined) throw new Error('somebody beside alpha holds it');
    const image = holder.node.snapshot();
    await story.remove(person, 'old');
    await story.put(person, 'text', 'second');
    await story.create(person, 'new', 'made since');
    await story.converged();
    story.mesh.kill(holder);
    holder.node.restore(image);
    story.mesh.start(holder);
    await story.converged(['second', 'made since']);
    expect(await story.texts(person, 'old')).toEqual([]);
    expect(await story.texts(person, 'text')).toEqual(['second']);
  });

  it('deletes nothing while another file system lies over a folder, whatever is stored there meanwhile', async () => {
    const story = new Story('mounted over', { peers: 2 });
    await story.formed();
    const person = story.at('alpha');
    for (let index = 0; index < 6; index++) await story.create(person, `f${index}`, `text ${index}`);
    await story.converged();
    const { drive } = story.mesh.peer('bravo').node;
    drive.unmount();
    await story.put(person, 'f0', 'while it was away');
    await story.create(person, 'g', 'new while it was away');
    await story.mesh.run(20_000);
    drive.mount();
    await story.converged();
    expect(await story.texts(person, 'f0')).toEqual(['while it was away']);
    for (let index = 1; index < 6; index++) expect(await story.texts(person, `f${index}`)).toEqual([`text ${index}`]);
    expect(plainHashes(story.mesh.peer('bravo').node).size).toBe(7);
  });

  it('carries a verb out once when the peer dies with the answer', async () => {
    const story = new Story('replay');
    await story.formed();
    const person = story.at('alpha');
    const { scheduler } = story.mesh;
    for (let round = 0; round < 6; round++) {
      const alpha = story.mesh.peer('alpha');
      const path = `once ${round}`;
      const making = story.create(person, path, `text ${round}`);
      const unwatch = scheduler.trace.watch((line) => {
        if (!line.includes(`alpha#`) || !line.includes(` ${path}`) || !line.includes('disk link')) return;
        unwatch();
        scheduler.outside.after(3 + 2 * round, () => story.mesh.kill(alpha));
      });
      expect(await story.codeOf(making)).toBe('done');
      unwatch();
      await story.mesh.run(100);
      story.mesh.start(alpha);
      await story.allSee(3);
      await story.converged();
      expect(await story.texts(person, path)).toEqual([`text ${round}`]);
    }
  });

  it('keeps what only a dead peer had, when the client that sent it is still there', async () => {
    const story = new Story('sent again');
    await story.formed();
    const person = story.at('alpha');
    const text = 'a long letter '.repeat(100_000);
    const making = story.create(person, 'letter', text);
    making.catch(() => undefined);
    // The others have read of it, and none has taken it.
    const isKnown = async () => (await stateOf(story.mesh.peer('bravo').node)).catalog.view(checkPath('letter')) !== undefined;
    await story.mesh.until('bravo knows of it', isKnown, 20_000, 1);
    const alpha = story.mesh.peer('alpha');
    story.mesh.kill(alpha);
    expect(story.holders('letter', text)).toEqual(['alpha']);
    expect(await story.codeOf(making)).toBe('done');
    expect(story.holders('letter', text)).toEqual(['alpha', 'bravo', 'charlie']);
    story.mesh.start(alpha);
    await story.converged([text]);
  });

  it('answers a delete asked for again without touching what was made since', async () => {
    const story = new Story('again');
    await story.formed();
    const person = story.at('alpha');
    const request = '0123456789abcdef0123456789abcdef' as RequestId;
    await story.create(person, 'file', 'first');
    await story.removeBy(person, 'file', request);
    await story.create(person, 'file', 'second');
    await story.converged();
    await story.codeOf(story.removeBy(story.at('bravo'), 'file', request));
    await story.converged(['second']);
    expect(await story.texts(person, 'file')).toEqual(['second']);
  });

  it('never serves rotten bytes, and heals the copy', async () => {
    const story = new Story('rot');
    await story.formed();
    const person = story.at('alpha');
    await story.create(person, 'precious', 'exactly this');
    await story.converged();
    const rotten = story.mesh.peers.find(({ name }) => story.file(name, 'precious') !== undefined);
    if (rotten === undefined) throw new Error('somebody holds it');
    rotten.node.drive.rot('precious');
    expect(await story.texts(story.at(rotten.name), 'precious')).toEqual(['exactly this']);
    await story.converged(['exactly this']);
  });
});
