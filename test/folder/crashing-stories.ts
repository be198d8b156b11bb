import { expect } from 'vitest';
import type { Version } from '../../src/core/version.ts';
import type { Step } from '../../src/folder/folder.ts';
import { bytes, type FolderBench, HIGH, hashOf, path, request } from './folder-bench.ts';

/** An act on the folder that may be cut short at any moment. */
export interface Story {
  readonly name: string;
  /** What comes before, durably. Returns the act that is cut short. */
  readonly prepare: (bench: FolderBench) => Promise<() => Promise<unknown>>;
  /** What must hold after the restart, whenever the crash came. `isDone`: the act had told its success. */
  readonly check: (bench: FolderBench, isDone: boolean) => void;
}

const MANY = ['f/a', 'f/b', 'g/h/c'];

const held = (bench: FolderBench, name: string): string[] =>
  bench.ledger
    .own(path(name))
    .flatMap(({ version, holding }) => (version.kind === 'file' && holding === 'all' ? [version.hash] : []));

async function drop(bench: FolderBench, name: string, text: string) {
  bench.write(name, text);
  bench.drive.userSync();
  await bench.settle();
  return bench.held(name);
}

export const stories: Story[] = [
  {
    name: 'keeping a new file',
    prepare: async (bench) => {
      const version = bench.foreign('f/a', 'new');
      const staging = await bench.staged('new');
      return () => bench.folder.keep(path('f/a'), version, staging);
    },
    check: (bench, isDone) => {
      const has = bench.read('f/a') === 'new';
      expect(held(bench, 'f/a')).toEqual(has ? [hashOf('new')] : []);
      if (isDone) expect(has).toBe(true);
    },
  },
  {
    name: 'keeping many new files at once',
    prepare: async (bench) => {
      const wholes = MANY.map((name) => ({ name, version: bench.foreign(name, name), text: name }));
      return async () => expect(await bench.keepMany(wholes)).toEqual(MANY.map(() => undefined));
    },
    check: (bench, isDone) => {
      for (const name of MANY) {
        const has = bench.read(name) === name;
        expect(held(bench, name)).toEqual(has ? [hashOf(name)] : []);
        if (isDone) expect(has).toBe(true);
      }
    },
  },
  {
    name: 'keeping what replaces a file',
    prepare: async (bench) => {
      const version = bench.foreign('a', 'new', [await drop(bench, 'a', 'old')]);
      const staging = await bench.staged('new');
      return () => bench.folder.keep(path('a'), version, staging);
    },
    check: (bench, isDone) => {
      const content = bench.read('a') ?? '';
      expect(['old', 'new']).toContain(content);
      expect(held(bench, 'a')).toEqual([hashOf(content)]);
      expect(bench.contents('a')).toEqual([hashOf('new')]);
      if (isDone) expect(content).toBe('new');
      if (content === 'new') expect(bench.private('versions')).toHaveLength(1);
    },
  },
  {
    name: 'keeping a sibling',
    prepare: async (bench) => {
      await drop(bench, 'a', 'mine');
      const version = bench.foreign('a', 'theirs', [], HIGH);
      const staging = await bench.staged('theirs');
      return () => bench.folder.keep(path('a'), version, staging);
    },
    check: (bench, isDone) => {
      expect(bench.read('a')).toBe('mine');
      const siblings = bench.private('siblings').length;
      expect(held(bench, 'a').sort()).toEqual([hashOf('mine'), ...(siblings > 0 ? [hashOf('theirs')] : [])].sort());
      if (isDone) expect(siblings).toBe(1);
    },
  },
  {
    name: 'a current sibling taking the name of one that is kept until its successor can be had',
    prepare: async (bench) => {
      const mine = await drop(bench, 'a', 'mine');
      await bench.keep('a', bench.foreign('a', 'theirs', [], HIGH), 'theirs');
      bench.foreign('a', 'not to be had', [mine]);
      return () => bench.folder.arrange(path('a'));
    },
    check: (bench, isDone) => {
      const content = bench.read('a') ?? '';
      expect(['mine', 'theirs']).toContain(content);
      expect(held(bench, 'a').sort()).toEqual([hashOf('mine'), hashOf('theirs')].sort());
      expect(bench.folder.holds(path('a'), hashOf('mine'))).toBe(true);
      expect(bench.folder.holds(path('a'), hashOf('theirs'))).toBe(true);
      expect(bench.private('siblings')).toHaveLength(1);
      if (isDone) expect(content).toBe('theirs');
    },
  },
  {
    name: 'obeying a tombstone',
    prepare: async (bench) => {
      const tombstone = bench.foreignTombstone('f/a', [await drop(bench, 'f/a', 'old')]);
      return () => bench.folder.letGo(path('f/a'), hashOf('old'), tombstone);
    },
    check: (bench, isDone) => {
      const has = bench.read('f/a') === 'old';
      expect(held(bench, 'f/a')).toEqual(has ? [hashOf('old')] : []);
      expect(
        bench.ledger.own(path('f/a')).filter(({ version }) => version.origin === bench.self && version.kind === 'tombstone'),
      ).toEqual([]);
      if (isDone) expect(has).toBe(false);
      if (!has) expect(bench.private('trash')).toHaveLength(1);
    },
  },
  {
    name: 'a rename by a client',
    prepare: async (bench) => {
      const base = await drop(bench, 'a', 'old');
      const steps: Step[] = [
        { kind: 'copy', path: path('g/b'), base: [], from: path('a'), hash: hashOf('old') },
        { kind: 'bury', path: path('a'), base: [base], renamedTo: path('g/b') },
      ];
      return () => bench.folder.make(request('1'), steps);
    },
    check: (bench, isDone) => {
      const isRenamed = bench.read('g/b') === 'old';
      expect(bench.drive.userList()).toEqual([isRenamed ? 'g/b' : 'a']);
      expect(held(bench, 'g/b')).toEqual(isRenamed ? [hashOf('old')] : []);
      expect(held(bench, 'a')).toEqual(isRenamed ? [] : [hashOf('old')]);
      const made: Version[] = [...bench.ledger.own(path('a')), ...bench.ledger.own(path('g/b'))].map((record) => record.version);
      if (isRenamed) expect(made.map((version) => version.request)).toEqual([request('1'), request('1')]);
      if (isDone) expect(isRenamed).toBe(true);
    },
  },
  {
    name: 'a rename elsewhere being followed',
    prepare: async (bench) => {
      const by = bench.foreignTombstone('f/old', [await drop(bench, 'f/old', 'text')], 'new');
      const version = bench.foreign('new', 'text');
      return () => bench.folder.renaming.follow(path('f/old'), path('new'), version, by);
    },
    check: (bench, isDone) => {
      const there = ['f/old', 'new'].filter((name) => bench.read(name) === 'text');
      expect(there).toEqual([isDone ? 'new' : there[0]]);
      for (const name of ['f/old', 'new']) expect(held(bench, name)).toEqual(there.includes(name) ? [hashOf('text')] : []);
      expect([...bench.private('trash'), ...bench.private('versions')]).toEqual([]);
    },
  },
  {
    name: 'an upload',
    prepare: async (bench) => {
      const step = await bench.put('a', 'new', [await drop(bench, 'a', 'old')]);
      return () => bench.folder.make(request('1'), [step]);
    },
    check: (bench, isDone) => {
      const content = bench.read('a') ?? '';
      expect(['old', 'new']).toContain(content);
      expect(held(bench, 'a')).toEqual([hashOf(content)]);
      expect(bench.contents('a')).toEqual([hashOf(content)]);
      if (content === 'new') expect(bench.held('a').request).toBe(request('1'));
      if (isDone) expect(content).toBe('new');
    },
  },
  {
    name: 'a resolution that raises a sibling',
    prepare: async (bench) => {
      const mine = await drop(bench, 'a', 'mine');
      const theirs = bench.foreign('a', 'theirs', [], HIGH);
      await bench.keep('a', theirs, 'theirs');
      const step: Step = { kind: 'copy', path: path('a'), base: [mine, theirs], from: path('a'), hash: hashOf('theirs') };
      return () => bench.folder.make(request('1'), [step]);
    },
    check: (bench, isDone) => {
      const content = bench.read('a') ?? '';
      expect(['mine', 'theirs']).toContain(content);
      const isResolved = content === 'theirs';
      expect(held(bench, 'a').sort()).toEqual((isResolved ? [hashOf('theirs')] : [hashOf('mine'), hashOf('theirs')]).sort());
      expect(bench.private('siblings')).toHaveLength(isResolved ? 0 : 1);
      if (isDone) expect(isResolved).toBe(true);
    },
  },
  {
    name: 'a save of the user being taken in',
    prepare: async (bench) => {
      await drop(bench, 'a', 'old');
      bench.drive.userSave('a', bytes('new'));
      bench.drive.userSync();
      return () => bench.pass(2_000);
    },
    check: (bench) => {
      expect(bench.read('a')).toBe('new');
      expect(held(bench, 'a')).toEqual([hashOf('new')]);
      expect(bench.contents('a')).toEqual([hashOf('new')]);
    },
  },
  {
    name: 'a delete of the user being taken in',
    prepare: async (bench) => {
      await drop(bench, 'f/a', 'old');
      bench.drive.userDelete('f/a');
      return () => bench.pass(3_000);
    },
    check: (bench) => {
      // Not synced, it may be undone by the power cut; once it is told it may not.
      const isThere = bench.read('f/a') === 'old';
      expect(held(bench, 'f/a')).toEqual(isThere ? [hashOf('old')] : []);
      expect(bench.tombstones('f/a')).toHaveLength(isThere ? 0 : 1);
      if (isThere) expect(bench.held('f/a').vector).toHaveLength(1);
    },
  },
  {
    name: 'a rename of the user being taken in',
    prepare: async (bench) => {
      await drop(bench, 'a', 'old');
      bench.drive.userRename('a', 'b');
      bench.drive.userSync();
      return () => bench.pass(4_000);
    },
    check: (bench) => {
      expect(held(bench, 'b')).toEqual([hashOf('old')]);
      expect(bench.tombstones('a')).toMatchObject([{ renamedTo: 'b' }]);
    },
  },
];
