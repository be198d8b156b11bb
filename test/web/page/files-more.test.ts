import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, detailsOf, drop, findings, focused, goTo, hasBrowser, Person, picture } from './browser.ts';
import { crc32 } from './crc-32.ts';

/** More than two pages of a list. */
const LONG = Array.from({ length: 600 }, (_, index) => `${String(index).padStart(4, '0')}.txt`);

describe.skipIf(!hasBrowser)('folders and pictures in a browser', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let origin = '';
  let page: Page;

  const row = (name: string) => page.getByRole('row').filter({ hasText: name });
  const details = () => detailsOf(page);
  const shown = async (pattern: string) => (await peers.value(0, ['show', pattern])) as { path: string; copies: number }[];
  const paths = async (pattern: string) => (await shown(pattern)).map(({ path }) => path);
  const put = (peer: string, path: string, bytes: Buffer) => {
    mkdirSync(dirname(join(peers.place, peer, path)), { recursive: true });
    writeFileSync(join(peers.place, peer, path), bytes);
  };

  beforeAll(async () => {
    put('alpha', 'picture.png', png(200, 40, 60));
    peers.drop('alpha', 'trip/day 1.txt', 'sun');
    peers.drop('alpha', 'trip/later/day 2.txt', 'rain');
    for (const name of ['one', 'two', 'three']) peers.drop('alpha', `heap/${name}.txt`, name);
    for (const name of LONG) peers.drop('alpha', `long/${name}`, name);
    const first = await peers.up('alpha', '--http', '127.0.0.1:0');
    await peers.up('bravo', '--http', '127.0.0.1:0');
    await peers.up('charlie', '--http', '127.0.0.1:0');
    origin = String(first.http);
    page = await person.open(origin);
    await row('picture.png').waitFor();
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('shows a picture, and two that clash beside each other; both can be kept', async () => {
    await row('picture.png').click();
    await details().getByRole('img', { name: 'picture.png' }).waitFor();
    await expect.poll(() => widths(details().locator('figure img'))).toEqual([32]);
    await row('picture.png').getByText('Kept on 2 peers').waitFor({ state: 'attached' });
    const [entry] = (await peers.value(0, ['show', 'picture.png'])) as { holders: string[] }[];
    const other = ['alpha', 'bravo', 'charlie'].find((name) => !entry?.holders.includes(name)) ?? '';
    put(other, 'picture.png', png(40, 90, 200));
    await details()
      .getByRole('button', { name: `Keep ${other}’s` })
      .waitFor();
    await expect.poll(() => widths(details().locator('.side img'))).toEqual([32, 32]);
    await picture(page, 'conflict-pictures');
    expect(await findings(page)).toEqual([]);
    await details()
      .getByRole('button', { name: /^Keep both/ })
      .click();
    await row(`picture (${other}).png`).waitFor();
    expect((await paths('picture*')).length).toBe(2);
  });

  it('stores what is dropped while it shows something else', async () => {
    await goTo(page, 'mesh');
    // Where nobody takes it the browser opens what is dropped, in the place of the page.
    const isTaken = await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([''], 'a'));
      return !document.body.dispatchEvent(new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer }));
    });
    expect(isTaken).toBe(true);
    await drop(page, [
      { name: 'from the map.txt', text: 'from the map' },
      { name: 'empty.txt', text: '' },
    ]);
    await page.getByRole('region', { name: 'Uploads' }).getByText('2 files stored').waitFor();
    expect([...(await paths('from the map.txt')), ...(await paths('empty.txt'))]).toEqual(['from the map.txt', 'empty.txt']);
  });

  it('gives a folder as one zip, with what lies below', async () => {
    await page.goto(`${origin}/#/files/trip`);
    await row('day 1.txt').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download this folder as a zip' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('trip.zip');
    const zip = readFileSync(await download.path());
    expect(zip.subarray(0, 2).toString()).toBe('PK');
    for (const part of ['day 1.txt', 'later/day 2.txt', 'sun', 'rain']) expect(zip.includes(part), part).toBe(true);
  });

  it('renames a folder with all below it, and takes that back', async () => {
    await page.goto(`${origin}/#/files`);
    await row('trip').waitFor();
    await page.locator('#grid').focus();
    await page.keyboard.press('End');
    const active = () => page.locator('.row.active .title').textContent();
    for (let name = await active(); name !== 'trip'; name = await active()) {
      await page.keyboard.press('ArrowUp');
      await expect.poll(active).not.toBe(name);
    }
    await page.keyboard.press('F2');
    await page.getByRole('dialog').getByRole('textbox').fill('journey');
    await page.keyboard.press('Enter');
    await row('journey').waitFor();
    await row('trip').waitFor({ state: 'detached' });
    expect(await paths('journey')).toEqual(['journey/day 1.txt', 'journey/later/day 2.txt']);
    await page.getByRole('button', { name: 'Undo' }).click();
    await row('trip').waitFor();
  });

  it('deletes several at once, lists them as deleted, and brings one back', async () => {
    await page.goto(`${origin}/#/files/heap`);
    await row('one.txt').waitFor();
    await page.locator('#grid').focus();
    const selected = (count: string) => page.getByRole('toolbar').getByText(`${count} selected`).waitFor();
    await page.keyboard.press('Control+a');
    await selected('3 items');
    await page.keyboard.press('Escape');
    await row('one.txt').click({ modifiers: ['Control'] });
    await selected('1 item');
    await row('two.txt').click({ modifiers: ['Shift'] });
    await selected('3 items');
    await page.keyboard.press('Escape');
    for (const key of ['Home', 'Shift+ArrowDown']) await page.keyboard.press(key);
    await selected('2 items');
    await picture(page, 'selected');
    expect(await findings(page)).toEqual([]);
    await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
    await row('one.txt').waitFor({ state: 'detached' });
    expect(await paths('heap')).toEqual(['heap/two.txt']);
    await focused(page, '#grid');
    await page.getByRole('link', { name: 'Deleted' }).click();
    await row('three.txt').getByRole('button', { name: 'Restore' }).press('Enter');
    await picture(page, 'deleted');
    await row('three.txt').waitFor({ state: 'detached' });
    expect(await findings(page)).toEqual([]);
    expect(await paths('heap')).toEqual(['heap/three.txt', 'heap/two.txt']);
  });

  it('says what of many could not be deleted, and brings the others back', async () => {
    await page.goto(`${origin}/#/files/heap`);
    await row('three.txt').waitFor();
    await page.route('**/files/heap/two.txt', (route) => {
      const refusal = { error: { code: 'not-allowed', message: 'you may read heap/two.txt, not change it' } };
      return route.request().method() === 'DELETE' ? route.fulfill({ status: 403, json: refusal }) : route.continue();
    });
    await page.locator('#grid').focus();
    for (const key of ['Control+a', 'Delete']) await page.keyboard.press(key);
    const notices = page.getByRole('status');
    await notices.getByText('two.txt was not deleted: You may read heap/two.txt, not change it.').waitFor();
    // What has the keys does not go by itself, however long it is looked at.
    const undo = page.locator('.notice').filter({ hasText: '1 item was deleted.' }).getByRole('button', { name: 'Undo' });
    await undo.focus();
    await row('three.txt').waitFor({ state: 'detached' });
    await picture(page, 'not-allowed');
    expect(await findings(page)).toEqual([]);
    await undo.click();
    await row('three.txt').waitFor();
    await page.unroute('**/files/heap/two.txt');
    expect(await paths('heap')).toEqual(['heap/three.txt', 'heap/two.txt']);
  });

  it('brings back several that were deleted', async () => {
    await page.goto(`${origin}/#/files/heap`);
    await row('three.txt').waitFor();
    await page.locator('#grid').focus();
    for (const key of ['Control+a', 'Delete']) await page.keyboard.press(key);
    await page.getByText('Nothing here yet').waitFor();
    await page.goto(`${origin}/#/files?show=deleted`);
    for (const name of ['two.txt', 'three.txt']) await row(name).click({ modifiers: ['Control'] });
    await page.getByRole('toolbar').getByRole('button', { name: 'Restore' }).click();
    await page.getByRole('status').getByText('2 files are back.').waitFor();
    expect(await paths('heap')).toEqual(['heap/three.txt', 'heap/two.txt']);
  });

  it('asks before a folder goes', async () => {
    await page.goto(`${origin}/#/files`);
    await row('heap').waitFor();
    await page.locator('#grid').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Delete');
    await page.getByRole('dialog').getByRole('heading', { name: 'Delete heap?' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await paths('heap')).length).toBe(2);
    await page.keyboard.press('Delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await row('heap').waitFor({ state: 'detached' });
  });

  it('reads a long list as one goes through it, and draws no more of it than is in sight', async () => {
    // A copy that is made of one of them changes the list, which then is read anew.
    await expect.poll(async () => (await shown('long')).filter(({ copies }) => copies === 2).length).toBe(LONG.length);
    const pages: string[] = [];
    page.on('request', (request) => {
      const { pathname, searchParams } = new URL(request.url());
      if (pathname === '/api/v1/folder') pages.push(searchParams.get('after') ?? '');
    });
    await page.goto(`${origin}/#/files/long`);
    await row('0000.txt').waitFor();
    const drawn = () => page.locator('.row').count();
    expect(pages.filter((after) => after !== '')).toEqual([]);
    expect(await drawn()).toBeLessThan(60);
    await page.locator('#grid').focus();
    await expect
      .poll(async () => {
        await page.keyboard.press('End');
        expect(await drawn()).toBeLessThan(60);
        return await page.locator('.row.active .title').textContent();
      })
      .toBe(LONG.at(-1));
    await page.keyboard.press('Control+a');
    await page.getByRole('toolbar').getByText('Too many for one zip').waitFor();
    await page.keyboard.press('Escape');
    expect(new Set(pages.filter((after) => after !== '')).size).toBe(2);
    expect(pages.filter((after) => after === '').length).toBeLessThan(4);
    await page.keyboard.press('Home');
    await row('0000.txt').waitFor();
    await page.getByRole('columnheader', { name: 'Name' }).getByRole('button').press('Enter');
    await row('0599.txt').waitFor();
    expect(await page.locator('.row .title').first().textContent()).toBe('0599.txt');
  });

  it('asks for what is seen first at once, and for no more than a few screens of it', async () => {
    const fresh = await person.open('about:blank');
    let letIn = (): void => undefined;
    const isHeld = new Promise<void>((resolve) => {
      letIn = resolve;
    });
    await fresh.route('**/api/v1/session', async (route) => {
      await isHeld;
      await route.continue();
    });
    const [request] = await Promise.all([fresh.waitForRequest('**/api/v1/folder?*'), fresh.goto(`${origin}/#/files/long`)]);
    expect(Number(new URL(request.url()).searchParams.get('limit'))).toBeLessThanOrEqual(100);
    letIn();
    await fresh.getByRole('row').filter({ hasText: '0000.txt' }).waitFor();
    await fresh.context().close();
  });

  it('shows a list that takes its time, whatever changes meanwhile, and then the changes', async () => {
    const given: string[] = [];
    page.on('requestfailed', (request) => given.push(new URL(request.url()).pathname));
    await page.route('**/api/v1/folder?*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      await route.continue();
    });
    await page.goto(`${origin}/#/files/trip`);
    for (let change = 0; change < 12; change += 1) {
      peers.drop('alpha', `trip/change ${change}.txt`, 'new');
      await page.waitForTimeout(100);
    }
    await row('change 11.txt').waitFor();
    expect(given.filter((path) => path === '/api/v1/folder')).toEqual([]);
    await page.unrouteAll({ behavior: 'wait' });
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});

/** Of pictures that were loaded; 0 for one that was not. */
function widths(pictures: ReturnType<Page['locator']>): Promise<number[]> {
  return pictures.evaluateAll((all) => all.map((one) => (one as HTMLImageElement).naturalWidth));
}

/** A square of one colour, 32 by 32. */
function png(red: number, green: number, blue: number): Buffer {
  const line = Buffer.concat([Buffer.from([0]), ...Array.from({ length: 32 }, () => Buffer.from([red, green, blue]))]);
  const head = Buffer.from([0, 0, 0, 32, 0, 0, 0, 32, 8, 2, 0, 0, 0]);
  const body = deflateSync(Buffer.concat(Array.from({ length: 32 }, () => line)));
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    ...[chunk('IHDR', head), chunk('IDAT', body), chunk('IEND', Buffer.alloc(0))],
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
