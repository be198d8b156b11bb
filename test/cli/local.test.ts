import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileSink } from '../../src/cli/local-file.ts';
import { localPlace } from '../../src/cli/local-place.ts';
import { refuseOneName, walkTree } from '../../src/cli/local-tree.ts';
import type { Incoming } from '../../src/client/transfer.ts';
import type { ContentHash } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import type { Entry } from '../../src/wire/calls.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fm-cli-local-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = new TextEncoder().encode('hello');

function incoming(path: string, label?: string): Incoming {
  const facts = { path, size: bytes.length, hash: '0'.repeat(64) as ContentHash, mode: 0o640, modifiedMs: 1_000_000_000_000 };
  return label === undefined ? facts : { ...facts, label };
}

function entries(...paths: string[]): Entry[] {
  return paths.map((path) => ({ path, contents: [], base: [], wanted: 2 }) as unknown as Entry);
}

describe('a file that is saved', () => {
  test('appears whole, with mode and time, and leaves nothing beside it', async () => {
    const file = join(folder, 'sub', 'a.txt');
    const sink = await FileSink.open(file, incoming('a.txt'), false);
    expect(await readdir(join(folder, 'sub'))).not.toContain('a.txt');
    await sink.write(0, bytes);
    expect(await sink.finish()).toBe(file);
    const { mode, mtimeMs } = await stat(file);
    expect([mode & 0o777 & ~0o077, mtimeMs]).toEqual([0o600, 1_000_000_000_000]);
    expect(await readFile(file, 'utf8')).toBe('hello');
    expect(await readdir(join(folder, 'sub'))).toEqual(['a.txt']);
  });

  test('that is given up leaves nothing', async () => {
    const sink = await FileSink.open(join(folder, 'a.txt'), incoming('a.txt'), false);
    await sink.write(0, bytes);
    await sink.discard();
    await sink.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  test('replaces nothing unless it may, also a file that appeared meanwhile', async () => {
    const file = join(folder, 'a.txt');
    const late = await FileSink.open(file, incoming('a.txt'), false);
    await late.write(0, bytes);
    await writeFile(file, 'mine');
    await expect(FileSink.open(file, incoming('a.txt'), false)).rejects.toMatchObject({ code: 'exists' });
    await expect(late.finish()).rejects.toMatchObject({ code: 'exists' });
    await late.discard();
    expect(await readFile(file, 'utf8')).toBe('mine');
    const forced = await FileSink.open(file, incoming('a.txt'), true);
    await forced.write(0, bytes);
    await forced.finish();
    expect(await readFile(file, 'utf8')).toBe('hello');
    expect(await readdir(folder)).toEqual(['a.txt']);
  });

  test('takes the place of files alone, and of no device or pipe, whoever may replace it', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(FileSink.open(pipe, incoming('pipe'), true)).rejects.toMatchObject({ code: 'exists' });
    expect(await readdir(folder)).toEqual(['pipe']);
  });

  test('takes a name of 255 bytes', async () => {
    const name = 'x'.repeat(255);
    const sink = await FileSink.open(join(folder, name), incoming(name), false);
    await sink.write(0, bytes);
    await sink.finish();
    expect(await readdir(folder)).toEqual([name]);
  });
});

describe('a download cut short', () => {
  const MIB = 1024 * 1024;
  const content = new Uint8Array(3 * MIB).map((_, index) => index % 251);
  const large = (): Incoming => ({ ...incoming('big.bin'), size: content.length });
  const target = () => join(folder, 'big.bin');

  async function cutShort(at: number): Promise<boolean> {
    const sink = await FileSink.open(target(), large(), false);
    await sink.write(0, content.subarray(0, at));
    return sink.leave();
  }

  test('goes on with what came, under its own name and for the same content only', async () => {
    expect(await cutShort(2 * MIB)).toBe(true);
    const left = await readdir(folder);
    expect(left).toHaveLength(1);
    expect(() => checkPath(left[0] as string)).toThrow(/download under way/);
    const other = await FileSink.open(target(), { ...large(), hash: '1'.repeat(64) as ContentHash }, false);
    expect(other.left.bytes).toBe(0);
    await other.discard();
    const elsewhere = await FileSink.open(join(folder, 'other.bin'), large(), false);
    expect(elsewhere.left.bytes).toBe(0);
    await elsewhere.discard();
    const again = await FileSink.open(target(), large(), false);
    expect(again.left.bytes).toBe(2 * MIB);
    expect(Buffer.compare(await again.left.read(MIB, 1_000), content.subarray(MIB, MIB + 1_000))).toBe(0);
    await again.write(2 * MIB, content.subarray(2 * MIB));
    await again.finish();
    expect(Buffer.compare(await readFile(target()), content)).toBe(0);
    expect(await readdir(folder)).toEqual(['big.bin']);
  });

  test('keeps nothing of a few bytes, and nothing that is wrong', async () => {
    const sink = await FileSink.open(target(), large(), false);
    await sink.write(0, content.subarray(0, 1_000));
    expect(await sink.leave()).toBe(false);
    await sink.discard();
    expect(await readdir(folder)).toEqual([]);
    await cutShort(2 * MIB);
    const again = await FileSink.open(target(), large(), false);
    await again.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  test('is looked for without harm to what is saved beside it, of whatever size', async () => {
    const beside = await FileSink.open(join(folder, 'small'), incoming('small'), false);
    const staged = await readdir(folder);
    const sink = await FileSink.open(target(), large(), false);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(staged));
    await sink.discard();
    await beside.write(0, bytes);
    await beside.finish();
    expect(await readdir(folder)).toEqual(['small']);
  });

  test('of a killed process is found, and of one at work is not', async () => {
    const program = `
      import { FileSink } from ${JSON.stringify(join(import.meta.dirname, '../../src/cli/local-file.ts'))};
      const sink = await FileSink.open(process.argv[1], JSON.parse(process.argv[2]), false);
      await sink.write(0, new Uint8Array(2 * 1024 * 1024));
      console.log('written');
      setInterval(() => {}, 1000);`;
    const words = ['--import', 'tsx', '--input-type=module', '-e', program, target(), JSON.stringify(large())];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const beside = await FileSink.open(target(), large(), false);
    expect(beside.left.bytes).toBe(0);
    await beside.discard();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const again = await FileSink.open(target(), large(), false);
    expect(again.left.bytes).toBe(2 * MIB);
    await again.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  test('of a killed process is found by one that got its number, be it empty', async () => {
    const first = await FileSink.open(target(), large(), false);
    const [name] = (await readdir(folder)) as [string];
    await first.discard();
    for (const size of [0, 2 * MIB]) {
      await writeFile(join(folder, name), content.subarray(0, size));
      const again = await FileSink.open(target(), large(), false);
      expect(again.left.bytes).toBe(size);
      await again.discard();
    }
    expect(await readdir(folder)).toEqual([]);
  });

  test.skipIf(process.getuid === undefined)('needs no leave to list the folder', async () => {
    await chmod(folder, 0o755);
    const drop = join(folder, 'drop');
    await mkdir(drop);
    await chmod(drop, 0o333);
    // Root may list every folder.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      const sink = await FileSink.open(join(drop, 'big.bin'), large(), false);
      await sink.write(0, content);
      await sink.finish();
    } finally {
      if (isRoot) process.seteuid?.(0);
      await chmod(drop, 0o755);
    }
    expect(await readdir(drop)).toEqual(['big.bin']);
  });

  test('is in the way of nobody: what cannot be gone on with stays, and another name is staged under', async () => {
    const first = await FileSink.open(target(), large(), false);
    const [name] = (await readdir(folder)) as [string];
    await first.discard();
    const victim = join(folder, 'victim');
    await writeFile(victim, 'mine');
    for (const plant of [symlink, link]) {
      await plant(victim, join(folder, name));
      const sink = await FileSink.open(target(), large(), true);
      expect(sink.left.bytes).toBe(0);
      await sink.write(0, content);
      await sink.finish();
      expect(await readFile(victim, 'utf8')).toBe('mine');
      await rm(join(folder, name));
    }
    expect((await readdir(folder)).sort()).toEqual(['big.bin', 'victim']);
  });

  test('is forgotten after a month, and a link in its place is never written through', async () => {
    await cutShort(2 * MIB);
    const [left] = (await readdir(folder)) as [string];
    const old = new Date(Date.now() - 31 * 24 * 3_600_000);
    await utimes(join(folder, left), old, old);
    const fresh = await FileSink.open(target(), large(), false);
    expect(fresh.left.bytes).toBe(0);
    await fresh.discard();
    expect(await readdir(folder)).toEqual([]);
    const victim = join(folder, 'victim');
    await writeFile(victim, 'mine');
    for (const plant of [symlink, link]) {
      await plant(victim, join(folder, left));
      const sink = await FileSink.open(target(), large(), false);
      expect(sink.left.bytes).toBe(0);
      await sink.write(0, content);
      await sink.discard();
      expect(await readFile(victim, 'utf8')).toBe('mine');
      await rm(join(folder, left), { force: true });
    }
  });
});

describe('where downloads go', () => {
  test.each([
    ['a.txt', ['a.txt'], undefined, 'a.txt', 'a.txt'],
    ['d/a.txt', ['d/a.txt'], undefined, 'd/a.txt', 'a.txt'],
    ['d/a.txt', ['d/a.txt'], 'new.txt', 'd/a.txt', 'new.txt'],
    ['d/a.txt', ['d/a.txt'], 'out/', 'd/a.txt', 'out/a.txt'],
    ['x/d', ['x/d/a', 'x/d/b/c'], undefined, 'x/d/b/c', 'd/b/c'],
    ['x/d/', ['x/d/a', 'x/d/b/c'], 'out/', 'x/d/a', 'out/d/a'],
    ['x/d', ['x/d/a'], 'out', 'x/d/a', 'out/d/a'],
    ['**/*.txt', ['a/1.txt', 'b/2.txt'], undefined, 'b/2.txt', '2.txt'],
    ['**/*.txt', ['a/1.txt', 'b/1.txt'], undefined, 'b/1.txt', 'b/1.txt'],
  ])('%s, which is %j, to %s: %s becomes %s', async (name, paths, to, path, file) => {
    const place = await localPlace(name, entries(...paths), to);
    expect(place.fileOf(incoming(path))).toBe(file);
  });

  test('an existing folder is gone into; a file is no place for several', async () => {
    expect((await localPlace('a', entries('a'), folder)).fileOf(incoming('a'))).toBe(join(folder, 'a'));
    await writeFile(join(folder, 'file'), '');
    await expect(localPlace('d', entries('d/a', 'd/b'), join(folder, 'file'))).rejects.toMatchObject({ code: 'usage' });
  });

  test('versions of a conflict are told apart under a name of ones own', async () => {
    const place = await localPlace('a.txt', entries('a.txt'), 'out.txt');
    expect(place.fileOf(incoming('a (alpha).txt', 'alpha'))).toBe('out (alpha).txt');
  });

  test('a hostile path leads nowhere', async () => {
    const place = await localPlace('d', entries('d/a'), 'out');
    for (const path of ['../x', '/etc/x', 'd/../../x', 'd/\u0000']) expect(() => place.fileOf(incoming(path))).toThrow();
  });
});

describe('a folder that is uploaded', () => {
  test('has its regular files, and tells what is left out', async () => {
    await mkdir(join(folder, 'sub', 'empty'), { recursive: true });
    await writeFile(join(folder, 'b'), '');
    await writeFile(join(folder, 'sub', 'a b'), '');
    await writeFile(join(folder, 'bad\\name'), '');
    await symlink('b', join(folder, 'link'));
    const tree = await walkTree(folder, 'top');
    expect(tree.files.map((file) => file.path)).toEqual(['top/b', 'top/sub/a b']);
    expect(tree.skipped.map((one) => one.reason).sort()).toEqual(['it has a backslash', 'it is a symbolic link']);
  });
});

describe('several files that are uploaded', () => {
  const named = (...pairs: [file: string, path: string][]) => pairs.map(([file, path]) => ({ file, path }));

  test('have names of their own: none takes the place of another', () => {
    const one = { code: 'usage', message: expect.stringMatching(/"a\/x" and "b\/x" would both be "x"/) };
    expect(() => refuseOneName(named(['a/x', 'x'], ['c', 'c'], ['b/x', 'x']))).toThrow(expect.objectContaining(one));
    // Two names on a disk, and one in the mesh.
    expect(() => refuseOneName(named(['1', 'd/\u00e9'], ['2', 'd/e\u0301']))).toThrow(/would both be/);
  });

  test('may be one file that is named twice, and files of one name in several folders', () => {
    expect(() => refuseOneName(named(['a/x', 'x'], ['a/x', 'x'], ['b/x', 'b/x']))).not.toThrow();
  });
});
