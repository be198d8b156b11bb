import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, FolderBench, hashOf, path } from './folder-bench.ts';

const NAMES = ['f/a', 'f/b', 'c', 'g/h/d'];

describe('many small contents', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
  });
  afterEach(() => bench.end());

  const wholesOf = (names: readonly string[]) =>
    names.map((name) => ({ name, version: bench.foreign(name, `text of ${name}`), text: `text of ${name}` }));
  const hold = (name: string) => bench.folder.holds(path(name), hashOf(`text of ${name}`));

  it('are kept by one batch of intents, one turn of the disk and one change of the ledger', async () => {
    const { disk, store } = bench.platform;
    const batch = store.batch.bind(store);
    const batches: (readonly string[])[] = [];
    store.batch = (writes) => {
      batches.push(writes.map(({ key }) => key));
      return batch(writes);
    };
    expect(await bench.keepMany(wholesOf(NAMES))).toEqual(NAMES.map(() => undefined));
    for (const name of NAMES) expect([name, bench.read(name), hold(name)]).toEqual([name, `text of ${name}`, true]);
    expect(disk.manyCounts).toMatchObject({ stageMany: 1, commitMany: 1 });
    // Told by one row, which ends with the record of all.
    expect(batches.map((keys) => keys.filter((key) => key.startsWith('f/i/')).length)).toEqual([1, 1]);
    expect(bench.private('stage')).toEqual([]);
    expect(bench.folder.state()).toMatchObject({ incomingBytes: 0, incomingFiles: 0, files: NAMES.length });
    await bench.pass(5_000);
    expect(bench.ledger.own(path('c'))).toHaveLength(1);
  });

  it('are told one by one what keeps them out: wrong bytes, a name in use, what is over, what lies here already', async () => {
    bench.write('c', 'mine');
    await bench.settle();
    const wholes = wholesOf(['f/a', 'f/b', 'over', 'e']);
    bench.foreignTombstone(
      'over',
      wholes.filter(({ name }) => name === 'over').map(({ version }) => version),
    );
    const wrong = { ...(wholes[1] as (typeof wholes)[number]), text: 'TEXT of f/b' };
    const mine = { name: 'copy', version: bench.foreign('copy', 'mine'), text: 'mine' };
    const taken = { name: 'c', version: bench.foreign('c', 'theirs'), text: 'theirs' };
    const asked = [wholes[0], wrong, wholes[2], mine, taken, wholes[3]].filter((one) => one !== undefined);
    expect(await bench.keepMany(asked)).toEqual([undefined, 'corrupt', 'overtaken', 'busy', 'busy', undefined]);
    expect(bench.drive.userList().sort()).toEqual(['c', 'e', 'f/a']);
    expect(bench.read('c')).toBe('mine');
    expect(bench.private('stage')).toEqual([]);
    expect(await bench.rows('i')).toBe(0);
  });

  it('never take the place of what a person saves meanwhile, at whatever step', async () => {
    for (let at = 0; at < 14; at++) {
      const names = NAMES.map((name) => `${at}/${name}`);
      const wholes = wholesOf(names);
      let steps = 0;
      bench.platform.disk.commitHook = async () => {
        if (steps++ === at) bench.drive.userSave(`${at}/f/b`, bytes('saved'));
      };
      const errors = await bench.keepMany(wholes);
      bench.platform.disk.commitHook = undefined;
      await bench.settle();
      expect(errors.filter((_, index) => index !== 1)).toEqual([undefined, undefined, undefined]);
      for (const name of names.filter((_, index) => index !== 1)) expect(hold(name)).toBe(true);
      if (steps <= at) break;
      expect(bench.read(`${at}/f/b`)).toBe('saved');
      // It is a change of its own: it came into a name that had nothing, or onto what was just put there.
      expect(bench.held(`${at}/f/b`).hash).toBe(hashOf('saved'));
    }
    expect(await bench.rows('i')).toBe(0);
  });

  it('that were deleted elsewhere while their peer was killed in between do not come back as files of its user', async () => {
    let isKept = false;
    for (let events = 0; !isKept; events++) {
      const wholes = wholesOf(NAMES.map((name) => `${events}/${name}`));
      const from = bench.world.scheduler.eventCount;
      const keeping = bench.keepMany(wholes).then(() => {
        isKept = true;
      });
      keeping.catch(() => undefined);
      await bench.world.scheduler.runUntil(() => isKept || bench.world.scheduler.eventCount >= from + events, 60_000);
      bench.node.kill();
      for (const { name, version } of wholes) bench.foreignTombstone(name, [version]);
      await bench.start();
      await bench.settle();
      for (const { name } of wholes) expect([events, name, bench.contents(name)]).toEqual([events, name, []]);
      expect(await bench.rows('i')).toBe(0);
    }
  });

  it('are kept as far as the disk takes them', async () => {
    const { disk } = bench.platform;
    const [stageMany, commitMany] = [disk.stageMany.bind(disk), disk.commitMany.bind(disk)];
    const fault = { code: 'failed', message: 'the disk says EIO' } as const;
    disk.stageMany = async (wholes) => {
      const stats = await stageMany(wholes.slice(1));
      return [fault, ...stats];
    };
    disk.commitMany = async (intents) => [fault, ...(await commitMany(intents.slice(1)))];
    expect(await bench.keepMany(wholesOf(NAMES))).toEqual(['failed', 'failed', undefined, undefined]);
    expect(bench.drive.userList().sort()).toEqual(['c', 'g/h/d']);
    expect(bench.private('stage')).toEqual([]);
    expect(await bench.rows('i')).toBe(0);
    expect(bench.folder.state()).toMatchObject({ incomingBytes: 0, incomingFiles: 0 });
  });

  it('are taken back when they cannot be recorded, and kept by the next try', async () => {
    const wholes = wholesOf(NAMES);
    const change = bench.ledger.change.bind(bench.ledger);
    bench.ledger.change = () => Promise.reject(new Error('the store is full'));
    const errors = await bench.keepMany(wholes);
    bench.ledger.change = change;
    expect(errors).toEqual(NAMES.map(() => 'failed'));
    await bench.settle();
    expect(bench.drive.userList()).toEqual([]);
    expect(await bench.rows('i')).toBe(0);
    expect(await bench.keepMany(wholes)).toEqual(NAMES.map(() => undefined));
    for (const name of NAMES) expect(hold(name)).toBe(true);
  });

  it('stand where they are while the store is too full to tell how they ended, and are recorded once it is not', async () => {
    for (const [round, isKilled] of [false, true].entries()) {
      const names = NAMES.map((name) => `${round}/${name}`);
      const wholes = wholesOf(names);
      const { faults } = bench.node.store;
      const commitMany = bench.platform.disk.commitMany.bind(bench.platform.disk);
      bench.platform.disk.commitMany = (intents) => {
        faults.isFull = true;
        return commitMany(intents);
      };
      expect(await bench.keepMany(wholes)).toEqual(names.map(() => 'full'));
      bench.platform.disk.commitMany = commitMany;
      await bench.pass(70_000);
      // Taken back they would be told of as ours by the next start, whatever a person put there.
      for (const name of names) expect([name, bench.read(name)]).toEqual([name, wholes[names.indexOf(name)]?.text]);
      faults.isFull = false;
      if (isKilled) await bench.restart();
      await bench.pass(70_000);
      expect(await bench.rows('i')).toBe(0);
      for (const name of names) {
        expect(bench.contents(name)).toEqual([hashOf(wholes[names.indexOf(name)]?.text ?? '')]);
        expect(bench.ledger.own(path(name)).map(({ holding }) => holding)).toEqual(['all']);
      }
      expect(bench.private('stage')).toEqual([]);
    }
  });

  it('are read as they were noted, as many as there is room for; the others by themselves', async () => {
    await bench.keepMany(wholesOf(NAMES));
    bench.drive.userWrite('f/b', bytes('changed'));
    const asked = [...NAMES, 'nothing'].map((name) => ({ path: path(name), hash: hashOf(`text of ${name}`) }));
    const read = async (bytesMax: number) =>
      (await bench.folder.many.read(asked, bytesMax)).map((each) => each && new TextDecoder().decode(each));
    expect(await read(1_000)).toEqual(['text of f/a', undefined, 'text of c', 'text of g/h/d', undefined]);
    expect(await read('text of f/a'.length)).toEqual(['text of f/a', undefined, undefined, undefined, undefined]);
  });

  it('are read soon, but for the one whose read hangs, and a few beside it', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `n/${index}`);
    await bench.keepMany(wholesOf(names));
    const { disk } = bench.platform;
    const readMany = disk.readMany.bind(disk);
    disk.readMany = async (places, options) =>
      places.includes('n/50') ? await new Promise<never>(() => {}) : await readMany(places, options);
    const beganMs = bench.world.scheduler.nowMs;
    const asked = names.map((name) => ({ path: path(name), hash: hashOf(`text of ${name}`) }));
    const given = await bench.folder.many.read(asked, 1_000_000);
    expect(bench.world.scheduler.nowMs - beganMs).toBeLessThan(3_000);
    expect(given[50]).toBeUndefined();
    const read = given.flatMap((each, index) => (each === undefined ? [] : [{ name: names[index], each }]));
    expect(read.length).toBeGreaterThan(50);
    for (const { name, each } of read) expect(new TextDecoder().decode(each)).toBe(`text of ${name}`);
  });

  it('that their own user may not read are left to a single commit, which opens them once they are staged', async () => {
    const [one, other] = wholesOf(['f/a', 'f/b']);
    if (one === undefined || other === undefined) throw new Error('two contents');
    const locked = { ...one, version: { ...one.version, mode: 0o040 } };
    expect(await bench.keepMany([locked, other])).toEqual(['busy', undefined]);
    expect(bench.drive.userList()).toEqual(['f/b']);
  });
});
