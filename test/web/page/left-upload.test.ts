import { appendFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, hasBrowser, Person } from './browser.ts';

const TEXT = 'all of it was sent';

describe.skipIf(!hasBrowser)('an upload of which all had left the page when it was closed', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  const places = new Map<string, string>();
  let page: Page;

  const upload = (name: string) => page.getByRole('region', { name: 'Uploads' }).getByRole('listitem').filter({ hasText: name });

  async function begin(http: string, name: string): Promise<void> {
    const metadata = `path ${Buffer.from(name).toString('base64')}`;
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': String(TEXT.length), 'upload-metadata': metadata };
    places.set(name, (await fetch(`${http}/tus/`, { method: 'POST', headers })).headers.get('location') ?? '');
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
    const { length } = TEXT;
    const kept = [...places].map(([path, url]) => ({ path, url, size: length, sent: length, modified: 1_700_000_000_000 }));
    await page.evaluate((text) => localStorage.setItem('filemesh-uploads//closed', text), JSON.stringify(kept));
    await page.reload();
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

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
