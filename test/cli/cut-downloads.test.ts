import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skipAloud } from '../faults/lan.ts';
import { until } from '../faults/process.ts';
import { CountedWire } from './counted-wire.ts';
import { PeersHere } from './peers-here.ts';

const LIMIT_MS = 300_000;
const MIB = 1024 * 1024;
const SIZE = 48 * MIB;
/** The disk that gets full takes half of it. */
const ROOM = SIZE / 2;
const TRIES = 20;

const here = new PeersHere();
const content = randomBytes(SIZE);
const small = join(here.place, 'small');
let wire: CountedWire;
let download: readonly string[];

function mount(...words: string[]): string | undefined {
  const { status, stderr } = spawnSync('mount', [...words, small], { encoding: 'utf8' });
  return status === 0 ? undefined : `no file system can be mounted: ${stderr.trim()}`;
}

/** A small disk for who downloads. */
function smallDisk(): string | undefined {
  if (process.platform !== 'linux') return 'not Linux';
  if (process.getuid?.() !== 0) return 'not root';
  mkdirSync(small);
  return mount('-t', 'tmpfs', '-o', `size=${ROOM}`, 'tmpfs');
}
const withoutDisk = skipAloud('a download onto a full disk', smallDisk());

beforeAll(async () => {
  here.drop('alpha', 'film', content);
  here.drop('alpha', 'doomed', content);
  // So slow that whatever happens in the middle happens before the end.
  const { address } = await here.up('alpha', '--interface', '127.0.0.1', '--limit-up', '12MiB');
  wire = new CountedWire(Number(String(address).split(':')[1]));
  download = ['download', 'film', '--peer', await wire.open(), '--to'];
  await until('both files are known', async () => ((await here.value(0, ['show'])) as unknown[]).length === 2);
}, LIMIT_MS);
afterAll(async () => {
  if (!withoutDisk) spawnSync('umount', [small]);
  await here.end();
  wire.close();
});

/** Calls once when so many bytes came from now on. */
function onReceived(bytes: number, act: () => void): void {
  wire.received = 0;
  wire.onReceived = () => {
    if (wire.received < bytes) return;
    wire.onReceived = () => undefined;
    act();
  };
}

describe('a download by a client process', () => {
  it('that was killed at half gets the other half when it is started again', { timeout: LIMIT_MS }, async () => {
    let code: number | null = 0;
    // On a busy machine a client may find the peer's own port first, past the wire, and end before anybody kills it.
    for (let tries = 0; code !== -1 && tries < TRIES; tries++) {
      rmSync(join(here.place, 'killed'), { recursive: true, force: true });
      const killed = here.begin([...download, 'killed/']);
      onReceived(SIZE / 2, () => killed.signal('SIGKILL'));
      code = (await killed.ended).code;
    }
    expect(code).toBe(-1);
    expect(readdirSync(join(here.place, 'killed'))).not.toContain('film');
    wire.received = 0;
    await here.value(0, [...download, 'killed/']);
    // What was on its way at the kill, and the frames around the bytes.
    expect(wire.received).toBeLessThan(SIZE / 2 + 16 * MIB);
    expect(readdirSync(join(here.place, 'killed'))).toEqual(['film']);
    expect(readFileSync(join(here.place, 'killed', 'film')).equals(content)).toBe(true);
  });

  it.skipIf(withoutDisk)('whose disk gets full says so, and goes on once there is room', { timeout: LIMIT_MS }, async () => {
    const full = await here.filemesh([...download, small]);
    expect([full.code, full.error]).toEqual([1, expect.stringMatching(/the disk is full; what came is kept/)]);
    expect(readdirSync(small)).toEqual([expect.stringMatching(/^\.filemesh/)]);
    expect(mount('-o', `remount,size=${2 * SIZE}`)).toBeUndefined();
    wire.received = 0;
    await here.value(0, [...download, small]);
    expect(wire.received).toBeLessThan(SIZE - ROOM / 2);
    expect(readdirSync(small)).toEqual(['film']);
    expect(readFileSync(join(small, 'film')).equals(content)).toBe(true);
  });

  it('of what is deleted meanwhile says so, or brings it whole', { timeout: LIMIT_MS }, async () => {
    const [, , ...words] = download;
    const running = here.begin(['download', 'doomed', ...words, 'deleted/']);
    onReceived(SIZE / 4, () => rmSync(join(here.place, 'alpha', 'doomed')));
    const { code, error } = await running.ended;
    const saved = readdirSync(join(here.place, 'deleted')).filter((name) => !name.startsWith('.filemesh'));
    if (code === 0) expect(readFileSync(join(here.place, 'deleted', 'doomed')).equals(content)).toBe(true);
    // Its bytes are gone before the peer has seen that it was deleted.
    else expect([code === 3 || code === 5, error, saved]).toEqual([true, expect.stringMatching(/doomed/), []]);
  });
});
