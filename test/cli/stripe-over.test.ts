import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../faults/process.ts';
import { PeersHere } from './peers-here.ts';

const LIMIT_MS = 300_000;
const MIB = 1024 * 1024;

describe('upload --stripe-over', () => {
  const here = new PeersHere();
  const peers = ['alpha', 'bravo', 'charlie'];
  const sizes = { above: 4 * MIB, at: 2 * MIB, below: 2 * MIB - 1 };
  const local = (name: string) => join(here.place, name);
  const lineOf = async (name: string) => (await here.filemesh(['show', name])).output.split('\n')[1] ?? '';

  beforeAll(async () => {
    const addresses: string[] = [];
    for (const peer of peers) addresses.push(String((await here.up(peer)).address));
    for (const address of addresses)
      await until('each knows all', async () => {
        const known = (await here.value(0, ['peers', '--peer', address])) as { alive: boolean; capacity: number | null }[];
        return known.filter(({ alive, capacity }) => alive && capacity !== null).length === peers.length;
      });
    for (const [name, size] of Object.entries(sizes)) writeFileSync(local(name), randomBytes(size));
  }, LIMIT_MS);
  afterAll(() => here.end());

  it('spreads files of that size and more, and keeps others whole', { timeout: LIMIT_MS }, async () => {
    for (const name of Object.keys(sizes)) await here.value(0, ['upload', name, '--stripe-over', '2MiB']);
    for (const name of ['above', 'at']) expect(await lineOf(name)).toMatch(/ 2\/2 .*\(part\)/);
    expect(await lineOf('below')).toMatch(/ 2\/2 {5}\w+, \w+$/);
    // Nobody has all parts of it.
    expect((await here.filemesh(['where', 'above'])).output).not.toMatch(/has (\d+) of \1 parts/);
    await here.value(0, ['download', 'above', '--to', 'got']);
    expect(readFileSync(local('got')).equals(readFileSync(local('above')))).toBe(true);
  });

  it('makes a file that is shown as incomplete while all who have some part are away', { timeout: LIMIT_MS }, async () => {
    for (const peer of ['alpha', 'bravo']) await here.peer(peer).kill();
    await until('parts are away', async () => / 0\/2 .*charlie \(part\).* {2}incomplete$/.test(await lineOf('above')));
    const missing = await here.filemesh(['download', 'above', '--to', 'not', '--timeout', '1']);
    expect([missing.code, missing.error]).toEqual([5, expect.stringMatching(/parts/)]);
  });
});
