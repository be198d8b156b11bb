import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { covers, type Tombstone } from '../../src/core/version.ts';
import { bytes, FolderBench, HIGH, hashOf, LOW, path } from './folder-bench.ts';

describe('what people do in the folder', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
  });
  afterEach(() => bench.end());

  it('a dropped file becomes a version this peer holds, a settle time later', async () => {
    bench.write('notes/a.txt', 'hello');
    await bench.pass(900);
    expect(bench.ledger.view(path('notes/a.txt'))).toBeUndefined();
    await bench.pass(300);
    expect(bench.held('notes/a.txt')).toMatchObject({ hash: hashOf('hello'), size: 5, origin: bench.self, found: false });
    expect(bench.folder.holds(path('notes/a.txt'), hashOf('hello'))).toBe(true);
    expect(bench.folder.state()).toMatchObject({ bytes: 5, files: 1, scanned: true, paused: undefined });
  });

  it('is opened and read as it was hashed', async () => {
    bench.write('a', 'hello');
    await bench.settle();
    const copy = await bench.folder.open(path('a'), hashOf('hello'));
    expect(await copy.read(1, 3)).toEqual(bytes('ell'));
    bench.write('a', 'HELLO');
    await expect(copy.read(0, 5)).rejects.toMatchObject({ code: 'changed' });
    await copy.close();
    await expect(bench.folder.open(path('a'), hashOf('hello'))).rejects.toMatchObject({ code: 'changed' });
    await expect(bench.folder.open(path('b'), hashOf('hello'))).rejects.toMatchObject({ code: 'gone' });
  });

  it('an edit follows what was held, a touch follows nothing', async () => {
    bench.write('a', 'one');
    await bench.settle();
    const first = bench.held('a');
    bench.write('a', 'two');
    await bench.settle();
    const second = bench.held('a');
    expect(second).toMatchObject({ hash: hashOf('two') });
    expect(covers(second.vector, first.own)).toBe(true);
    expect(bench.contents('a')).toEqual([hashOf('two')]);
    const { changes } = bench.ledger;
    bench.write('a', 'two');
    await bench.settle();
    expect(bench.held('a').own).toEqual(second.own);
    expect(bench.ledger.changes).toBe(changes + 1);
    await (await bench.folder.open(path('a'), hashOf('two'))).close();
  });

  it('editors that save by unlink and add, or by rename, make one edit and no tombstone', async () => {
    bench.write('a', 'one');
    bench.write('b', 'one b');
    await bench.settle();
    bench.drive.userDelete('a');
    await bench.pass(300);
    bench.write('a', 'two');
    bench.drive.userSave('b', bytes('two b'));
    await bench.settle();
    expect(bench.contents('a')).toEqual([hashOf('two')]);
    expect(bench.contents('b')).toEqual([hashOf('two b')]);
    expect(bench.ledger.records().filter((record) => record.version.kind === 'tombstone')).toEqual([]);
    expect(bench.ledger.view(path('b.tmp~'))).toBeUndefined();
  });

  it('a deleted file becomes a tombstone, after a second scan a settle time later', async () => {
    bench.write('a', 'one');
    await bench.settle();
    bench.drive.userDelete('a');
    await bench.pass(700);
    expect(bench.contents('a')).toEqual([hashOf('one')]);
    await bench.pass(1_500);
    expect(bench.contents('a')).toEqual([]);
    expect(bench.tombstones('a')).toMatchObject([{ buried: [hashOf('one')], origin: bench.self }]);
    expect(bench.folder.state()).toMatchObject({ bytes: 0, files: 0 });
    bench.write('a', 'back');
    await bench.settle();
    expect(bench.contents('a')).toEqual([hashOf('back')]);
    expect(bench.tombstones('a')).toEqual([]);
  });

  it('a renamed file is a new version and a tombstone that tells where it went', async () => {
    bench.write('a', 'one');
    await bench.settle();
    bench.drive.userRename('a', 'folder/b');
    await bench.settle();
    expect(bench.contents('folder/b')).toEqual([hashOf('one')]);
    expect(bench.tombstones('a')).toMatchObject([{ renamedTo: 'folder/b', buried: [hashOf('one')] }]);
  });

  it('a renamed folder renames every file in it, and pulls no brake', async () => {
    for (let index = 0; index < 40; index++) bench.write(`old/${index}`, `content ${index}`);
    await bench.settle();
    bench.drive.userRename('old', 'new');
    await bench.settle();
    expect(bench.folder.state().paused).toBeUndefined();
    for (let index = 0; index < 40; index++) {
      expect(bench.contents(`new/${index}`)).toEqual([hashOf(`content ${index}`)]);
      expect(bench.tombstones(`old/${index}`)).toMatchObject([{ renamedTo: `new/${index}` }]);
    }
  });

  it('a growing file is not taken in before it rests, and counts as busy', async () => {
    bench.write('log', 'x');
    for (let step = 0; step < 60; step++) {
      await bench.pass(400);
      bench.drive.userAppend('log', bytes('x'));
    }
    expect(bench.ledger.view(path('log'))).toBeUndefined();
    expect(bench.folder.state().warnings.join()).toContain('busy: log');
    await bench.pass(120_000);
    expect(bench.contents('log')).toEqual([hashOf('x'.repeat(61))]);
    expect(bench.folder.state().warnings).toEqual([]);
  });

  it('what a user drops at a path the mesh knows is a sibling, or the same content', async () => {
    bench.foreign('a', 'theirs');
    bench.foreign('b', 'same');
    bench.write('a', 'mine');
    bench.write('b', 'same');
    await bench.settle();
    expect(new Set(bench.contents('a'))).toEqual(new Set([hashOf('theirs'), hashOf('mine')]));
    expect(bench.held('b').origin).toBe(LOW);
    expect(bench.contents('b')).toEqual([hashOf('same')]);
  });

  it('an edit continues its own side of a conflict only, and ends it with the other content', async () => {
    bench.write('a', 'mine');
    await bench.settle();
    bench.foreign('a', 'theirs', [], HIGH);
    bench.write('a', 'mine, better');
    await bench.settle();
    expect(new Set(bench.contents('a'))).toEqual(new Set([hashOf('theirs'), hashOf('mine, better')]));
    bench.write('a', 'theirs');
    await bench.settle();
    expect(bench.contents('a')).toEqual([hashOf('theirs')]);
  });

  it('an edit of a file deleted elsewhere survives', async () => {
    bench.write('a', 'one');
    await bench.settle();
    bench.foreignTombstone('a', [bench.held('a')]);
    bench.write('a', 'two');
    await bench.settle();
    expect(bench.contents('a')).toEqual([hashOf('two')]);
  });

  it('refused names, symlinks and ignored files stay where they are', async () => {
    bench.write('.filemeshignore', '*.tmp\nbuild/\n');
    await bench.settle();
    bench.write('a.tmp', 'x');
    bench.write('build/x', 'x');
    bench.write('con.txt', 'x');
    bench.write('bad\\name', 'x');
    bench.drive.userSymlink('link', '/etc/passwd');
    await bench.settle();
    await bench.folder.scan();
    expect(bench.ledger.records()).toEqual([]);
    const { notKept } = bench.folder.state();
    expect(notKept.map((one) => one.path).sort()).toEqual(['.filemeshignore', 'bad\\name', 'con.txt', 'link']);
    expect(notKept.find((one) => one.path === '.filemeshignore')?.reason).toContain('keeps 2 files out');
    bench.write('.filemeshignore', '');
    await bench.settle();
    await bench.folder.scan();
    expect(bench.contents('a.tmp')).toEqual([hashOf('x')]);
    expect(bench.folder.state().notKept.map((one) => one.path)).not.toContain('.filemeshignore');
  });

  it.each(['.filemeshignore', '.FileMeshIgnore'])(
    '%s of another machine says nothing of what this one takes in',
    async (name) => {
      const small = bench.foreign(name, '*\n');
      await expect(bench.keep(name, small, '*\n')).rejects.toMatchObject({ code: 'bad-place' });
      expect(await bench.keepMany([{ name, version: small, text: '*\n' }])).toEqual(['busy']);
      bench.write('b', '*\n');
      await bench.settle();
      expect(bench.contents('b')).toEqual([hashOf('*\n')]);
      await expect(bench.folder.keepFromHere(path(name), small)).rejects.toMatchObject({ code: 'bad-place' });
      bench.foreignTombstone('b', [bench.held('b')], name);
      expect(await bench.folder.renaming.follow(path('b'), path(name), small, bench.tombstones('b')[0] as Tombstone)).toBe(false);
      expect(bench.read(name)).toBeUndefined();
    },
  );

  it('what an older program took in under that name is not obeyed, and is told of until it has another name', async () => {
    bench.write('was', '*.tmp\n');
    await bench.settle();
    bench.node.kill();
    bench.drive.userRename('was', '.filemeshignore');
    const { store } = bench.node.start();
    for (const prefix of ['f/h/', 'c/']) {
      const [row] = await store.range({ from: prefix, to: `${prefix.slice(0, -1)}0`, limit: 1 });
      // In MessagePack a text of 3 bytes begins with a3, one of 15 with af.
      const value = Buffer.from(row?.value ?? [])
        .toString('latin1')
        .replaceAll('\xa3was', '\xaf.filemeshignore');
      await store.batch([{ key: row?.key as string, value: Buffer.from(value, 'latin1') }]);
    }
    bench.node.kill();
    await bench.start();
    bench.write('a.tmp', 'x');
    await bench.settle();
    expect(bench.contents('a.tmp')).toEqual([hashOf('x')]);
    expect(bench.folder.state().notKept).toMatchObject([{ path: '.filemeshignore' }]);
    bench.drive.userRename('.filemeshignore', 'was');
    await bench.settle();
    bench.write('.filemeshignore', '*.tmp\n');
    await bench.settle();
    bench.write('b.tmp', 'x');
    await bench.settle();
    expect(bench.contents('was')).toEqual([hashOf('*.tmp\n')]);
    expect(bench.ledger.view(path('b.tmp'))).toBeUndefined();
  });

  it('patterns hold for what is put beside them at the same moment', async () => {
    bench.write('a.tmp', 'x');
    bench.write('build/x', 'x');
    bench.write('.filemeshignore', '*.tmp\nbuild/\n');
    bench.write('kept', 'x');
    await bench.settle();
    expect(bench.ledger.records().map((record) => record.path)).toEqual(['kept']);
  });

  it('a change whose hint was lost is found by the next scan', async () => {
    bench.drive.faults.hintLossRate = 1;
    bench.write('a', 'one');
    await bench.pass(3_000);
    expect(bench.ledger.view(path('a'))).toBeUndefined();
    await bench.pass(62_000);
    expect(bench.contents('a')).toEqual([hashOf('one')]);
  });

  it('thousands of small files are recorded in few changes', async () => {
    for (let index = 0; index < 2_000; index++) bench.write(`many/${index}`, `content ${index}`);
    await bench.settle();
    await bench.folder.scan();
    expect(bench.folder.state().files).toBe(2_000);
    expect(bench.ledger.changes).toBeLessThan(100);
  });
});
