import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openNodeDisk } from '../../src/platform/node/node-disk.ts';
import { ASIDE, bytes, contentOf, STAGE, stageContent, walked } from './disk-bench.ts';
import { NodeBench } from './node-bench.ts';

/** What only a real file system can do to a Disk. */
describe('node disk: dangers', () => {
  let bench: NodeBench;
  let outside: string;
  beforeEach(async () => {
    bench = await NodeBench.make();
    await bench.disk.prepare(bytes('marker'));
    outside = await mkdtemp(join(tmpdir(), 'filemesh-outside-'));
    writeFileSync(join(outside, 'canary'), 'untouched');
  });
  afterEach(async () => {
    expect(readdirSync(outside)).toEqual(['canary']);
    expect(readFileSync(join(outside, 'canary'), 'utf8')).toBe('untouched');
    await rm(outside, { recursive: true });
    await bench.dispose();
  });
  const at = (path: string) => join(bench.root, path);

  /** Does something while nobody may read that directory. */
  async function whileLocked(directory: string, act: () => Promise<void>): Promise<void> {
    chmodSync(at(directory), process.getuid?.() === 0 ? 0o700 : 0);
    await asOther(act).finally(() => chmodSync(at(directory), 0o700));
  }

  /** Root may read and write everything: for so long it is somebody else. */
  async function asOther(act: () => Promise<void>): Promise<void> {
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chmodSync(bench.root, 0o755);
    if (isRoot) process.seteuid?.(65_534);
    try {
      await act();
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  }

  it('passes over a directory it may not read, says so, and walks on', async () => {
    for (const path of ['a/x', 'locked/y', 'z']) await bench.person.write(path, path);
    const met: string[] = [];
    await whileLocked('locked', async () => {
      for await (const batch of bench.disk.walk()) {
        met.push(...batch.map((entry) => `${entry.path} ${entry.kind === 'skipped' ? entry.reason : entry.kind}`));
      }
    });
    expect(met.sort()).toEqual(['a/x file', 'locked unreadable', 'z file']);
  });

  it('takes nothing in a private directory for gone that it may not read', async () => {
    await stageContent(bench.disk, 's', 'staged');
    chmodSync(at('.filemesh'), 0o755);
    await whileLocked('.filemesh/stage', async () => {
      await expect(bench.disk.list('stage')).rejects.toMatchObject({ code: 'failed' });
      expect(await bench.disk.list('no such room')).toEqual([]);
    });
    expect((await bench.disk.list('stage')).map(({ name }) => name)).toEqual(['s']);
  });

  it('reports symlinks and follows none, be it for a file or for a folder', async () => {
    symlinkSync(outside, at('folder'));
    symlinkSync(join(outside, 'canary'), at('file'));
    symlinkSync('/nowhere', at('dangling'));
    const { disk } = bench;
    expect(await walked(disk)).toEqual(['dangling (symlink)', 'file (symlink)', 'folder (symlink)']);
    for (const path of ['folder', 'file', 'dangling', 'folder/canary']) expect(await disk.isGone(path), path).toBe(false);
    expect(await walked(disk, 'folder')).toEqual([]);
    const staged = await stageContent(disk, 's', 'new!');
    for (const path of ['file', 'folder/canary']) {
      expect(await disk.stat(path)).toBeUndefined();
      await expect(disk.open(path)).rejects.toMatchObject({ code: 'gone' });
      await expect(disk.commit({ path, staged, aside: `${ASIDE}/1` })).rejects.toMatchObject({ code: 'bad-place' });
    }
    await expect(disk.commit({ path: 'folder/new', staged, aside: `${ASIDE}/1` })).rejects.toMatchObject({ code: 'bad-place' });
    await disk.removeEmptyFolders('folder/canary');
    expect(existsSync(at('folder'))).toBe(true);
  });

  it('refuses paths that climb', async () => {
    const { disk } = bench;
    const staged = await stageContent(disk, 's', 'new!');
    const climbing = ['../x', 'a/../../x', '/etc/passwd', 'a//b', './a', '', 'a\0b', '.filemesh/../../x'];
    for (const path of climbing) {
      await expect(disk.open(path)).rejects.toMatchObject({ code: 'bad-place' });
      await expect(disk.commit({ path, staged, aside: `${ASIDE}/1` })).rejects.toMatchObject({ code: 'bad-place' });
    }
    await expect(disk.stage('../../x')).rejects.toMatchObject({ code: 'bad-place' });
  });

  it('never leaves the folder while a parent is swapped for a symlink again and again', async () => {
    const { disk } = bench;
    mkdirSync(at('real'));
    symlinkSync(outside, at('trap'));
    let swapping = true;
    const swapped = swapper(at('parent'), [at('real'), at('trap')], () => swapping);
    const outcomes: string[] = [];
    for (let index = 0; index < 300; index++) {
      const staged = await stageContent(disk, `s${index}`, 'new!');
      const intent = { path: `parent/f${index}`, staged, aside: `${ASIDE}/${index}` };
      outcomes.push(
        await disk.commit(intent).then(
          ({ result }) => result,
          () => 'refused',
        ),
      );
      await disk.stat('parent/canary').then((stat) => expect(stat).toBeUndefined());
    }
    swapping = false;
    await swapped;
    expect(outcomes).toContain('done');
  });

  it('waits for no FIFO and takes no socket for a file', async () => {
    execFileSync('mkfifo', [at('fifo')]);
    const server = createServer().listen(at('socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    const { disk } = bench;
    expect(await walked(disk)).toEqual(['fifo (not a regular file)', 'socket (not a regular file)']);
    for (const path of ['fifo', 'socket']) {
      expect(await disk.stat(path)).toBeUndefined();
      await expect(disk.open(path)).rejects.toMatchObject({ code: 'gone' });
    }
    await new Promise((resolve) => server.close(resolve));
  });

  it.runIf(process.platform === 'linux')('reports names that are no text or not composed, and what lies below them', async () => {
    writeFileSync(Buffer.concat([Buffer.from(at('bad-')), Buffer.of(0xff)]), 'x');
    mkdirSync(at('e\u0301'));
    writeFileSync(at('e\u0301/inside'), 'x');
    writeFileSync(at('\u00e9.txt'), 'x');
    const listed = await walked(bench.disk);
    expect(listed).toEqual(['bad-\ufffd (name is no valid text)', 'e\u0301 (name not in composed Unicode form)', '\u00e9.txt']);
  });

  it('never writes into a staged file that a crash left linked to a path', async () => {
    const staged = await stageContent(bench.disk, 's', 'visible');
    linkSync(at(staged), at('f'));
    const again = await bench.disk.stage('s');
    await again.write(0, bytes('half'));
    await again.close();
    expect(await bench.person.read('f')).toBe('visible');
    expect(await contentOf(bench.disk, `${STAGE}/s`)).toBe('half');
  });

  it('writes and finishes anew what was finished with a mode that lets nobody write, and leaves a link of it alone', async () => {
    for (const folder of ['', '.filemesh', STAGE]) if (process.getuid?.() === 0) chownSync(at(folder), 65_534, 65_534);
    await asOther(async () => {
      for (const mode of [0o600, 0o444, 0o400, 0o444]) {
        const file = await bench.disk.stage('s');
        await file.write(0, bytes(`mode ${mode}`));
        await file.finish(mode, 1_700_000_000_000 + mode);
        await file.sync();
        await file.close();
        expect(await bench.disk.stat(`${STAGE}/s`)).toMatchObject({ mode, mtimeMs: 1_700_000_000_000 + mode });
        expect(readFileSync(at(`${STAGE}/s`), 'utf8')).toBe(`mode ${mode}`);
      }
      linkSync(at(`${STAGE}/s`), at('linked'));
      const file = await bench.disk.stage('s');
      await file.write(0, bytes('new'));
      await file.close();
      expect(await bench.disk.stat('linked')).toMatchObject({ mode: 0o444 });
      expect(readFileSync(at('linked'), 'utf8')).toBe(`mode ${0o444}`);
      expect(readFileSync(at(`${STAGE}/s`), 'utf8')).toBe('new');
    });
  });

  it('finishes a move that a crash cut in two', async () => {
    const staged = await stageContent(bench.disk, 's', 'moved');
    linkSync(at(staged), at('.filemesh/siblings/s'));
    await bench.disk.move(staged, '.filemesh/siblings/s');
    expect(existsSync(at(staged))).toBe(false);
    expect(await contentOf(bench.disk, '.filemesh/siblings/s')).toBe('moved');
  });

  it('says what is wrong with a root that is missing, a file, or has no marker', async () => {
    const missing = await openNodeDisk(at('nowhere'));
    expect(await missing.probe()).toMatchObject({ state: 'missing' });
    await expect(missing.prepare(bytes('m'))).rejects.toMatchObject({ code: 'failed' });
    await expect(missing.watch(() => {})).rejects.toMatchObject({ code: 'failed' });
    await expect(walked(missing)).rejects.toThrow();
    await bench.person.write('file', 'x');
    const file = await openNodeDisk(at('file'));
    expect(await file.probe()).toMatchObject({ state: 'unreadable' });
    unlinkSync(at('.filemesh/marker'));
    expect(await bench.disk.probe()).toMatchObject({ state: 'present', marker: undefined });
  });

  it('tells a copy of the folder in its place from it', async () => {
    const before = await bench.disk.probe();
    renameSync(bench.root, `${bench.root}-before`);
    cpSync(`${bench.root}-before`, bench.root, { recursive: true });
    const after = await bench.disk.probe();
    if (before.state !== 'present' || after.state !== 'present') throw new Error('it is there');
    expect([after.device, after.marker]).toEqual([before.device, before.marker]);
    expect(after.inode).not.toBe(before.inode);
    rmSync(`${bench.root}-before`, { recursive: true });
  });

  it('refuses a private folder that is a link to elsewhere', async () => {
    const other = await NodeBench.make();
    symlinkSync(outside, join(other.root, '.filemesh'));
    await expect(other.disk.prepare(bytes('m'))).rejects.toMatchObject({ code: 'failed' });
    await other.dispose();
  });
});

/** Renames `turns` to `name` and back in turn, as fast as the loop allows. */
async function swapper(name: string, turns: readonly [string, string], goesOn: () => boolean): Promise<void> {
  for (let turn = 0; goesOn(); turn++) {
    const other = turns[turn % 2] as string;
    for (let made = 0; !renamed(other, name); made++) renameSync(name, `${name}-made-${turn}-${made}`);
    await new Promise((resolve) => setImmediate(resolve));
    renameSync(name, other);
  }
}

/** False when a commit that found no parent has made one meanwhile, which must go first. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}
