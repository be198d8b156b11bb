import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CountedWire } from './counted-wire.ts';
import { PeersHere } from './peers-here.ts';

const LIMIT_MS = 300_000;
const MIB = 1024 * 1024;
const SIZE = 32 * MIB;

describe('a sealed upload by a client process', () => {
  const here = new PeersHere();
  const file = join(here.place, 'film');
  const content = randomBytes(SIZE);
  const seals = () =>
    readdirSync(join(here.place, 'home', 'meshes'), { recursive: true }).filter((name) => /seals.[0-9a-f]/.test(`${name}`));
  let wire: CountedWire;
  let address: string;
  let upload: string[];
  let other: string;

  beforeAll(async () => {
    const { address: peer } = await here.up('alpha', '--interface', '127.0.0.1');
    wire = new CountedWire(Number(String(peer).split(':')[1]));
    address = await wire.open();
    const identity = await generateX25519Identity();
    writeFileSync(join(here.place, 'key.txt'), identity);
    upload = ['upload', '--seal', '--for', await identityToRecipient(identity), 'film', '--peer', address];
    writeFileSync(file, content);
  }, LIMIT_MS);
  afterAll(async () => {
    await here.end();
    wire.close();
  });

  it('that was killed at half sends the other half when it is started again', { timeout: LIMIT_MS }, async () => {
    const killed = here.begin(upload);
    wire.onSent = () => {
      if (wire.sent >= SIZE / 2) killed.signal('SIGKILL');
    };
    expect((await killed.ended).code).toBe(-1);
    wire.onSent = () => {};
    expect(seals()).toHaveLength(1);
    wire.sent = 0;
    await here.value(0, upload);
    expect(wire.sent).toBeGreaterThan(SIZE / 4);
    // What was on its way at the kill, the run it belonged to, and the frames around the bytes.
    expect(wire.sent).toBeLessThan(SIZE / 2 + 12 * MIB);
    expect(seals()).toEqual([]);
    await here.value(0, ['download', 'film', '--identity', 'key.txt', '--force']);
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  it('goes on to nobody else: for other readers it is sealed anew', { timeout: LIMIT_MS }, async () => {
    const killed = here.begin(upload);
    wire.sent = 0;
    wire.onSent = () => {
      if (wire.sent >= SIZE / 2) killed.signal('SIGKILL');
    };
    await killed.ended;
    wire.onSent = () => {};
    other = await identityToRecipient(await generateX25519Identity());
    await here.value(0, [...upload, '--for', other]);
    expect(seals()).toEqual([]);
    await here.value(0, ['download', 'film', '--identity', 'key.txt', '--force']);
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  it('comes by a download that was killed at half, and that goes on from what it had opened', { timeout: LIMIT_MS }, async () => {
    rmSync(file);
    wire.received = 0;
    const download = ['download', 'film', '--identity', 'key.txt', '--peer', address];
    const killed = here.begin(download);
    wire.onReceived = () => {
      if (wire.received >= SIZE / 2) killed.signal('SIGKILL');
    };
    expect((await killed.ended).code).toBe(-1);
    expect(readdirSync(here.place)).not.toContain('film');
    wire.onReceived = () => {};
    wire.received = 0;
    await here.value(0, download);
    expect(wire.received).toBeGreaterThan(SIZE / 4);
    expect(wire.received).toBeLessThan(SIZE / 2 + 12 * MIB);
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  it('gets and loses readers by its head alone, which is all that is sent', { timeout: LIMIT_MS }, async () => {
    const [added, removed] = [await generateX25519Identity(), 'key.txt'];
    writeFileSync(join(here.place, 'added.txt'), added);
    const [to, first] = [await identityToRecipient(added), upload[3] ?? ''];
    const bodyOf = async () => {
      await here.value(0, ['download', 'film.age', '--sealed', '--force']);
      const sealed = readFileSync(join(here.place, 'film.age'));
      return sealed.subarray(sealed.indexOf('\n', sealed.indexOf('\n--- ') + 1));
    };
    const body = await bodyOf();
    wire.sent = 0;
    const seal = ['seal', 'film', '--peer', address, '--identity'];
    await here.value(0, [...seal, 'key.txt', '--add', to]);
    expect(wire.sent).toBeLessThan(4 * MIB);
    for (const key of ['key.txt', 'added.txt']) await here.value(0, ['download', 'film', '--identity', key, '--force']);
    expect(readFileSync(file).equals(content)).toBe(true);
    await here.value(0, [...seal, 'added.txt', '--remove', first]);
    expect((await bodyOf()).equals(body)).toBe(true);
    expect((await here.filemesh(['download', 'film', '--identity', removed, '--to', '-'])).code).toBe(7);
    await here.value(0, ['download', 'film', '--identity', 'added.txt', '--force']);
    expect(readFileSync(file).equals(content)).toBe(true);
    await here.value(7, [...seal, removed, '--add', first]);
    await here.value(2, [...seal, 'added.txt', '--remove', to, '--remove', other]);
    await here.value(2, [...seal, 'added.txt', '--remove', first]);
  });
});
