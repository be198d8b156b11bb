import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, drop, findings, hasBrowser, Person, picture } from './browser.ts';

const ADMIN_PASSWORD = 'correct horse battery';
const BEN_PASSWORD = 'another long word';

describe.skipIf(!hasBrowser)('people in a browser, with three peers', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  const addresses = new Map<string, string>();
  let admin: Page;

  const row = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });
  const said = (page: Page, text: string | RegExp) => page.getByRole('status').getByText(text).waitFor();
  const at = (peer: string, hash = '') => `${addresses.get(peer)}/${hash}`;

  async function login(page: Page, user: string, password: string): Promise<void> {
    await page.getByLabel('Name').fill(user);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  beforeAll(async () => {
    peers.drop('alpha', 'shared.txt', 'for all\n');
    peers.drop('alpha', 'reports/secret.txt', 'for some\n');
    for (const name of ['alpha', 'bravo', 'charlie']) {
      addresses.set(name, String((await peers.up(name, '--http', '127.0.0.1:0')).http));
    }
    admin = await person.open(at('alpha', '#/people'));
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('says what the first account changes, makes it, and is logged in with it', async () => {
    await admin.getByRole('heading', { name: 'Everybody may do everything' }).waitFor();
    await picture(admin, 'people-nobody');
    expect(await findings(admin)).toEqual([]);
    await admin.getByRole('button', { name: 'Make the first account' }).click();
    await admin.getByLabel('Name').fill('anna');
    await admin.getByLabel('Password').fill('short');
    await admin.getByRole('button', { name: 'Make account' }).click();
    await admin.getByRole('alert').getByText('at least 8 characters').waitFor();
    await admin.getByLabel('Password').fill(ADMIN_PASSWORD);
    await admin.getByRole('button', { name: 'Make account' }).click();
    await admin.getByRole('listitem').filter({ hasText: 'Looks after the mesh · you' }).waitFor();
  });

  it('never sends the password', async () => {
    const bodies: string[] = [];
    admin.on('request', (request) => bodies.push(request.postData() ?? ''));
    await admin.getByRole('button', { name: 'Add an account' }).click();
    await admin.getByLabel('Name').fill('ben');
    await admin.getByLabel('Password').fill(BEN_PASSWORD);
    await admin.getByRole('button', { name: 'Make account' }).click();
    await admin.getByRole('listitem').filter({ hasText: 'ben' }).waitFor();
    expect(bodies.join()).toContain('proof');
    expect(bodies.join()).not.toContain(BEN_PASSWORD);
    await picture(admin, 'people-accounts');
    expect(await findings(admin)).toEqual([]);
  });

  it('lets a stranger see nothing but the door, and tells a wrong password as such', async () => {
    const stranger = await person.open(at('bravo', '#/files?open=shared.txt'));
    await stranger.getByRole('button', { name: 'Log in' }).waitFor();
    await picture(stranger, 'login');
    expect(await findings(stranger)).toEqual([]);
    expect(await stranger.content()).not.toContain('for all');
    await login(stranger, 'ben', 'a wrong word');
    await stranger.getByRole('alert').waitFor();
    await login(stranger, 'ben', BEN_PASSWORD);
    await stranger.locator('pre').getByText('for all').waitFor();
    await stranger.context().close();
  });

  it('hides what was granted to others, in lists, search and address, and says so to nobody', async () => {
    await admin.goto(at('alpha', '#/people/rights'));
    await admin.getByLabel('Folder or file').fill('reports');
    await admin.getByLabel('Who').selectOption('ben');
    await admin.getByLabel('What').selectOption('none');
    await admin.getByRole('button', { name: 'Set' }).click();
    await said(admin, /ben does not see it: reports/);
    await admin.getByRole('listitem').filter({ hasText: 'ben' }).waitFor();
    await picture(admin, 'people-rights');
    expect(await findings(admin)).toEqual([]);
    const ben = await person.open(at('bravo'));
    await login(ben, 'ben', BEN_PASSWORD);
    await row(ben, 'shared.txt').waitFor();
    await expect.poll(() => row(ben, 'reports').count(), { timeout: 10_000 }).toBe(0);
    await ben.goto(at('bravo', '#/files?open=reports/secret.txt'));
    await ben.getByText('This file is not there').waitFor();
    await ben.goto(at('bravo', '#/files?search=secret'));
    await ben.getByText('No name has').waitFor();
    await ben.context().close();
    await admin.goto(at('alpha', '#/files/reports'));
    await row(admin, 'secret.txt').waitFor();
  });

  it('gives each a home of their own, which others do not see', async () => {
    const ben = await person.open(at('charlie', '#/files/home/ben'));
    await login(ben, 'ben', BEN_PASSWORD);
    await ben.getByText('Nothing here yet').waitFor();
    await drop(ben, [{ name: 'diary.txt', text: 'only mine' }]);
    await row(ben, 'diary.txt').waitFor();
    await admin.goto(at('alpha', '#/files/home/ben'));
    await row(admin, 'diary.txt').waitFor();
    await admin.goto(at('alpha', '#/people'));
    await admin.getByRole('button', { name: 'Add an account' }).click();
    await admin.getByLabel('Name').fill('carla');
    await admin.getByLabel('Password').fill('a third long word');
    await admin.getByRole('button', { name: 'Make account' }).click();
    await admin.getByRole('listitem').filter({ hasText: 'carla' }).waitFor();
    const carla = await person.open(at('alpha', '#/files?search=diary'));
    await login(carla, 'carla', 'a third long word');
    await carla.getByText('No name has').waitFor();
    await ben.context().close();
    await carla.context().close();
  });

  it('goes on, logged in, when its peer dies', async () => {
    // Another host than those of the other pages, as far as cookies go.
    const ben = await person.open(at('bravo', '#/files?open=shared.txt').replace('127.0.0.1', 'localhost'));
    await login(ben, 'ben', BEN_PASSWORD);
    await ben.locator('pre').getByText('for all').waitFor();
    await ben.getByText('3 peers here').waitFor();
    await peers.peer('bravo').kill();
    await ben.waitForURL((url) => url.hostname === '127.0.0.1', { timeout: 20_000 });
    await ben.locator('pre').getByText('for all').waitFor();
    await ben.getByText('Log out').or(ben.getByLabel('Log out')).first().waitFor();
    await ben.context().close();
  });

  it('changes a password: the old one is asked for, and no longer opens', async () => {
    const ben = await person.open(at('charlie', '#/people'));
    await login(ben, 'ben', BEN_PASSWORD);
    await ben.getByRole('listitem').filter({ hasText: 'you' }).getByRole('button', { name: 'Password' }).click();
    await ben.getByRole('dialog').getByLabel('Password').fill(BEN_PASSWORD);
    await ben.getByRole('button', { name: 'Next' }).click();
    await ben.getByRole('dialog').getByLabel('New password').fill('a new long word');
    await ben.getByRole('button', { name: 'Change' }).click();
    await said(ben, 'Your password was changed.');
    await ben.getByLabel('Log out').click();
    await login(ben, 'ben', BEN_PASSWORD);
    await ben.getByRole('alert').waitFor();
    await login(ben, 'ben', 'a new long word');
    await ben.getByRole('heading', { name: 'People' }).waitFor();
    await ben.context().close();
  });

  it('tells who did what, and shows the invitation as a line and as a code', async () => {
    await admin.goto(at('alpha', '#/people/log'));
    await admin.getByRole('row').filter({ hasText: 'ben' }).first().waitFor();
    await picture(admin, 'people-log');
    expect(await findings(admin)).toEqual([]);
    await admin.goto(at('alpha', '#/people/invite'));
    await admin.getByRole('button', { name: 'Show the line' }).click();
    await admin.getByText(/^home\/[a-z]+-/).waitFor();
    await admin.getByRole('img', { name: 'The invitation line as a QR code' }).waitFor();
    await picture(admin, 'people-invite');
    expect(await findings(admin)).toEqual([]);
  });

  it('removes a machine for good, after saying what that costs', async () => {
    await admin.goto(at('alpha', '#/people/peers'));
    const bravo = admin.getByRole('listitem').filter({ hasText: 'bravo' });
    await bravo.getByText('away since').waitFor();
    await picture(admin, 'people-machines');
    await bravo.getByRole('button', { name: 'Remove' }).click();
    await admin.getByRole('dialog').getByText('can never enter the mesh again').waitFor();
    await admin.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await said(admin, 'bravo was removed.');
    await bravo.waitFor({ state: 'detached' });
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
