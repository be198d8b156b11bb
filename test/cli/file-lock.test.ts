import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFileLock } from '../../src/cli/file-lock.ts';

const WRITER = new URL('./key-writer.ts', import.meta.url).pathname;
const PROCESSES = 4;
const KEYS_EACH = 12;

let folder: string;
const file = () => join(folder, 'age-key.txt');
const lock = () => `${file()}.lock`;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'filemesh-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A process that logs in, or out, as `names` say, one after the other. */
function writer(...names: readonly string[]): Promise<string> {
  const process_ = spawn(process.execPath, ['--import', 'tsx', WRITER, folder, ...names], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  process_.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
  return new Promise((resolve) => process_.on('exit', (code) => resolve(`${code} ${words}`)));
}

function keysIn(name: string): string[] {
  return existsSync(join(folder, name)) ? (readFileSync(join(folder, name), 'utf8').match(/^AGE-SECRET-KEY-.*/gm) ?? []) : [];
}

describe('processes that change the key file at one moment', () => {
  it('lose no key of each other, and leave no lock', async () => {
    const names = (one: number) => Array.from({ length: KEYS_EACH }, (_, index) => `${'ABCD'[one]}${index}`);
    const all = Array.from({ length: PROCESSES }, (_, one) => names(one));
    // One of them logs out all the while: what it takes away lies aside.
    const ended = await Promise.all([...all.map((some) => writer(...some)), writer(...Array(KEYS_EACH).fill('-'))]);
    expect(ended).toEqual(Array(PROCESSES + 1).fill('0 '));
    const kept = new Set([...keysIn('age-key.txt'), ...keysIn('age-keys-aside.txt')]);
    expect([...kept].sort()).toEqual(
      all
        .flat()
        .map((name) => `AGE-SECRET-KEY-1${name}`)
        .sort(),
    );
    expect(readdirSync(folder).filter((name) => !/^age-keys?(-aside)?\.txt$/.test(name))).toEqual([]);
  });
});

describe('the lock of a file', () => {
  const deadPid = async (): Promise<number> => {
    const gone = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => gone.on('exit', resolve));
    return gone.pid as number;
  };

  it('is taken over from a process that died, by one of those who wait', async () => {
    writeFileSync(lock(), `${await deadPid()} ${hostname()} 0f\n`);
    let inside = 0;
    const seen: number[] = [];
    const act = async () => {
      inside++;
      seen.push(inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => withFileLock(file(), act)));
    expect(seen).toEqual(Array(8).fill(1));
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['of a process that runs', () => `${process.pid} ${hostname()} 0f\n`],
    ['of another machine', () => '1 elsewhere.example 0f\n'],
    ['that says nothing', () => ''],
  ])('%s stays, and whoever waits is told which file it is', async (_, words) => {
    writeFileSync(lock(), words());
    const acted = withFileLock(file(), async () => 'acted', 50);
    await expect(acted).rejects.toMatchObject({ code: 'busy', message: expect.stringContaining(lock()) });
    expect(readFileSync(lock(), 'utf8')).toBe(words());
  });

  it('is free again after what failed', async () => {
    await expect(withFileLock(file(), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withFileLock(file(), async () => 'acted')).toBe('acted');
  });
});
