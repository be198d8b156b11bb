import { randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, findings, hasBrowser, Person, picture } from './browser.ts';

describe.skipIf(!hasBrowser)('the map of the whole mesh', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let page: Page;
  let bravo = '';

  const way = () => page.getByRole('region', { name: 'On its way' });

  beforeAll(async () => {
    // No room on alpha, so that what bravo has can go to charlie alone; and so slow that it is on its way for minutes.
    const first = await peers.up('alpha', '--http', '127.0.0.1:0', '--capacity', '4096');
    bravo = String((await peers.up('bravo', '--http', 'off', '--limit-up', '64KiB')).id);
    await peers.up('charlie', '--http', 'off');
    page = await person.open(`${first.http}/#/mesh`);
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('shows the link of two others, and what one of them sends the other', async () => {
    await page.getByRole('img', { name: /3 links between them/ }).waitFor();
    expect(await page.locator('svg .link').count()).toBe(3);
    await way().getByText('Nothing is seen to travel right now.').waitFor();
    expect(await page.locator('svg .flow').count()).toBe(0);
    peers.drop('bravo', 'large.txt', randomBytes(16 * 1024 * 1024).toString('hex'));
    await way()
      .getByRole('listitem')
      .filter({ hasText: /^bravo.*charlie/ })
      .first()
      .waitFor();
    await page.locator('svg .flow').first().waitFor({ state: 'attached' });
    const card = page.getByRole('region', { name: 'Peers', exact: true }).getByRole('article').filter({ hasText: 'charlie' });
    await card.getByText(/ sent, .+ received$/).waitFor();
    await picture(page, 'mesh-whole');
    expect(await findings(page)).toEqual([]);
  });

  it('asks nobody while another view is looked at', async () => {
    let asked = 0;
    page.on('request', (request) => {
      if (request.url().endsWith('/api/v1/traffic')) asked++;
    });
    await expect.poll(() => asked).toBeGreaterThan(1);
    await page.getByRole('link', { name: 'Files', exact: true }).click();
    await page.getByRole('row').filter({ hasText: 'large.txt' }).waitFor();
    const before = asked;
    // As long as two more would have taken.
    await page.waitForTimeout(5_000);
    expect(asked).toBe(before);
  });

  it('says who does not tell', async () => {
    await page.route('**/api/v1/traffic', (route) => route.fulfill({ json: { atMs: 1, peers: [], silent: [bravo] } }));
    await page.getByRole('link', { name: 'Mesh', exact: true }).click();
    await page.getByText('bravo does not say what it moves').first().waitFor();
    await page.getByRole('img', { name: /2 links between them/ }).waitFor();
    expect(person.complaints).toEqual([]);
  });
});
