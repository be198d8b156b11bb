import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { until } from '../../faults/process.ts';
import {
  BROWSER_TEST_MS,
  drop,
  hasBrowser,
  lookedOut,
  nightPicture,
  Person,
  picture,
  slowUploads,
  wholeText,
} from './browser.ts';
import { madeFilm } from './film.ts';

const NAMES = ['alpha', 'bravo', 'charlie'];
const SLOW_BYTES = 128 * 1024;
/** Half a minute at that speed: what is done while it is under way may take its time. */
const LARGE = { name: 'large.txt', text: '# forty-odd characters of a large file\n', times: 100_000 };
const FILM_SECONDS = 40;
/** Taken in and copied before anything is played. */
const SETUP_MS = 480_000;

describe.skipIf(!hasBrowser)('a page whose peer dies', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  const addresses = new Map<string, string>();
  let page: Page;

  const row = (name: string) => page.getByRole('row').filter({ hasText: name });
  const tray = () => page.getByRole('region', { name: 'Uploads' });
  const serving = () => NAMES.find((name) => addresses.get(name) === new URL(page.url()).origin) ?? '';
  const film = () => page.locator('video');
  const position = () => film().evaluate((element) => (element as HTMLVideoElement).currentTime);
  const holdersOf = async (path: string) => {
    const [entry] = (await peers.value(0, ['show', path])) as { holders: string[]; copies: number }[];
    return entry?.copies === 2 ? entry.holders : [];
  };
  /** Of each of those who have it: whether every byte is as it was sent. */
  const isStored = async (path: string) =>
    (await holdersOf(path)).map((holder) => readFileSync(join(peers.place, holder, path)).equals(whole));
  const sent = () =>
    tray()
      .getByRole('progressbar')
      .evaluate((bar) => (bar as HTMLProgressElement).value);
  const whole = Buffer.from(wholeText(LARGE));

  /** Opened where one peer is, once that page knows of the others. */
  async function openAt(name: string, hash = ''): Promise<void> {
    page = await person.open(`${addresses.get(name)}/${hash}`);
    await page.getByText('3 peers here').waitFor();
    await expect.poll(() => page.evaluate(() => JSON.stringify({ ...localStorage }))).toContain('charlie');
    await lookedOut(page);
  }

  async function up(name: string, http = '127.0.0.1:0'): Promise<void> {
    const ready = await peers.up(name, '--http', http);
    addresses.set(name, String(ready.http));
  }

  /** Plays it from there on; resolves once it moves. */
  async function playFrom(seconds: number): Promise<void> {
    await film().evaluate(async (element, at) => {
      (element as HTMLVideoElement).currentTime = at;
      await (element as HTMLVideoElement).play();
    }, seconds);
    await expect.poll(position).toBeGreaterThan(seconds + 0.5);
  }

  /** The player has not taken in all of it: what comes later comes from a peer. */
  async function expectMoreToCome(): Promise<void> {
    const buffered = await film().evaluate((element) => {
      const { buffered, duration } = element as HTMLVideoElement;
      return [buffered.end(buffered.length - 1), duration];
    });
    expect(buffered[1]).toBeCloseTo(FILM_SECONDS, 0);
    expect(buffered[0]).toBeLessThan(FILM_SECONDS - 5);
  }

  beforeAll(async () => {
    for (const name of NAMES) await up(name);
    page = await person.open(`${addresses.get('alpha')}/`);
    const made = join(peers.place, 'made.webm');
    writeFileSync(made, await madeFilm(page, FILM_SECONDS));
    renameSync(made, join(peers.place, 'alpha', 'film.webm'));
    await page.context().close();
    await until('the film lies on two machines', async () => (await holdersOf('film.webm')).length === 2, SETUP_MS);
  }, SETUP_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('goes on with an upload where a reload cut it short, when the file is dropped again', async () => {
    await openAt('alpha');
    await slowUploads(page, SLOW_BYTES);
    await drop(page, [LARGE]);
    await expect.poll(sent).toBeGreaterThan(500_000);
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
    await row('large.txt').getByText('Kept on 2 peers').waitFor({ state: 'attached' });
    expect(offsets).toHaveLength(1);
    // What was on its way when it was paused counts as sent on the page, and is not at the peer.
    expect(offsets[0]).toBeGreaterThan(0);
    expect(await isStored('large.txt')).toEqual([true, true]);
    await page.context().close();
  });

  it('leaves alone what another tab is sending, and takes it up when that one is closed', async () => {
    await openAt('alpha');
    await slowUploads(page, SLOW_BYTES);
    await drop(page, [{ ...LARGE, name: 'of another tab.txt' }]);
    await expect.poll(sent).toBeGreaterThan(500_000);
    const first = page;
    page = await first.context().newPage();
    await page.goto(addresses.get('alpha') ?? '');
    await page.getByText('3 peers here').waitFor();
    await row('film.webm').waitFor();
    expect(await tray().count()).toBe(0);
    await first.close({ runBeforeUnload: false });
    await tray().getByText('Choose the file again').waitFor();
    await drop(page, [{ ...LARGE, name: 'of another tab.txt' }]);
    await row('of another tab.txt').getByText('Kept on 2 peers').waitFor({ state: 'attached' });
    await page.context().close();
  });

  it('does not notice when another peer dies under its upload', async () => {
    await openAt('alpha');
    await slowUploads(page, SLOW_BYTES);
    await drop(page, [{ ...LARGE, name: 'second.txt' }]);
    await expect.poll(sent).toBeGreaterThan(500_000);
    await peers.peer('charlie').kill();
    expect(await sent()).toBeLessThan(whole.length);
    await slowUploads(page, undefined);
    await row('second.txt').getByText('Kept on 2 peers').waitFor({ state: 'attached' });
    expect(serving()).toBe('alpha');
    expect(await isStored('second.txt')).toEqual([true, true]);
    await up('charlie');
    await page.context().close();
  });

  it('finds another peer when its own dies, and there asks for the file it was sending', async () => {
    await openAt('alpha');
    await slowUploads(page, SLOW_BYTES);
    await drop(page, [{ ...LARGE, name: 'third.txt' }]);
    await expect.poll(sent).toBeGreaterThan(500_000);
    await peers.peer('alpha').kill();
    await page.getByText('alpha does not answer').waitFor();
    await page.waitForURL((url) => url.origin !== addresses.get('alpha'));
    await page.getByText('alpha did not answer. Going on here.').waitFor();
    await tray().getByText('Choose the file again').waitFor();
    await slowUploads(page, undefined);
    await drop(page, [{ ...LARGE, name: 'third.txt' }]);
    await row('third.txt').getByText('Kept on 2 peers').waitFor({ state: 'attached' });
    expect(await isStored('third.txt')).toEqual([true, true]);
    expect(page.url()).not.toContain('handover');
    await up('alpha');
    await page.context().close();
  });

  it('finds another peer when its own hangs and does not say a word', async () => {
    await openAt('alpha');
    const { pid } = peers.peer('alpha');
    process.kill(pid, 'SIGSTOP');
    try {
      await page.getByText('alpha does not answer').waitFor();
      await page.waitForURL((url) => url.origin !== addresses.get('alpha'));
      await page.getByText('alpha did not answer. Going on here.').waitFor();
      await row('film.webm').waitFor();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await page.context().close();
  });

  it('goes on by itself, where it was, when its peer comes back and no other is there', async () => {
    await openAt('alpha');
    await slowUploads(page, SLOW_BYTES);
    await drop(page, [{ ...LARGE, name: 'fourth.txt' }]);
    await expect.poll(sent).toBeGreaterThan(500_000);
    for (const name of ['charlie', 'bravo', 'alpha']) await peers.peer(name).kill();
    await tray().getByText('Goes on when it is back').waitFor();
    await page.getByText('alpha does not answer').waitFor();
    await picture(page, 'lost');
    const offsets: number[] = [];
    page.on('request', (request) => {
      if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
    });
    await slowUploads(page, undefined);
    await up('alpha', new URL(addresses.get('alpha') ?? '').host);
    for (const name of ['bravo', 'charlie']) await up(name);
    await row('fourth.txt').getByText('Kept on 2 peers').waitFor({ state: 'attached' });
    expect(await isStored('fourth.txt')).toEqual([true, true]);
    expect(offsets[0]).toBeGreaterThan(0);
    expect(serving()).toBe('alpha');
    await page.context().close();
  });

  it('leaves nobody’s unsaved text for another peer, and saves it when its own comes back', async () => {
    peers.drop('alpha', 'note.txt', 'a note\n');
    await openAt('alpha');
    await row('note.txt').click();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Text of note.txt').fill('typed and not saved\n');
    await peers.peer('alpha').kill();
    await page.getByText('What you typed is not saved').waitFor();
    // In between it would have asked the others, and have gone to one.
    for (let probes = 0; probes < 3; probes += 1) {
      await page.waitForRequest((request) => request.url() === `${addresses.get('alpha')}/healthz`);
    }
    expect(serving()).toBe('alpha');
    await up('alpha', new URL(addresses.get('alpha') ?? '').host);
    await page.getByText('What you typed is not saved').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('status').getByText('note.txt was saved.').waitFor();
    expect((await peers.filemesh(['download', 'note.txt', '--to', '-'])).output).toBe('typed and not saved');
    await page.context().close();
  });

  it('plays on, at the same second, when the peer dies that serves the film', async () => {
    const [holder = ''] = await holdersOf('film.webm');
    await openAt(holder, '#/files?open=film.webm');
    await film().waitFor();
    await playFrom(3);
    await playFrom(15);
    await expectMoreToCome();
    await picture(page, 'film');
    const [left, leftMs] = [await position(), performance.now()];
    await peers.peer(holder).kill();
    await page.waitForURL((url) => url.origin !== addresses.get(holder));
    await film().waitFor();
    // Before it is there, it is at nothing.
    await expect.poll(position).toBeGreaterThan(0);
    const arrived = await position();
    expect(arrived).toBeGreaterThanOrEqual(15);
    await expect.poll(position).toBeGreaterThan(arrived + 1.5);
    const { paused, videoWidth } = await film().evaluate((element) => {
      const { paused, videoWidth } = element as HTMLVideoElement;
      return { paused, videoWidth };
    });
    expect({ paused, videoWidth }).toEqual({ paused: false, videoWidth: 640 });
    // Near where it was, not from the start: what it played on meanwhile came from its own store.
    expect(arrived).toBeLessThan(left + (performance.now() - leftMs) / 1000 + 1);
    await playFrom(33);
    await up(holder);
    await page.context().close();
  });

  it('plays on when a machine dies that has the film, and is sought in', async () => {
    const holders = await until('the film lies on two machines', async () => {
      const all = await holdersOf('film.webm');
      return all.length === 2 && all;
    });
    const without = NAMES.find((name) => !holders.includes(name)) ?? '';
    await openAt(without, '#/files?open=film.webm');
    await film().waitFor();
    await playFrom(1);
    await expectMoreToCome();
    const [victim = ''] = holders;
    await peers.peer(victim).kill();
    await playFrom(30);
    expect(serving()).toBe(without);
    await page.getByText('2 peers here').waitFor();
    await page.goto(`${new URL(page.url()).origin}/#/mesh?file=film.webm`);
    await page.getByRole('status').getByText(`${victim} is away`).waitFor();
    await picture(page, 'mesh-one-away');
    expect(await nightPicture(page, 'mesh-one-away')).toEqual([]);
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
