import { appendFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, drop, hasBrowser, Person } from './browser.ts';

const TEXT = 'all of it was sent';
/** Wall ms: as a file has that is dropped here. */
const MODIFIED = 1_700_000_000_000;

describe.skipIf(!hasBrowser)('an upload of which all had left the page when it was closed', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  const places = new Map<string, string>();
  let page: Page;

  const upload = (name: string) => page.getByRole('region', { name: 'Uploads' }).getByRole('listitem').filter({ hasText: name });

  async function begin(http: string, name: string): Promise<void> {
    const [path, modified] = [name, String(MODIFIED)].map((text) => Buffer.from(text).toString('base64'));
    const metadata = `path ${path},modified ${modified}`;
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': String(TEXT.length), 'upload-metadata': metadata };
    places.set(name, (await fetch(`${http}/tus/`, { method: 'POST', headers })).headers.get('location') ?? '');
  }

  /** Makes the page one that was left when all of these had been sent. */
  async function leave(...names: readonly string[]): Promise<void> {
    const { length } = TEXT;
    const kept = names.map((path) => ({ path, url: places.get(path), size: length, sent: length, modified: MODIFIED }));
    await page.evaluate((text) => localStorage.setItem('filemesh-uploads//closed', text), JSON.stringify(kept));
    await page.reload();
  }

  beforeAll(async () => {
    const http = String((await peers.up('alpha', '--replicas', '1')).http);
    await begin(http, 'whole.txt');
    await begin(http, 'part.txt');
    await peers.peer('alpha').kill();
    // Of one all came, but its sender left before it was stored.
    const data = `${basename(places.get('whole.txt') ?? '')}.data`;
    const [file] = readdirSync(peers.place, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(data));
    appendFileSync(join(peers.place, file ?? ''), TEXT);
    page = await person.open(String((await peers.up('alpha')).http));
    await leave('whole.txt', 'part.txt');
  }, BROWSER_TEST_MS);
  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('is stored without the file, if all of it has come', async () => {
    await upload('whole.txt').getByText('stored').waitFor();
    expect((await peers.filemesh(['download', 'whole.txt', '--to', '-'])).output).toBe(TEXT);
  });

  it('needs the file for what has not come', async () => {
    await upload('part.txt').getByText('Choose the file again').waitFor();
    expect((await page.request.head(new URL('/files/part.txt', page.url()).href)).status()).toBe(404);
  });

  it('takes the file that is dropped before it is known to be needed', async () => {
    const { origin } = new URL(page.url());
    await begin(origin, 'early.txt');
    let answer = (): void => undefined;
    const isDue = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route(`**${places.get('early.txt')}`, async (route) => {
      if (route.request().method() === 'HEAD') await isDue;
      await route.continue();
    });
    await leave('early.txt');
    await upload('early.txt').waitFor();
    await drop(page, [{ name: 'early.txt', text: TEXT }]);
    answer();
    await upload('early.txt')
      .getByText(/ stored$/)
      .waitFor();
    expect((await peers.filemesh(['download', 'early.txt', '--to', '-'])).output).toBe(TEXT);
  });

  it('is known to be stored where the answer was lost with the page, and not where another file has its name', async () => {
    const { origin } = new URL(page.url());
    const tus = { 'tus-resumable': '1.0.0' };
    const part = { ...tus, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' };
    for (const name of ['told.txt', 'other.txt']) await begin(origin, name);
    const [told, other] = ['told.txt', 'other.txt'].map((name) => new URL(places.get(name) ?? '', origin));
    expect((await fetch(told ?? '', { method: 'PATCH', headers: part, body: TEXT })).status).toBe(204);
    expect((await fetch(other ?? '', { method: 'DELETE', headers: tus })).status).toBe(204);
    await peers.filemesh(['upload', '-', '--to', 'other.txt'], { input: TEXT });
    await leave('told.txt', 'other.txt');
    await upload('told.txt')
      .getByText(/ stored$/)
      .waitFor();
    await upload('other.txt').getByText('Choose the file again').waitFor();
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
