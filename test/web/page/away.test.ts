import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, detailsOf, findings, hasBrowser, nightPicture, Person, picture } from './browser.ts';

describe.skipIf(!hasBrowser)('what lies with a peer that goes away', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let origin = '';
  let page: Page;

  const row = (name: string) => page.getByRole('row').filter({ hasText: name });
  const keep = (name: string) => detailsOf(page).getByRole('button', { name: `Keep ${name}’s` });
  const versions = async () => {
    const [file] = (await peers.value(0, ['show', 'clash.txt'])) as { available: boolean; versions: { origin: string }[] }[];
    return { available: file?.available, versions: file?.versions.sort((a, b) => (a.origin < b.origin ? -1 : 1)) };
  };

  beforeAll(async () => {
    // Under one name before they met, and each with one copy: of both versions each peer has its own.
    for (const name of ['alpha', 'bravo']) for (const file of ['clash.txt', 'other.txt']) peers.drop(name, file, `of ${name}`);
    peers.drop('bravo', 'far.txt', 'far away');
    origin = String((await peers.up('alpha', '--replicas', '1')).http);
    await peers.up('bravo');
    page = await person.open(origin);
    for (const file of ['clash.txt', 'other.txt']) await row(file).getByText('2 versions').waitFor();
    await row('far.txt').getByText('Kept on 1 peer').waitFor({ state: 'attached' });
  }, BROWSER_TEST_MS);
  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('is seen to be away, though no file changed', async () => {
    await peers.peer('bravo').kill();
    await row('far.txt').getByText('Away with bravo').waitFor({ state: 'attached' });
  });

  it('keeps nobody from the version of a conflict that is here', async () => {
    await row('clash.txt').getByText('The version of bravo cannot be had now').waitFor({ state: 'attached' });
    await row('clash.txt').click();
    await detailsOf(page).getByText('cannot be had until a peer that has it is back').waitFor();
    await keep('alpha').waitFor();
    expect(await keep('bravo').count()).toBe(0);
    expect(await page.getByRole('alert').count()).toBe(0);
    await picture(page, 'conflict-away');
    expect(await findings(page)).toEqual([]);
    expect(await nightPicture(page, 'conflict-away')).toEqual([]);
    expect(await versions()).toMatchObject({
      available: true,
      versions: [{ origin: 'alpha' }, { origin: 'bravo', unavailable: true }],
    });
    await peers.value(0, ['resolve', 'other.txt', '--keep', 'alpha']);
    expect((await peers.filemesh(['download', 'other.txt', '--to', '-'])).output).toBe('of alpha');
  });

  it('is there again by itself once its peer is back', async () => {
    // A text may be had a moment later than that is told.
    let refused = 0;
    const refusal = { error: { code: 'unavailable', message: 'no holder is here' } };
    await page.route('**/files/clash.txt?*', (route) => {
      return ++refused > 2 ? route.continue() : route.fulfill({ status: 503, json: refusal });
    });
    await peers.up('bravo');
    await row('far.txt').getByText('Kept on 1 peer').waitFor({ state: 'attached' });
    await keep('bravo').waitFor();
    expect((await versions()).versions).toEqual([
      expect.not.objectContaining({ unavailable: true }),
      expect.not.objectContaining({ unavailable: true }),
    ]);
  });

  it('compares two texts once, whoever else comes and goes', async () => {
    await detailsOf(page).getByRole('region', { name: 'Differences' }).waitFor();
    await page.unroute('**/files/clash.txt?*');
    const asked: string[] = [];
    page.on('response', (response) => asked.push(new URL(response.url()).pathname));
    const news = () => asked.filter((path) => path === '/api/v1/where').length;
    await peers.up('charlie');
    await expect.poll(news).toBeGreaterThan(0);
    const before = news();
    await peers.peer('charlie').kill();
    await expect.poll(news).toBeGreaterThan(before);
    expect(asked.filter((path) => path === '/files/clash.txt')).toEqual([]);
  });

  it('compares two others when one of three ends, and shows of no two what was wrong with others', async () => {
    const third = 'f'.repeat(64);
    let isThird = true;
    await page.route('**/api/v1/where?*', async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      if (isThird) json.versions?.push({ ...json.versions[0], version: third, origin: 'charlie' });
      await route.fulfill({ response, json });
    });
    await page.reload();
    const side = (name: string) => detailsOf(page).getByLabel(`Version on the ${name}`);
    const left = await side('left').locator('option:checked').textContent();
    await side('right').selectOption({ label: 'charlie' });
    // Nobody has a text of that hash.
    await detailsOf(page).getByRole('alert').waitFor();
    let answer = (): void => undefined;
    const isDue = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/files/clash.txt?*', async (route) => {
      await isDue;
      await route.continue();
    });
    await side('left').selectOption({ label: left === 'alpha' ? 'bravo' : 'alpha' });
    await detailsOf(page).getByText('Comparing …').waitFor();
    expect(await detailsOf(page).getByRole('alert').count()).toBe(0);
    answer();
    await detailsOf(page).getByRole('alert').waitFor();
    isThird = false;
    await peers.up('charlie');
    await side('left').waitFor({ state: 'detached' });
    await detailsOf(page).getByRole('region', { name: 'Differences' }).waitFor();
    for (const name of ['alpha', 'bravo']) expect(await keep(name).count()).toBe(1);
    await page.unrouteAll({ behavior: 'wait' });
    await peers.peer('charlie').kill();
  });

  it('leaves the way to pages that were known before, if it is the own peer and told of none yet', async () => {
    const next = await page.context().newPage();
    await next.route('**/api/v1/events', (route) => route.abort());
    await next.goto(origin);
    await next.getByRole('row').filter({ hasText: 'clash.txt' }).waitFor();
    await peers.peer('alpha').kill();
    // Where rows took long it had asked in vain before, and asks ever more rarely.
    await next.getByRole('link', { name: 'Go to bravo' }).first().waitFor();
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
