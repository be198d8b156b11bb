import type { Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, drop, findings, hasBrowser, Person, picture } from './browser.ts';

/** So long it is counted how often the page asks a peer that has no time for it: a page without patience asks hundreds of times. */
const COUNTED_MS = 5_000;
const ASKED_MAX = 6;
/** After so many in vain a page waits 24 s at least before the next. */
const TRIES = 6;

const refusal = (status: number, code: string, headers: Record<string, string> = {}) => ({
  status,
  headers,
  contentType: 'application/json',
  body: JSON.stringify({ error: { code, message: `no: ${code}` } }),
});

describe.skipIf(!hasBrowser)('a page whose peer has no time for it', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let origin = '';
  let page: Page;

  const tray = () => page.getByRole('region', { name: 'Uploads' });
  const stored = (name: string) =>
    tray()
      .getByRole('listitem')
      .filter({ hasText: name })
      .getByText(/ stored$/)
      .waitFor();

  async function open(): Promise<void> {
    page = await person.open(origin);
    await page.getByRole('region', { name: 'Files' }).waitFor();
    await page.getByText('1 peer here').waitFor();
  }

  /** Answers the parts of uploads; undefined: the peer does. */
  async function parts(answer: (count: number) => ReturnType<typeof refusal> | undefined): Promise<{ count: number }> {
    const asked = { count: 0 };
    await page.route('**/tus/*', async (route: Route) => {
      const given = route.request().method() === 'PATCH' ? answer(++asked.count) : undefined;
      await (given === undefined ? route.continue() : route.fulfill(given));
    });
    return asked;
  }

  /** How many uploads the peer is asked to forget from now on. */
  function forgotten(): { count: number } {
    const heard = { count: 0 };
    page.on('response', (response) => {
      if (response.request().method() === 'DELETE' && response.status() === 204) heard.count++;
    });
    return heard;
  }

  beforeAll(async () => {
    origin = String((await peers.up('alpha', '--http', '127.0.0.1:0')).http);
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('waits longer each time before it sends again, says so, and stores the file in the end', async () => {
    await open();
    let isBusy = true;
    const asked = await parts(() => (isBusy ? refusal(503, 'busy', { 'retry-after': '1' }) : undefined));
    await drop(page, [{ name: 'busy.txt', text: 'sent in the end' }]);
    await tray().getByText('Tries again by itself').waitFor();
    await page.waitForTimeout(COUNTED_MS);
    expect(asked.count).toBeLessThanOrEqual(ASKED_MAX);
    isBusy = false;
    await stored('busy.txt');
    await page.context().close();
  });

  it('waits as long as it is asked to, and not at all once it is paused', async () => {
    await open();
    const asked = await parts(() => refusal(503, 'busy', { 'retry-after': '100' }));
    await drop(page, [{ name: 'hour.txt', text: 'later' }]);
    await tray().getByText('Tries again by itself').waitFor();
    await page.waitForTimeout(COUNTED_MS);
    expect(asked.count).toBe(1);
    await page.unroute('**/tus/*');
    await tray().getByRole('button', { name: 'Pause hour.txt' }).click();
    await tray().getByRole('button', { name: 'Go on with hour.txt' }).click();
    await stored('hour.txt');
    await page.context().close();
  });

  it.each([
    [408, 'timeout'],
    [409, 'overtaken'],
    [429, 'busy'],
  ])('goes on after a %i (%s), which passes', async (status, code) => {
    await open();
    await parts((count) => (count === 1 ? refusal(status, code) : undefined));
    await drop(page, [{ name: `${code}.txt`, text: 'sent' }]);
    await stored(`${code}.txt`);
    await page.context().close();
  });

  it('goes on as soon as its peer is back, however long it would have waited', async () => {
    await open();
    let failed = 0;
    page.on('requestfailed', (request) => {
      if (request.method() === 'POST' && request.url().endsWith('/tus/')) failed++;
    });
    await page.clock.install();
    await page.reload();
    await page.getByText('1 peer here').waitFor();
    // From here on no time passes but what the test lets pass.
    await page.clock.pauseAt(new Date(Date.now() + 3_600_000));
    await peers.peer('alpha').kill();
    await drop(page, [{ name: 'back.txt', text: 'sent once it was back' }]);
    await tray().getByText('Goes on when it is back').waitFor();
    const letPass = async (ms: number) => {
      await page.clock.runFor(ms);
      return failed;
    };
    await expect.poll(() => letPass(1_000)).toBeGreaterThanOrEqual(TRIES);
    await peers.up('alpha', '--http', new URL(origin).host);
    let leftMs = 16_000;
    const isStored = tray().getByText(/ stored$/);
    await expect
      .poll(async () => {
        if (leftMs > 0) await letPass(1_000);
        leftMs -= 1_000;
        return await isStored.count();
      })
      .toBeGreaterThan(0);
    await page.context().close();
  });

  it('goes on by itself when a connection breaks while the peer stays', async () => {
    await open();
    let count = 0;
    await page.route('**/tus/*', async (route) => {
      if (route.request().method() === 'PATCH' && ++count === 1) await route.abort('connectionreset');
      else await route.continue();
    });
    await drop(page, [{ name: 'broken.txt', text: 'sent' }]);
    await stored('broken.txt');
    await page.context().close();
  });

  it('asks for news seldom where there is no room for its stream, says so, and gets them once there is', async () => {
    page = await person.open('about:blank');
    let asked = 0;
    let isFull = true;
    await page.route('**/api/v1/events', async (route) => {
      asked++;
      await (isFull ? route.fulfill(refusal(503, 'busy')) : route.continue());
    });
    await page.goto(origin);
    await page.getByText('This page does not show what changes').waitFor();
    await page.waitForTimeout(COUNTED_MS);
    expect(asked).toBeLessThanOrEqual(ASKED_MAX);
    isFull = false;
    await page.getByText('1 peer here').waitFor();
    expect(await page.getByText('This page does not show what changes').count()).toBe(0);
    await page.context().close();
  });

  it('begins by itself once the peer has time for it', async () => {
    page = await person.open('about:blank');
    let asked = 0;
    await page.route('**/api/v1/session', (route) => (++asked <= 2 ? route.fulfill(refusal(503, 'busy')) : route.continue()));
    await page.goto(origin);
    await page.getByText('The page tries again by itself').waitFor();
    await page.getByText('1 peer here').waitFor();
    await page.context().close();
  });

  /** Holds back the answer to the announcement of an upload, which the peer has begun by then. */
  async function announcements() {
    const held = { count: 0, answer: (): void => undefined };
    const isDue = new Promise<void>((resolve) => {
      held.answer = resolve;
    });
    await page.route('**/tus/', async (route) => {
      const response = await route.fetch();
      held.count++;
      await isDue;
      await route.fulfill({ response });
    });
    return held;
  }

  it('goes on with the upload that was paused while it was announced, and begins no second one', async () => {
    await open();
    const held = await announcements();
    await drop(page, [{ name: 'early.txt', text: 'paused early' }]);
    await expect.poll(() => held.count).toBe(1);
    await tray().getByRole('button', { name: 'Pause early.txt' }).click();
    await tray().getByText('Paused at').waitFor();
    await tray().getByRole('button', { name: 'Go on with early.txt' }).click();
    held.answer();
    await stored('early.txt');
    expect(held.count).toBe(1);
    await page.context().close();
  });

  it('lets the peer forget what was given up while it was announced', async () => {
    await open();
    const heard = forgotten();
    const held = await announcements();
    await drop(page, [{ name: 'never.txt', text: 'given up' }]);
    await expect.poll(() => held.count).toBe(1);
    await tray().getByRole('button', { name: 'Give up never.txt' }).click();
    await tray().waitFor({ state: 'detached' });
    held.answer();
    await expect.poll(() => heard.count).toBe(1);
    await page.context().close();
  });

  it('says that no machine has room', async () => {
    await open();
    const full = { error: { code: 'full', message: 'all peers together have no room for this file' } };
    await page.route('**/tus/', (route) => route.fulfill({ status: 507, json: full }));
    await drop(page, [{ name: 'large.iso', text: 'too large' }]);
    await tray().getByText('All peers together have no room for this file.').waitFor();
    await page.getByRole('status').getByText('large.iso was not stored').waitFor();
    await tray().getByRole('heading', { name: '1 file not stored' }).waitFor();
    await picture(page, 'disk-full');
    expect(await findings(page)).toEqual([]);
    await page.context().close();
  });

  it('lets the peer forget what was refused for good', async () => {
    await open();
    const heard = forgotten();
    await parts(() => refusal(412, 'overtaken'));
    await drop(page, [{ name: 'refused.txt', text: 'refused' }]);
    await tray().getByText('No: overtaken.').waitFor();
    await expect.poll(() => heard.count).toBe(1);
    await page.context().close();
  });

  it('remembers what failed over a reload, and lets the peer forget it when it is closed', async () => {
    await open();
    await parts(() => refusal(500, 'failed'));
    await drop(page, [{ name: 'failed.txt', text: 'failed' }]);
    await tray().getByText('No: failed.').waitFor();
    const heard = forgotten();
    await page.reload();
    await tray().getByText('Choose the file again').waitFor();
    await drop(page, [{ name: 'failed.txt', text: 'failed' }]);
    await tray().getByText('No: failed.').waitFor();
    expect(heard.count).toBe(0);
    await tray().getByRole('button', { name: 'Close' }).click();
    await expect.poll(() => heard.count).toBe(1);
    await page.context().close();
  });
});
