import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { until } from '../faults/process.ts';
import { PeersHere } from './peers-here.ts';

const LIMIT_MS = 300_000;
const EMPTY_HASH = 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262';

/** The JSON of the contract, word by word: a name more or less fails. */
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().min(0);
const names = z.array(z.string());
const versionShape = z.strictObject({
  version: hash,
  origin: z.string(),
  size: count,
  modified: z.iso.datetime(),
  holders: names,
});
const fileFields = {
  path: z.string(),
  size: count,
  modified: z.iso.datetime(),
  version: hash,
  origin: z.string(),
  holders: names,
  copies: count,
  wanted: count,
  available: z.boolean(),
  conflict: z.boolean(),
};
const fileShape = z.strictObject({ ...fileFields, conflict: z.literal(false) });
const conflictShape = z.strictObject({ ...fileFields, conflict: z.literal(true), versions: z.array(versionShape).min(2) });
const changeShape = z.strictObject({
  path: z.string(),
  version: hash,
  copies: count,
  wanted: count,
  note: z.string().optional(),
});
const deleteShape = changeShape.extend({ version: z.string().min(1) });
const savedShape = z.strictObject({ path: z.string(), files: names, bytes: count, from: names });
const whereShape = z.strictObject({
  ...fileFields,
  loss: z.array(z.strictObject({ peer: z.string(), left: count })),
  chunks: z.array(z.strictObject({ offset: count, size: count, hash, holders: names })).optional(),
});
const historyShape = z.array(
  z.strictObject({ version: hash, modified: z.iso.datetime(), size: count, origin: z.string(), peers: names }),
);
const peersShape = z.array(
  z.strictObject({
    id: hash,
    name: z.string(),
    address: z.string(),
    alive: z.boolean(),
    files: count,
    bytes: count,
    capacity: count,
  }),
);
const statusShape = z.strictObject({
  mesh: z.string(),
  name: z.string(),
  peers: count,
  files: count,
  bytes: count,
  wanted: count,
  under: count,
  unavailable: count,
  paused: z.string().nullable(),
  notKept: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
});
const readyShape = z.strictObject({
  event: z.literal('ready'),
  http: z.string().regex(/^http:\/\/127\.0\.0\.1:\d+$/),
  id: hash,
  name: z.literal('alpha'),
  mesh: z.literal('home'),
  address: z.string().regex(/^127\.0\.0\.1:\d+$/),
  join: z.string(),
});

