import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CountedWire } from '../cli/counted-wire.ts';
import { PeersHere } from '../cli/peers-here.ts';
import { ageOpens, hasAge } from '../cli/sealing/age-program.ts';
import { until } from './process.ts';

const LIMIT_MS = 300_000;
const SIZE = 100_000_000;
const PEERS = ['alpha', 'bravo', 'charlie', 'delta'];
const MARK = 'a line that only its reader sees';
const PASSWORD = 'the long password of anna';

describe('a sealed file, at four peers of which any one dies', () => {
  const here = new PeersHere();
  const local = (name: string) => join(here.place, name);
  const content = Buffer.alloc(SIZE);
  let wire: CountedWire;
  let address: string;

  beforeAll(async () => {
    const block = Buffer.from(
      Array.from({ length: 999 }, (_, index) => `${MARK} ${createHash('sha256').update(`${index}`).digest('hex')}\n`).join(''),
    );
    for (let at = 0; at < SIZE; at += block.length) block.copy(content, at);
    for (let at = 0; at + 8 < SIZE; at += 65_536) content.writeDoubleLE(Math.sqrt(at + 2), at);
    writeFileSync(local('film'), content);
    const ready = await here.up('alpha');
    for (const name of PEERS.slice(1)) await here.up(name);
    wire = new CountedWire(Number(String(ready.address).split(':')[1]));
    address = await wire.open();
    await here.value(0, ['user', 'add', 'anna'], { input: `${PASSWORD}\n` });
    await here.value(0, ['login', 'anna'], { input: `${PASSWORD}\n` });
  }, LIMIT_MS);
  afterAll(async () => {
    await here.end();
    wire.close();
  });

  const isWhole = () => readFileSync(local('film')).equals(content);
  const keyFile = () => {
    const meshes = local('home/meshes');
    return join(meshes, readdirSync(meshes)[0] ?? '', 'age-key.txt');
  };

  it('is stored whole though the peer it goes through is killed on the way', { timeout: LIMIT_MS }, async () => {
    const upload = here.begin(['upload', '--seal', 'film', '--peer', address, '--json']);
    let killed: Promise<void> | undefined;
    wire.onSent = () => {
      if (wire.sent >= SIZE / 2) killed ??= here.peer('alpha').kill();
    };
    const { code, error } = await upload.ended;
    expect([code, error.replaceAll(/note: .*/g, '').trim()]).toEqual([0, '']);
    expect(killed).toBeDefined();
    await here.up('alpha');
    await until(
      'two copies',
      async () => {
        const [file] = (await here.value(0, ['show'])) as { copies: number; sealed: boolean }[];
        return file?.sealed === true && file.copies === 2;
      },
      LIMIT_MS / 2,
    );
  });

  it.each(PEERS)('comes whole though %s is killed while it comes', { timeout: LIMIT_MS }, async (name) => {
    rmSync(local('film'), { force: true });
    const download = here.begin(['download', 'film', '--json']);
    const partial = () => readdirSync(here.place).find((one) => one.startsWith('.filemesh-'));
    const begun = () => {
      const file = partial();
      return file !== undefined && (statSync(local(file), { throwIfNoEntry: false })?.size ?? 0) > SIZE / 4;
    };
    await until('a quarter of it', () => !download.runs || begun(), LIMIT_MS);
    await here.peer(name).kill();
    expect(await download.ended).toMatchObject({ code: 0 });
    expect(isWhole()).toBe(true);
    await here.up(name);
  });

  it('comes whole with two of them down, where they are not the two of any part', { timeout: LIMIT_MS }, async () => {
    rmSync(local('film'), { force: true });
    const pairs = PEERS.flatMap((one, index) => PEERS.slice(index + 1).map((other) => [one, other]));
    let right: string[] = [];
    await until(
      'two that can be missed',
      async () => {
        const { chunks } = (await here.value(0, ['where', 'film.age', '--chunks'])) as { chunks: { holders: string[] }[] };
        const isKept = (pair: string[]) => chunks.every(({ holders }) => holders.some((name) => !pair.includes(name)));
        right = chunks.length < 4 ? [] : (pairs.find(isKept) ?? []);
        return right.length > 0;
      },
      LIMIT_MS / 2,
    );
    await Promise.all(right.map((name) => here.peer(name).kill()));
    await here.value(0, ['download', 'film']);
    expect(isWhole()).toBe(true);
    for (const name of right) await here.up(name);
  });

  it('is opened by age, and nothing that is secret lies with any peer', { timeout: LIMIT_MS }, async () => {
    const identity = /^AGE-SECRET-KEY-.*/m.exec(readFileSync(keyFile(), 'utf8'))?.[0] ?? '';
    expect(identity).not.toBe('');
    await here.value(0, ['download', 'film', '--sealed']);
    if (hasAge) expect(ageOpens(here.place, readFileSync(local('film.age')), identity)?.equals(content)).toBe(true);
    const found = PEERS.flatMap((peer) =>
      readdirSync(local(peer), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
        .flatMap((bytes) => [MARK, PASSWORD, identity, identity.slice(15)].filter((secret) => bytes.includes(secret))),
    );
    expect(found).toEqual([]);
  });
});
