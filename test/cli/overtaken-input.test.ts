import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Process } from '../faults/process.ts';
import { PeersHere } from './peers-here.ts';

const here = new PeersHere();
const program = process.env.FILEMESH_PROGRAM ?? join(import.meta.dirname, '../../dist/main.js');
beforeAll(async () => {
  await here.up('alpha');
});
afterAll(() => here.end());

/** Runs a script in which `fm` is the program. */
function shell(script: string) {
  const fm = `fm() { ${process.execPath} ${program} "$@"; }`;
  const env = { ...process.env, FILEMESH_HOME: join(here.place, 'home'), FILEMESH_INTERFACE: '127.0.0.1', TMPDIR: here.place };
  return new Process(['/bin/sh', '-c', `${fm}; ${script}`], { env, cwd: here.place }).ended;
}

test.each(['known.txt', 'new.txt'])(
  'what comes from standard input follows what was there when it began: %s',
  async (name) => {
    await here.value(0, ['create', 'known.txt'], { input: 'first' }).catch(() => undefined);
    // A pipe holds less than that: once it is written, the upload reads.
    const slow = `head -c 1000000 /dev/zero; echo theirs | fm upload - --to ${name} >&2`;
    const overtaken = await shell(`{ ${slow}; echo mine; } | fm upload - --to ${name}`);
    expect([overtaken.code, overtaken.error]).toEqual([6, expect.stringMatching(/so nothing was stored/)]);
    expect((await here.filemesh(['download', name, '--to', '-'])).output).toBe('theirs');
    const kept = /what was read is kept in (\S+)/.exec(overtaken.error)?.[1] ?? '';
    expect(readFileSync(kept, 'latin1')).toBe(`${'\0'.repeat(1_000_000)}mine\n`);
    expect(statSync(kept).mode & 0o777).toBe(0o600);
  },
  180_000,
);

test('a name that is taken is refused before standard input is read', async () => {
  await here.value(0, ['create', 'taken.txt'], { input: 'first' });
  // Its writer ends once the program has: whoever reads to the end first waits in vain.
  const writer = 'n=0; while [ ! -e over ] && [ $n -lt 1200 ]; do sleep 0.1; n=$((n + 1)); done';
  const refused = await shell(`{ ${writer}; } | { fm create taken.txt; code=$?; touch over; exit $code; }`);
  expect([refused.code, refused.error]).toEqual([4, expect.stringContaining('there is a file "taken.txt" already')]);
});

test.each([
  ['kept in', ['upload', '-', '--to', 'dump']],
  ['kept in', ['create', 'dump', '-']],
  ['kept, not sealed, in', ['upload', '-', '--to', 'dump', '--seal']],
])('what comes from standard input is %s a file when it cannot be stored: %j', async (where, words) => {
  const small = new PeersHere();
  try {
    await small.up('alpha', '--capacity', '10KiB');
    // Whoever makes the first account is logged in by that.
    if (words.includes('--seal')) await small.value(0, ['user', 'add', 'anna'], { input: 'a password of anna\n' });
    const input = 'y'.repeat(20_000);
    const refused = await small.filemesh(words, { input, env: { TMPDIR: small.place } });
    expect([refused.code, refused.error]).toEqual([1, expect.stringMatching(/no peer has room .*what was read is kept/)]);
    const kept = new RegExp(`what was read is ${where} (\\S+)`).exec(refused.error)?.[1] ?? '';
    expect(readFileSync(kept, 'utf8')).toBe(input);
  } finally {
    await small.end();
  }
});

test('two files that would have one name are refused before either is stored', async () => {
  for (const folder of ['one', 'two']) here.drop(folder, 'twin.txt', folder);
  const refused = await here.filemesh(['upload', 'one/twin.txt', 'two/twin.txt']);
  expect([refused.code, refused.error]).toEqual([2, expect.stringContaining('would both be "twin.txt"')]);
  await here.value(3, ['where', 'twin.txt']);
});