describe('the verbs on two peers', () => {
  const mesh = new PeersHere();

  /** Runs a verb and takes its value by the shape. */
  const run = async <S extends z.ZodType>(shape: S, ...words: string[]): Promise<z.infer<S>> =>
    shape.parse(await mesh.value(0, words));
  const local = (file: string) => join(mesh.place, file);
  const paths = async (...words: string[]) => (await run(z.array(fileShape), 'show', ...words)).map((file) => file.path);

  beforeAll(async () => {
    // Under one name before they met: both are kept.
    mesh.drop('alpha', 'both.txt', 'of alpha');
    mesh.drop('bravo', 'both.txt', 'of bravo');
    readyShape.parse(await mesh.up('alpha'));
    await mesh.up('bravo');
    await until('two peers and the conflict', async () => {
      const { peers } = statusShape.parse(await mesh.value(0, ['status']));
      return peers === 2 && (JSON.parse((await mesh.filemesh(['conflicts', '--json'])).output) as unknown[]).length === 1;
    });
    writeFileSync(local('text.txt'), 'some text');
  }, LIMIT_MS);
  afterAll(() => mesh.end());

  it(
    'a conflict is shown, downloaded whole with exit 6, and resolved',
    async () => {
      const conflicts = async () => z.array(conflictShape).parse(await mesh.value(0, ['conflicts']));
      // Each peer takes the other's version first: until then the counts of copies grow.
      await until('both versions are on both peers', async () => (await conflicts())[0]?.copies === 2);
      const [entry] = await conflicts();
      expect(entry?.versions.map((version) => version.origin).sort()).toEqual(['alpha', 'bravo']);
      expect(z.array(conflictShape).parse(await mesh.value(0, ['show', 'both.txt']))).toEqual([entry]);
      const saved = savedShape.parse(await mesh.value(6, ['download', 'both.txt', '--to', 'both/']));
      expect(saved.files.sort()).toEqual(['both/both (alpha).txt', 'both/both (bravo).txt']);
      expect(readFileSync(local('both/both (bravo).txt'), 'utf8')).toBe('of bravo');
      const toOutput = await mesh.filemesh(['download', 'both.txt', '--to', '-']);
      expect([toOutput.code, toOutput.output]).toEqual([6, '']);
      for (const verb of ['edit', 'history'])
        expect((await mesh.filemesh([verb, 'both.txt'])).code).toBe(verb === 'edit' ? 6 : 0);
      expect((await mesh.filemesh(['rename', 'both.txt', 'x.txt'])).code).toBe(6);
      expect((await mesh.filemesh(['create', 'both.txt', 'text.txt'])).code).toBe(6);
      expect((await mesh.filemesh(['upload', 'text.txt', '--to', 'both.txt'])).code).toBe(6);
      expect((await mesh.filemesh(['resolve', 'both.txt', '--keep', 'nobody'])).code).toBe(2);
      await run(changeShape, 'resolve', 'both.txt', '--keep', 'bravo');
      expect((await mesh.filemesh(['download', 'both.txt', '--to', '-'])).output).toBe('of bravo');
      expect(await mesh.value(0, ['conflicts'])).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'create takes a file, a pipe or nothing',
    async () => {
      expect(await run(changeShape, 'create', 'new.txt', 'text.txt')).toMatchObject({ path: 'new.txt', copies: 2, wanted: 2 });
      changeShape.parse(await mesh.value(0, ['create', 'made/piped file.txt'], { input: 'from a pipe' }));
      expect((await mesh.filemesh(['download', 'made/piped file.txt', '--to', '-'])).output).toBe('from a pipe');
      expect(await run(changeShape, 'create', 'empty')).toMatchObject({ version: EMPTY_HASH });
      const [shown] = await run(z.array(fileShape).length(1), 'show', 'new.txt');
      expect(shown).toMatchObject({ size: 9, copies: 2, wanted: 2, available: true, holders: expect.arrayContaining(['alpha']) });
      expect(shown?.holders).toHaveLength(2);
    },
    LIMIT_MS,
  );

  it(
    'upload, history, restore, where',
    async () => {
      mkdirSync(local('tree/below'), { recursive: true });
      for (const file of ['tree/a.txt', 'tree/below/b.txt']) writeFileSync(local(file), file);
      const many = await run(z.array(changeShape), 'upload', 'tree', '--to', 'kept/');
      expect(many.map((one) => one.path)).toEqual(['kept/tree/a.txt', 'kept/tree/below/b.txt']);
      const first = await run(changeShape, 'upload', 'text.txt', '--to', 'doc.txt');
      changeShape.parse(await mesh.value(0, ['upload', '-', '--to', 'doc.txt'], { input: 'second' }));
      const versions = await run(historyShape, 'history', 'doc.txt');
      expect(versions).toHaveLength(2);
      const shown = (await mesh.filemesh(['history', 'doc.txt'])).output.trimEnd().split('\n');
      expect(shown.map((line) => line.endsWith('current'))).toEqual([false, true, false]);
      expect(await run(changeShape, 'restore', 'doc.txt')).toMatchObject({ version: first.version });
      await run(changeShape, 'restore', 'doc.txt', '--version', versions[0]?.version.slice(0, 8) ?? '');
      expect((await mesh.filemesh(['download', 'doc.txt', '--to', '-'])).output).toBe('second');
      const { loss } = await run(whereShape, 'where', 'doc.txt');
      const { chunks } = await run(whereShape, 'where', 'doc.txt', '--chunks');
      expect(chunks).toMatchObject([{ offset: 0, holders: ['alpha', 'bravo'] }]);
      expect(loss.map((one) => one.left)).toEqual([1, 1]);
    },
    LIMIT_MS,
  );

  it(
    'folders go up, down, elsewhere, away and come back',
    async () => {
      for (const name of ['f/one.txt', 'f/sub/two.txt']) await mesh.value(0, ['create', name], { input: name });
      const saved = await run(savedShape, 'download', 'f', '--to', 'down/');
      expect(saved).toMatchObject({ path: 'f', files: ['down/f/one.txt', 'down/f/sub/two.txt'], bytes: 22 });
      // Of a folder that is here in part, the rest is saved: one file does not keep the others.
      rmSync(local('down/f/sub/two.txt'));
      const partly = await mesh.filemesh(['download', 'f', '--to', 'down/']);
      expect([partly.code, partly.error]).toEqual([4, expect.stringMatching(/"down\/f\/one\.txt".*1 of 2 files are done/)]);
      expect(existsSync(local('down/f/sub/two.txt'))).toBe(true);
      await run(savedShape, 'download', 'f', '--to', 'down/', '--force');
      expect(readdirSync(local('down/f'))).toEqual(['one.txt', 'sub']);
      await run(z.array(changeShape), 'rename', 'f', 'g');
      expect(await paths('g')).toEqual(['g/one.txt', 'g/sub/two.txt']);
      expect((await mesh.filemesh(['where', 'g'])).error).toMatch(/"g" is a folder/);
      await run(z.array(deleteShape), 'delete', 'g');
      expect(await paths('g')).toEqual([]);
      await run(z.array(changeShape), 'restore', 'g');
      expect(await paths('g')).toEqual(['g/one.txt', 'g/sub/two.txt']);
      await run(z.array(deleteShape), 'delete', 'g/**');
      await until('the emptied folders are gone', () => !existsSync(local('alpha/g')) && !existsSync(local('bravo/g')));
    },
    LIMIT_MS,
  );

  it(
    'names of every kind come back as they went',
    async () => {
      const odd = [
        'with spaces.txt',
        '-begins with a dash',
        'quotes \' and ".txt',
        'emoji 😀 und ümlaut',
        `${'n'.repeat(251)}.txt`,
        'star * and [brackets].txt',
      ].sort();
      mkdirSync(local('odd'));
      for (const name of odd) writeFileSync(local(join('odd', name)), name);
      await run(z.array(changeShape), 'upload', 'odd');
      await run(savedShape, 'download', 'odd', '--to', 'back/');
      expect(readdirSync(local('back/odd')).sort()).toEqual(odd);
      for (const name of odd) expect(readFileSync(local(join('back/odd', name)), 'utf8')).toBe(name);
      expect((await mesh.filemesh(['create', '--', '-dash'], { input: 'x' })).code).toBe(0);
      expect((await mesh.filemesh(['download', '--to', '-', '--', '-dash'])).output).toBe('x');
      expect((await mesh.filemesh(['delete', '--', 'odd/star * and [brackets].txt'])).code).toBe(0);
      expect(await paths('odd')).toHaveLength(odd.length - 1);
    },
    LIMIT_MS,
  );

  it(
    'edit stores what changed, keeps what cannot be stored, and leaves alone what did not change',
    async () => {
      await mesh.value(0, ['create', 'draft.txt'], { input: 'one\n' });
      const editor = (name: string, script: string): Record<string, string> => {
        writeFileSync(local(name), `#!/bin/sh\n${script}\n`);
        chmodSync(local(name), 0o700);
        return { VISUAL: '', EDITOR: local(name), TMPDIR: mesh.place };
      };
      const env = editor('append', 'echo two >> "$1"');
      expect(changeShape.parse(await mesh.value(0, ['edit', 'draft.txt'], { env }))).toMatchObject({ path: 'draft.txt' });
      expect((await mesh.filemesh(['download', 'draft.txt', '--to', '-'])).output).toBe('one\ntwo');
      expect(await mesh.value(0, ['edit', 'draft.txt'], { env: editor('same', 'true') })).toMatchObject({ note: 'unchanged' });
      expect((await mesh.filemesh(['edit', 'draft.txt'], { env: editor('fails', 'exit 3') })).code).toBe(1);
      const crashed = await mesh.filemesh(['edit', 'draft.txt'], { env: editor('crashes', 'echo saved >> "$1"; exit 3') });
      expect([crashed.code, crashed.error]).toEqual([1, expect.stringMatching(/so nothing was stored; your text is kept in /)]);
      expect(readFileSync(/kept in (\S+)/.exec(crashed.error)?.[1] ?? '', 'utf8')).toBe('one\ntwo\nsaved\n');
      const between = `echo mine >> "$1"; echo theirs | ${process.execPath} ${process.env.FILEMESH_PROGRAM ?? join(import.meta.dirname, '../../dist/main.js')} upload - --to draft.txt`;
      const overtaken = await mesh.filemesh(['edit', 'draft.txt'], { env: editor('overtaken', between) });
      expect([overtaken.code, overtaken.error]).toEqual([6, expect.stringMatching(/your text is kept in /)]);
      const kept = /kept in (\S+)/.exec(overtaken.error)?.[1] ?? '';
      expect(readFileSync(kept, 'utf8')).toMatch(/mine/);
      expect((await mesh.filemesh(['download', 'draft.txt', '--to', '-'])).output).toBe('theirs');
    },
    LIMIT_MS,
  );

  it(
    'peers, invite, set, and a clean stop',
    async () => {
      expect((await run(peersShape, 'peers')).map((peer) => [peer.name, peer.alive])).toEqual([
        ['alpha', true],
        ['bravo', true],
      ]);
      expect(await run(z.strictObject({ join: z.string() }), 'invite')).toEqual({ join: expect.stringMatching(/^home\//) });
      expect(await mesh.value(0, ['set', 'replicas', '1'])).toEqual({ replicas: 1 });
      expect(await mesh.value(0, ['resume', '--restore'])).toEqual({ resumed: 'restore', peer: null });
      expect(await run(statusShape, 'status')).toMatchObject({ wanted: 1, mesh: 'home', paused: null });
      expect((await mesh.filemesh(['show', 'nothing*'])).output).toBe('no file fits "nothing*"');
      // Some programs colour whatever they print where CI is set: ours goes by the terminal alone.
      expect((await mesh.filemesh(['show', '--deleted', 'g/one.txt'], { env: { CI: '1' } })).output).toMatch(
        /^name +deleted\ng\/one\.txt +\S+ ?\S*\n1 deleted file$/,
      );
      mesh.peer('bravo').signal('SIGTERM');
      expect((await mesh.peer('bravo').ended).code).toBe(0);
      await until('bravo is away', async () => (await run(peersShape, 'peers')).some((peer) => !peer.alive));
      expect((await mesh.filemesh(['show', 'new.txt'])).output).toMatch(/ alpha, bravo \(away\)| bravo \(away\), alpha/);
      expect((await mesh.filemesh(['where', 'new.txt'])).output).toMatch(/ {2}bravo: is away/);
      const removed = await mesh.filemesh(['remove', 'bravo', '--yes']);
      expect([removed.code, removed.output]).toEqual([0, expect.stringMatching(/bravo is cut off/)]);
      mesh.peer('alpha').signal('SIGINT');
      expect((await mesh.peer('alpha').ended).code).toBe(0);
      expect((await mesh.filemesh(['show', '--timeout', '0.5'])).code).toBe(5);
    },
    LIMIT_MS,
  );
});
