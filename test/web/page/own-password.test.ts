import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAccountKey } from '../../../src/web/page/people/account-key.ts';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, hasBrowser, Person } from './browser.ts';
import { item, said } from './members.ts';

const [OLD, NEW] = ['the first long word', 'the next long word'];

describe.skipIf(!hasBrowser)('one’s own password in a browser', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  const key = newAccountKey(new Uint8Array(32).fill(1));
  let origin = '';
  let page: Page;

  const post = (path: string, body: object) =>
    fetch(`${origin}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const recipient = async (password: string) => {
    const answer = await post('/api/v1/login', { user: 'anna', password });
    return answer.ok ? ((await answer.json()) as { key: { recipient: string } | null }).key?.recipient : answer.status;
  };

  async function change(): Promise<void> {
    await item(page, 'anna').getByRole('button', { name: 'Password' }).click();
    await page.getByRole('dialog').getByLabel('Password').fill(OLD);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('dialog').getByLabel('New password').fill(NEW);
    await page.getByRole('button', { name: 'Change' }).click();
    await page.getByRole('dialog').getByText('opens with another password').waitFor();
  }

  beforeAll(async () => {
    origin = String((await peers.up('alpha')).http);
    expect((await post('/api/v1/users', { name: 'anna', password: OLD, key })).status).toBe(201);
    page = await person.open(`${origin}/#/people`);
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel('Password').fill(OLD);
  }, BROWSER_TEST_MS);
  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('logs in by a cookie that no script reads: none is told what is in it', async () => {
    const login = page.waitForResponse('**/api/v1/login');
    await page.getByRole('button', { name: 'Log in' }).click();
    expect(Object.keys((await (await login).json()) as object)).not.toContain('token');
    await item(page, 'anna').waitFor();
    expect(await page.evaluate(() => document.cookie)).toBe('');
  });

  it('ends no sealing key unasked that it does not open: then it stays as it was', async () => {
    await change();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(await recipient(OLD)).toBe(key.recipient);
  });

  it('begins a new one when its owner says so', async () => {
    await change();
    await page.getByRole('button', { name: 'Begin a new one' }).click();
    await said(page, 'Your password was changed.');
    expect(await recipient(OLD)).toBe(401);
    expect(await recipient(NEW)).toMatch(/^age1/);
    expect(await recipient(NEW)).not.toBe(key.recipient);
  });

  it('is told in the log, which can be read to its beginning', async () => {
    const entry = (at: number) => ({
      at,
      time: new Date(at).toISOString(),
      user: 'anna',
      action: 'login',
      from: '',
      peer: 'alpha',
    });
    let letGo = (): void => undefined;
    const isHeld = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let asked = 0;
    // As of a mesh in which much was done since.
    await page.route('**/api/v1/log?*', async (route) => {
      const before = new URL(route.request().url()).searchParams.get('before');
      if (before === '1000') {
        asked += 1;
        await isHeld;
        return await route.continue({ url: route.request().url().replace('before=1000', 'before=9999999999999') });
      }
      return await route.fulfill({
        json: {
          entries: [
            { ...entry(2000), subject: 'later' },
            { ...entry(1000), subject: '' },
          ],
          more: true,
        },
      });
    });
    await page.goto(`${origin}/#/people/log`);
    await page.getByRole('cell', { name: 'logged in later' }).waitFor();
    // Whoever clicks twice reads nothing twice.
    await page.getByRole('button', { name: /^Look further back than/ }).dblclick();
    letGo();
    await page.getByRole('cell', { name: 'changed the password of anna' }).waitFor();
    await page.getByRole('cell', { name: 'logged in later' }).waitFor();
    expect(await page.getByRole('button', { name: /^Look further back/ }).count()).toBe(0);
    expect(asked).toBe(1);
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
