import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, findings, focused, hasBrowser, Person, picture } from './browser.ts';
import { row } from './members.ts';

const PASSWORDS = { anna: 'violet candle of anna', ben: 'a bridge made by ben' };

describe.skipIf(!hasBrowser)('a login in a browser', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let origin = '';

  const door = (page: Page) => page.getByRole('button', { name: 'Log in' });

  async function post(path: string, body: unknown, by = ''): Promise<void> {
    const headers = { 'content-type': 'application/json', ...(by && { authorization: `Basic ${btoa(by)}` }) };
    const answer = await fetch(`${origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}: ${await answer.text()}`);
  }

  async function login(page: Page, user: string, password: string): Promise<void> {
    await page.getByLabel('Name').fill(user);
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
  }

  async function openAsBen(place = ''): Promise<Page> {
    const page = await person.open(`${origin}/${place}`);
    await login(page, 'ben', PASSWORDS.ben);
    await page.getByRole('navigation', { name: 'Views' }).getByText('ben', { exact: true }).waitFor();
    return page;
  }

  beforeAll(async () => {
    peers.drop('alpha', 'docs/plan.txt', 'the plan\n');
    peers.drop('alpha', 'docs/other.txt', 'another one\n');
    peers.drop('alpha', 'shared.txt', 'of all\n');
    origin = String((await peers.up('alpha', '--http', '127.0.0.1:0')).http);
    const admin = `anna:${PASSWORDS.anna}`;
    await post('/api/v1/users', { name: 'anna', password: PASSWORDS.anna });
    await post('/api/v1/users', { name: 'ben', password: PASSWORDS.ben }, admin);
    await post('/api/v1/rights', { path: 'docs', who: 'everyone', right: 'read' }, admin);
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('is shown the door in every tab, once it was ended in one of them', async () => {
    const page = await openAsBen();
    const other = await page.context().newPage();
    await other.goto(origin);
    await row(other, 'docs').waitFor();
    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    await door(page).waitFor();
    await row(other, 'docs').click();
    await door(other).waitFor();
    expect(await other.getByText('docs').count()).toBe(0);
    await page.context().close();
  });

  it('that fails leaves the keys where the password is typed anew', async () => {
    const page = await person.open(origin);
    await page.getByLabel('Name').fill('ben');
    await page.getByLabel('Password').fill('a wrong password');
    await door(page).press('Enter');
    await page.getByRole('alert').waitFor();
    await focused(page, '[name=password]');
    await page.keyboard.type(PASSWORDS.ben);
    await page.keyboard.press('Enter');
    await row(page, 'docs').waitFor();
    await page.context().close();
  });

  it('is offered in a folder what may be done there', async () => {
    const page = await openAsBen('#/files/docs');
    await row(page, 'plan.txt').waitFor();
    await page.getByText('You may read this folder, not change it.').waitFor();
    const offers = page.getByRole('button', { name: /^(Upload|New text|Rename|Delete)/ });
    await page.locator('#grid').focus();
    await page.keyboard.press('Control+a');
    await page.getByRole('toolbar').getByText('2 items selected').waitFor();
    expect(await offers.count()).toBe(0);
    await picture(page, 'read-only');
    expect(await findings(page)).toEqual([]);
    await page.getByRole('link', { name: 'Files', exact: true }).click();
    await page.getByRole('button', { name: 'Upload', exact: true }).waitFor();
    await page.goto(`${origin}/#/files/docs?open=docs/plan.txt`);
    await page.getByRole('link', { name: 'Who may do what with it' }).click();
    await page.getByRole('listitem').filter({ hasText: 'Everyone' }).getByText('may read', { exact: true }).waitFor();
    expect(await page.getByLabel('Folder or file').inputValue()).toBe('docs/plan.txt');
    await page.goto(`${origin}/#/files/home`);
    await page.getByText('You may read this folder, not change it.').waitFor();
    await page.goto(`${origin}/#/files/home/ben`);
    await page.getByText('Nothing here yet').waitFor();
    await page.getByRole('button', { name: 'Upload', exact: true }).waitFor();
    await page.context().close();
  });

  it('is needed first for what is dropped, which the browser does not open either', async () => {
    const page = await person.open(origin);
    await door(page).waitFor();
    const isLeft = await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['too early'], 'early.txt'));
      const drag = { bubbles: true, cancelable: true, dataTransfer };
      return ['dragover', 'drop'].map((type) => document.body.dispatchEvent(new DragEvent(type, drag)));
    });
    expect(isLeft).toEqual([false, false]);
    await page.getByRole('status').getByText('Log in first').waitFor();
    await login(page, 'ben', PASSWORDS.ben);
    await row(page, 'docs').waitFor();
    expect(await page.getByRole('region', { name: 'Uploads' }).count()).toBe(0);
    await page.context().close();
  });

  it('leaves to nobody else what one typed and did not save', async () => {
    const page = await openAsBen('#/files?open=shared.txt');
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.locator('textarea').fill('of ben alone\n');
    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    await door(page).waitFor();
    await login(page, 'ben', PASSWORDS.ben);
    await page.locator('textarea').waitFor();
    expect(await page.locator('textarea').inputValue()).toBe('of ben alone\n');
    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    await door(page).waitFor();
    await login(page, 'anna', PASSWORDS.anna);
    await page.getByRole('button', { name: 'Edit' }).waitFor();
    expect(await page.locator('textarea').count()).toBe(0);
    await page.context().close();
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
