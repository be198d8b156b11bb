import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BROWSER_TEST_MS, detailsOf, drop, findings, hasBrowser, nightPicture, picture } from './browser.ts';
import { item, Members, PASSWORDS, PEERS, row, said } from './members.ts';

const NEW_BEN_PASSWORD = 'a new long word';
const NEW_CARLA_PASSWORD = 'given by an admin';
const ANSWER_LATE_MS = 1_500;

describe.skipIf(!hasBrowser)('people in a browser, with three peers', { timeout: BROWSER_TEST_MS }, () => {
  const members = new Members();
  const { peers, person } = members;
  const at = members.at.bind(members);
  const [login, openAs] = [members.login.bind(members), members.openAs.bind(members)];
  const [told, names] = [members.told.bind(members), members.names.bind(members)];
  let admin: Page;

  async function add(name: keyof typeof PASSWORDS): Promise<void> {
    await admin.goto(at('alpha', '#/people'));
    await admin.getByRole('button', { name: 'Add an account' }).click();
    await admin.getByLabel('Name').fill(name);
    await admin.getByLabel('Password').fill(PASSWORDS[name]);
    await admin.getByRole('button', { name: 'Make account' }).click();
    await item(admin, name).waitFor();
  }

  async function grant(path: string, who: string, right: string): Promise<void> {
    await admin.goto(at('alpha', '#/people/rights'));
    await admin.getByLabel('Folder or file').fill(path);
    await admin.getByLabel('Who').selectOption(who);
    await admin.getByLabel('What').selectOption(right);
    await admin.getByRole('button', { name: 'Set' }).click();
  }

  async function changePassword(page: Page, user: string, old: string | undefined, password: string): Promise<void> {
    await item(page, user).getByRole('button', { name: 'Password' }).click();
    if (old !== undefined) {
      await page.getByRole('dialog').getByLabel('Password').fill(old);
      await page.getByRole('button', { name: 'Next' }).click();
    }
    await page.getByRole('dialog').getByLabel('New password').fill(password);
    await page.getByRole('button', { name: 'Change' }).click();
  }

  /** The answer comes a while after the deed. Returns when who is here was asked for meanwhile. */
  async function slowAnswer(page: Page, pattern: string): Promise<readonly string[]> {
    const asked: string[] = [];
    let isUnderWay = false;
    await page.route('**/api/v1/session', (route) => {
      if (isUnderWay) asked.push(route.request().url());
      return route.continue();
    });
    await page.route(pattern, async (route) => {
      isUnderWay = true;
      const response = await route.fetch();
      await page.waitForTimeout(ANSWER_LATE_MS);
      isUnderWay = false;
      await route.fulfill({ response });
    });
    return asked;
  }

  /** Somebody logs in where anna was a moment ago, and what she saw there is not seen any more, though nothing else is told yet. */
  async function expectNothingLeftFor(name: keyof typeof PASSWORDS): Promise<void> {
    const shared = await openAs('anna', 'alpha', '#/files/reports');
    await row(shared, 'secret.txt').waitFor();
    await drop(shared, [{ name: 'annas.txt', text: 'a name that is nobody else’s' }]);
    await item(shared, 'annas.txt')
      .getByText(/stored$/)
      .waitFor();
    await shared.getByRole('button', { name: 'Log out', exact: true }).click();
    await shared.getByRole('button', { name: 'Log in' }).waitFor();
    await shared.route('**/api/v1/folder?*', () => undefined);
    await login(shared, name, PASSWORDS[name]);
    await shared.getByRole('navigation', { name: 'Views' }).getByText(name, { exact: true }).waitFor();
    await shared.getByRole('region', { name: 'Files' }).waitFor();
    for (const name of ['secret.txt', 'annas.txt']) expect(await shared.getByText(name).count(), name).toBe(0);
    await shared.context().close();
  }

  beforeAll(async () => {
    peers.drop('alpha', 'shared.txt', 'for all\n');
    peers.drop('alpha', 'reports/secret.txt', 'for some\n');
    await members.begin();
    admin = await person.open(at('alpha', '#/people'));
  }, BROWSER_TEST_MS);

  afterAll(() => members.end());

  it('says what the first account changes, makes it, and is logged in with it', async () => {
    await admin.getByRole('heading', { name: 'Everybody may do everything' }).waitFor();
    await picture(admin, 'people-nobody');
    expect(await findings(admin)).toEqual([]);
    await admin.getByRole('button', { name: 'Make the first account' }).click();
    await admin.getByLabel('Name').fill('anna');
    await admin.getByLabel('Password').fill('short');
    await admin.getByRole('button', { name: 'Make account' }).click();
    await admin.getByRole('alert').getByText('at least 8 characters').waitFor();
    await picture(admin, 'people-first-account');
    expect(await findings(admin)).toEqual([]);
    await admin.getByLabel('Password').fill(PASSWORDS.anna);
    await admin.getByRole('button', { name: 'Make account' }).click();
    await item(admin, 'Looks after the mesh · you').waitFor();
    for (const peer of PEERS) await expect.poll(() => names(peer)).toEqual(['anna, admin']);
    expect((await fetch(at('bravo', 'api/v1/users'))).status).toBe(401);
  });

  it('makes another account, and never sends the password', async () => {
    const bodies: string[] = [];
    admin.on('request', (request) => bodies.push(request.postData() ?? ''));
    await add('ben');
    expect(bodies.join()).toContain('proof');
    expect(bodies.join()).not.toContain(PASSWORDS.ben);
    await picture(admin, 'people-accounts');
    expect(await findings(admin)).toEqual([]);
    expect(await nightPicture(admin, 'people-accounts')).toEqual([]);
    for (const peer of PEERS) await expect.poll(() => names(peer)).toEqual(['anna, admin', 'ben']);
    expect((await told('charlie', 'api/v1/session', 'ben')).value).toMatchObject({ user: 'ben', admin: false });
  });

  it('lets a stranger see nothing but the door, and tells a wrong password as such', async () => {
    const stranger = await person.open(at('bravo', '#/files?open=shared.txt'));
    await stranger.getByRole('button', { name: 'Log in' }).waitFor();
    await picture(stranger, 'login');
    expect(await findings(stranger)).toEqual([]);
    expect(await nightPicture(stranger, 'login')).toEqual([]);
    expect(await stranger.content()).not.toContain('for all');
    await login(stranger, 'ben', 'a wrong word');
    await stranger.getByRole('alert').waitFor();
    await picture(stranger, 'login-wrong');
    await login(stranger, 'ben', PASSWORDS.ben);
    await stranger.locator('pre').getByText('for all').waitFor();
    await stranger.context().close();
  });

  it('hides what was granted to others, in lists, search and address, says so to nobody, and takes it back', async () => {
    await grant('reports', 'ben', 'none');
    await said(admin, 'ben does not see reports.');
    await item(admin, 'ben').waitFor();
    await picture(admin, 'people-rights');
    expect(await findings(admin)).toEqual([]);
    expect(await nightPicture(admin, 'people-rights')).toEqual([]);
    for (const peer of PEERS) {
      await expect.poll(async () => (await told(peer, 'files/reports/secret.txt', 'ben')).status).toBe(404);
    }
    await expectNothingLeftFor('ben');
    const ben = await openAs('ben', 'bravo');
    await row(ben, 'shared.txt').waitFor();
    expect(await row(ben, 'reports').count()).toBe(0);
    await ben.goto(at('bravo', '#/files?open=reports/secret.txt'));
    await ben.getByText('This file is not there').waitFor();
    await ben.goto(at('bravo', '#/files?search=secret'));
    await ben.getByText('No name has').waitFor();
    await picture(ben, 'files-nothing-found');
    await admin.goto(at('alpha', '#/files/reports'));
    await row(admin, 'secret.txt').waitFor();
    await grant('reports', 'ben', 'read');
    await said(admin, 'ben may read reports.');
    const reasons = (await told('alpha', 'api/v1/rights?path=reports/secret.txt')).value?.rights;
    expect(reasons).toContainEqual({ who: 'ben', right: 'read', from: 'reports' });
    await ben.goto(at('bravo', '#/files'));
    await expect
      .poll(async () => {
        await ben.reload();
        await row(ben, 'shared.txt').waitFor();
        return await row(ben, 'reports').count();
      })
      .toBe(1);
    await ben.goto(at('bravo', '#/files?open=reports/secret.txt'));
    await ben.locator('pre').getByText('for some').waitFor();
    await ben.getByText('You may read it, not change it.').waitFor();
    expect(
      await detailsOf(ben)
        .getByRole('button', { name: /Rename|Delete|Edit|Restore/ })
        .count(),
    ).toBe(0);
    await picture(ben, 'details-read-only');
    expect(await findings(ben)).toEqual([]);
    await ben.context().close();
  });

  it('gives each a home of their own, which others do not see', async () => {
    const ben = await openAs('ben', 'charlie', '#/files/home/ben');
    await ben.getByText('Nothing here yet').waitFor();
    await drop(ben, [{ name: 'diary.txt', text: 'only mine' }]);
    await row(ben, 'diary.txt').waitFor();
    await admin.goto(at('alpha', '#/files/home/ben'));
    await row(admin, 'diary.txt').waitFor();
    await add('carla');
    const carla = await openAs('carla', 'alpha', '#/files?search=diary');
    await carla.getByText('No name has').waitFor();
    await ben.context().close();
    await carla.context().close();
  });

  it('changes a password: the old one is asked for, and no longer opens', async () => {
    const ben = await openAs('ben', 'charlie', '#/people');
    const asked = await slowAnswer(ben, '**/api/v1/passwd');
    await changePassword(ben, 'you', PASSWORDS.ben, NEW_BEN_PASSWORD);
    await said(ben, 'Your password was changed.');
    await ben.unrouteAll({ behavior: 'wait' });
    expect(asked, 'the old login ends before the new one is here: nobody may ask who is here by it').toEqual([]);
    expect(await ben.getByRole('link', { name: 'Invite' }).count()).toBe(0);
    await ben.goto(at('charlie', '#/people/invite'));
    await ben.getByText('This is for those who look after the mesh').waitFor();
    expect(await ben.getByRole('button', { name: 'Show the line' }).count()).toBe(0);
    await picture(ben, 'people-not-allowed');
    expect(await findings(ben)).toEqual([]);
    await ben.getByLabel('Log out').click();
    await login(ben, 'ben', PASSWORDS.ben);
    await ben.getByRole('alert').waitFor();
    await login(ben, 'ben', NEW_BEN_PASSWORD);
    await ben.getByRole('heading', { name: 'People' }).waitFor();
    for (const peer of PEERS) {
      const status = async () => (await told(peer, 'api/v1/status', 'ben', NEW_BEN_PASSWORD)).status;
      await expect.poll(status).toBe(200);
    }
    await ben.context().close();
  });

  it('gives somebody else a new password, which ends their logins', async () => {
    const carla = await openAs('carla', 'bravo');
    await admin.goto(at('alpha', '#/people'));
    await changePassword(admin, 'carla', undefined, NEW_CARLA_PASSWORD);
    await said(admin, 'The password of carla was changed.');
    await carla.getByRole('button', { name: 'Log in' }).waitFor();
    await login(carla, 'carla', PASSWORDS.carla);
    await carla.getByRole('alert').waitFor();
    await login(carla, 'carla', NEW_CARLA_PASSWORD);
    await row(carla, 'shared.txt').waitFor();
    const known = async () => (await told('charlie', 'api/v1/session', 'carla', NEW_CARLA_PASSWORD)).value;
    await expect.poll(known).toMatchObject({ user: 'carla' });
    await carla.context().close();
  });

  it('removes an account: it is nobody any more, everywhere, and its page says so', async () => {
    const carla = await openAs('carla', 'charlie', '', NEW_CARLA_PASSWORD);
    await admin.getByRole('button', { name: 'Remove carla' }).click();
    await admin.getByRole('dialog').getByText('can no longer log in').waitFor();
    await picture(admin, 'people-remove');
    await admin.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await said(admin, 'carla was removed.');
    await item(admin, 'carla').waitFor({ state: 'detached' });
    for (const peer of PEERS) await expect.poll(() => names(peer)).toEqual(['anna, admin', 'ben']);
    await carla.getByRole('button', { name: 'Log in' }).waitFor();
    await login(carla, 'carla', NEW_CARLA_PASSWORD);
    await carla.getByRole('alert').waitFor();
    await carla.context().close();
  });

  it('tells who did what, and finds it by a word', async () => {
    await admin.goto(at('alpha', '#/people/log'));
    const { value } = await told('alpha', 'api/v1/log?limit=500');
    const entries = value?.entries as { user: string; action: string; subject: string }[];
    for (const [user, action, subject, words] of [
      ['anna', 'user add', 'ben', 'added the account ben'],
      ['anna', 'grant', 'reports ben none', 'said that ben does not see reports'],
      ['anna', 'grant', 'reports ben read', 'said that ben may read reports'],
      ['ben', 'upload', 'home/ben/diary.txt', 'stored home/ben/diary.txt'],
      ['anna', 'user passwd', 'carla', 'changed the password of carla'],
      ['anna', 'user remove', 'carla', 'removed the account carla'],
    ] as const) {
      expect(entries.filter((one) => one.user === user && one.action === action && one.subject === subject)).toHaveLength(1);
      await row(admin, user).filter({ hasText: words }).waitFor();
    }
    await picture(admin, 'people-log');
    expect(await findings(admin)).toEqual([]);
    expect(await nightPicture(admin, 'people-log')).toEqual([]);
    await admin.getByLabel('Search the log').fill('diary');
    await expect.poll(() => admin.locator('tbody tr').count()).toBe(1);
    const ben = await openAs('ben', 'bravo', '#/people/log', NEW_BEN_PASSWORD);
    await row(ben, 'stored home/ben/diary.txt').waitFor();
    expect(await ben.locator('tbody').getByText('removed the account').count()).toBe(0);
    await ben.context().close();
  });

  it('gives a name anew, and what lies in its home only to who was told of it', async () => {
    await admin.goto(at('alpha', '#/people'));
    await admin.getByRole('button', { name: 'Remove ben' }).click();
    await admin.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await item(admin, 'ben').waitFor({ state: 'detached' });
    await admin.getByRole('button', { name: 'Add an account' }).click();
    await admin.getByLabel('Name').fill('ben');
    await admin.getByLabel('Password').fill(PASSWORDS.ben);
    await admin.getByRole('button', { name: 'Make account' }).click();
    await admin.getByRole('alert').getByText('had files in home/ben').waitFor();
    await picture(admin, 'people-name-of-before');
    expect(await findings(admin)).toEqual([]);
    expect(await names('alpha')).toEqual(['anna, admin']);
    await admin.getByRole('button', { name: 'Make it, with those files' }).click();
    await item(admin, 'ben').waitFor();
    const ben = await openAs('ben', 'alpha', '#/files?open=home/ben/diary.txt');
    await ben.locator('pre').getByText('only mine').waitFor();
    await ben.context().close();
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
