import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, drop, hasBrowser, Person, picture, slowUploads } from './browser.ts';

const NAMES = ['alpha', 'bravo', 'charlie'];
const SLOW_BYTES = 512 * 1024;
/** Some seconds at that speed. */
const LARGE = { name: 'large.txt', text: 'forty characters of a rather large file\n', times: 100_000 };
const SONG_SECONDS = 60;
const PATIENT = { timeout: 20_000 };

describe.skipIf(!hasBrowser)('a page whose peer dies', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  const addresses = new Map<string, string>();
  let page: Page;

  const row = (name: string) => page.getByRole('row').filter({ hasText: name });
  const tray = () => page.getByRole('region', { name: 'Uploads' });
  const serving = () => NAMES.find((name) => addresses.get(name) === new URL(page.url()).origin) ?? '';
  const song = () => page.locator('audio');
  const position = () => song().evaluate((element) => (element as HTMLAudioElement).currentTime);

  /** Opened where one peer is, once that page knows of the others. */
  async function openAt(name: string, hash = ''): Promise<void> {
    page = await person.open(`${addresses.get(name)}/${hash}`);
    await page.getByText('3 peers here').waitFor();
    await expect.poll(() => page.evaluate(() => JSON.stringify({ ...localStorage })), PATIENT).toContain('charlie');
  }

  async function up(name: string): Promise<void> {
    const ready = await peers.up(name, '--http', '127.0.0.1:0');
    addresses.set(name, String(ready.http));
  }

  beforeAll(async () => {
    mkdirSync(join(peers.place, 'alpha'), { recursive: true });
    writeFileSync(join(peers.place, 'alpha', 'song.wav'), wav(SONG_SECONDS));
    for (const name of NAMES) await up(name);
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('goes on with an upload where a reload cut it short, when the file is dropped again', async () => {
    await openAt('alpha');
    await slowUploads(page, SLOW_BYTES);
    await drop(page, [LARGE]);
    await expect
      .poll(
        () =>
          tray()
            .getByRole('progressbar')
            .evaluate((bar) => (bar as HTMLProgressElement).value),
        PATIENT,
      )
      .toBeGreaterThan(500_000);
    await tray().getByRole('button', { name: 'Pause large.txt' }).click();
    await tray().getByText('Paused at').waitFor();
    await page.reload();
    await tray().getByText('Choose the file again').waitFor();
    await picture(page, 'upload-cut-short');
    const offsets: number[] = [];
    page.on('request', (request) => {
      if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
    });
    await slowUploads(page, undefined);
    await drop(page, [LARGE]);
    await row('large.txt').getByText('Kept on 2 machines').waitFor({ state: 'attached' });
    expect(offsets).toHaveLength(1);
    expect(offsets[0]).toBeGreaterThan(500_000);
    const sent = await peers.filemesh(['download', 'large.txt', '--to', '-']);
    expect(sent.output.length).toBe(LARGE.text.length * LARGE.times - 1);
    await page.context().close();
  });

  it('does not notice when another peer dies under its upload', async () => {
    await openAt('alpha');
    await slowUploads(page, 4 * SLOW_BYTES);
    await drop(page, [{ ...LARGE, name: 'second.txt' }]);
    await tray().getByRole('progressbar').waitFor();
    await peers.peer('charlie').kill();
    await row('second.txt').getByText('Kept on 2 machines').waitFor({ state: 'attached' });
    expect(serving()).toBe('alpha');
    await up('charlie');
    await page.context().close();
  });

  it('finds another peer when its own dies, and there asks for the file it was sending', async () => {
    await openAt('alpha');
    await slowUploads(page, SLOW_BYTES);
    await drop(page, [{ ...LARGE, name: 'third.txt' }]);
    await expect
      .poll(
        () =>
          tray()
            .getByRole('progressbar')
            .evaluate((bar) => (bar as HTMLProgressElement).value),
        PATIENT,
      )
      .toBeGreaterThan(500_000);
    await peers.peer('alpha').kill();
    await page.getByText('alpha does not answer').waitFor();
    await picture(page, 'lost');
    await page.waitForURL((url) => url.origin !== addresses.get('alpha'), { timeout: 30_000 });
    await page.getByText('alpha did not answer. Going on here.').waitFor();
    await tray().getByText('Choose the file again').waitFor();
    await drop(page, [{ ...LARGE, name: 'third.txt' }]);
    await row('third.txt').getByText('Kept on 2 machines').waitFor({ state: 'attached' });
    expect(page.url()).not.toContain('handover');
    await up('alpha');
    await page.context().close();
  });

  it('plays on, at the same second, when its peer dies under a song', async () => {
    await openAt('alpha', '#/files?open=song.wav');
    await song().evaluate(async (element) => {
      (element as HTMLAudioElement).currentTime = 20;
      await (element as HTMLAudioElement).play();
    });
    await expect.poll(position, PATIENT).toBeGreaterThan(20.5);
    await peers.peer('alpha').kill();
    await page.waitForURL((url) => url.origin !== addresses.get('alpha'), { timeout: 30_000 });
    await song().waitFor();
    await expect.poll(position, PATIENT).toBeGreaterThan(21);
    expect(await song().evaluate((element) => (element as HTMLAudioElement).paused)).toBe(false);
    expect(await position()).toBeLessThan(40);
    await up('alpha');
    await page.context().close();
  });

  it('plays on when the machine dies that had the song', async () => {
    const [entry] = (await peers.value(0, ['show', 'song.wav'])) as { holders: string[] }[];
    const holders = entry?.holders ?? [];
    const without = NAMES.find((name) => !holders.includes(name));
    await openAt(without ?? 'bravo', '#/files?open=song.wav');
    await song().evaluate((element) => (element as HTMLAudioElement).play());
    await expect.poll(position, PATIENT).toBeGreaterThan(0.3);
    const victim = holders.find((name) => name !== serving()) ?? '';
    await peers.peer(victim).kill();
    await song().evaluate((element) => {
      (element as HTMLAudioElement).currentTime = 45;
    });
    await expect.poll(position, PATIENT).toBeGreaterThan(45.3);
    await page.getByText('2 peers here').waitFor();
    await page.goto(`${new URL(page.url()).origin}/#/mesh?file=song.wav`);
    await page.getByRole('status').getByText(`${victim} is away`).waitFor();
    await picture(page, 'mesh-one-away');
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});

/** A tone, as any browser plays it: 8 bits, 8,000 times a second. */
function wav(seconds: number): Buffer {
  const rate = 8000;
  const samples = Buffer.alloc(seconds * rate, 128).map(
    (_, at) => 128 + Math.round(20 * Math.sin((2 * Math.PI * 220 * at) / rate)),
  );
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  for (const [value, at] of [
    [1, 20],
    [1, 22],
    [1, 32],
    [8, 34],
  ] as const)
    head.writeUInt16LE(value, at);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate, 28);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}
