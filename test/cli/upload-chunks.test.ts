import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CountedWire } from './counted-wire.ts';
import { PeersHere } from './peers-here.ts';

const LIMIT_MS = 300_000;
const MIB = 1024 * 1024;
const SIZE = 64 * MIB;

describe('an upload by a client process', () => {
  const here = new PeersHere();
  const file = join(here.place, 'film');
  const content = randomBytes(SIZE);
  let wire: CountedWire;
  let address: string;

  beforeAll(async () => {
    const { address: peer } = await here.up('alpha', '--interface', '127.0.0.1');
    wire = new CountedWire(Number(String(peer).split(':')[1]));
    address = await wire.open();
  }, LIMIT_MS);
  afterAll(async () => {
    await here.end();
    wire.close();
  });

  const upload = ['upload', 'film', '--peer'];
  async function sentBy(): Promise<number> {
    wire.sent = 0;
    await here.value(0, [...upload, address]);
    expect(readFileSync(join(here.place, 'alpha', 'film')).equals(content)).toBe(true);
    return wire.sent;
  }

  it('that was killed at half sends the other half when it is started again', { timeout: LIMIT_MS }, async () => {
    writeFileSync(file, content);
    const killed = here.begin([...upload, address]);
    wire.onSent = () => {
      if (wire.sent >= SIZE / 2) killed.signal('SIGKILL');
    };
    expect((await killed.ended).code).toBe(-1);
    wire.onSent = () => {};
    const again = await sentBy();
    expect(again).toBeGreaterThan(SIZE / 4);
    // What was on its way at the kill, and the frames around the bytes.
    expect(again).toBeLessThan(SIZE / 2 + 12 * MIB);
  });

  it('of which one byte changed sends a chunk', { timeout: LIMIT_MS }, async () => {
    content[SIZE / 2] = (content[SIZE / 2] ?? 0) ^ 1;
    writeFileSync(file, content);
    expect(await sentBy()).toBeLessThan(MIB);
  });

  it('whose bytes all lie there sends none', { timeout: LIMIT_MS }, async () => {
    writeFileSync(file, content);
    expect(await sentBy()).toBeLessThan(200_000);
  });
});
