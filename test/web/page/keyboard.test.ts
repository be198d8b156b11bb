import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, detailsOf, focused, goTo, hasBrowser, Person } from './browser.ts';

/** More stops than any view has. */
const STOPS_MAX = 60;

describe.skipIf(!hasBrowser)('a page without a mouse', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let origin = '';
  let page: Page;

  const details = () => detailsOf(page);
  const row = (name: string) => page.getByRole('row').filter({ hasText: name });
  const said = (text: string) => page.getByRole('status').getByText(text).waitFor();
  const text = async (path: string) => (await peers.filemesh(['download', path, '--to', '-'])).output;
  const hasKeys = (target: Locator) => target.evaluate((element) => element === document.activeElement);
  /** What has the keys, as a person would name it. */
  const stop = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      return at?.getAttribute('aria-label') || at?.textContent?.trim() || at?.id || at?.tagName || '';
    });

  /** Tab after Tab until the keys are there. */
  async function tabTo(target: Locator): Promise<void> {
    await target.waitFor();
    for (let stops = 0; stops < STOPS_MAX; stops += 1) {
      if (await hasKeys(target)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`no Tab leads to ${target}; the last stop was ${await stop()}`);
  }

  async function press(...keys: string[]): Promise<void> {
    for (const key of keys) await page.keyboard.press(key);
  }

  /** What comes of Enter on a link that saves something. */
  async function saved(link: Locator): Promise<{ name: string; bytes: Buffer }> {
    await tabTo(link);
    const [download] = await Promise.all([page.waitForEvent('download'), press('Enter')]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  }

  /** Into the list, and on that row. */
  async function goToRow(name: string): Promise<void> {
    await row(name).waitFor();
    await tabTo(page.locator('#grid'));
    await press('Home');
    for (let rows = 0; (await page.locator('.row.active .title').textContent()) !== name; rows += 1) {
      if (rows > STOPS_MAX) throw new Error(`no arrow leads to ${name}`);
      await press('ArrowDown');
    }
  }

  async function openDetails(path: string): Promise<void> {
    await goTo(page, `files?open=${encodeURIComponent(path)}`);
    await details().locator('pre').waitFor();
  }

  beforeAll(async () => {
    for (const name of ['one', 'two', 'three', 'docs/inner', 'clash']) peers.drop('alpha', `${name}.txt`, `${name}\n`);
    origin = String((await peers.up('alpha', '--http', '127.0.0.1:0')).http);
    page = await person.open(origin);
    await row('two.txt').waitFor();
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('uploads, makes a text, writes in it and saves it', async () => {
    await tabTo(page.getByRole('button', { name: 'Upload', exact: true }));
    const asked = page.waitForEvent('filechooser');
    // A key may overtake what has the browser tell of it; after an answer from the page it cannot.
    await page.evaluate('true');
    await press('Enter');
    const chooser = await asked;
    await chooser.setFiles({ name: 'chosen.txt', mimeType: 'text/plain', buffer: Buffer.from('chosen') });
    await row('chosen.txt').waitFor();
    await tabTo(page.getByRole('button', { name: 'Close' }));
    await press('Enter');
    await tabTo(page.getByRole('button', { name: 'New text' }));
    await press('Enter');
    await page.getByRole('dialog').getByRole('textbox').waitFor();
    await page.keyboard.type('typed');
    await press('Enter');
    await tabTo(details().getByRole('button', { name: 'Edit' }));
    await press('Enter');
    await focused(page, 'textarea');
    await page.keyboard.type('with keys');
    await press('Control+s');
    await said('typed.txt was saved.');
    await focused(page, '.details h2');
    expect(await text('typed.txt')).toBe('with keys');
    await press('Escape');
    await focused(page, '#grid');
  });

  it('renames and deletes, and takes back what was done last', async () => {
    await goToRow('one.txt');
    await press('F2');
    await page.getByRole('dialog').getByRole('textbox').waitFor();
    await page.keyboard.type('first');
    await press('Enter');
    await said('one.txt is now first.txt.');
    await row('first.txt').waitFor();
    await press('Control+z');
    await row('one.txt').waitFor();
    await goToRow('two.txt');
    await press('Delete');
    await said('two.txt was deleted.');
    await row('two.txt').waitFor({ state: 'detached' });
    await focused(page, '#grid');
    await press('Control+z');
    await row('two.txt').waitFor();
    expect(await text('two.txt')).toBe('two');
  });

  it('searches, sorts, and goes to all views', async () => {
    await press('/');
    await page.keyboard.type('thr');
    await page.getByRole('heading', { name: 'Found' }).waitFor();
    await page.locator('#grid').waitFor();
    await press('Escape');
    // The whole list comes a moment after the key, as another grid.
    await page.getByRole('heading', { name: 'Files', exact: true }).waitFor();
    await row('one.txt').waitFor();
    await focused(page, '#grid');
    await press('Tab');
    await tabTo(page.getByRole('columnheader', { name: 'Size' }).getByRole('button'));
    await press('Enter');
    await expect.poll(() => page.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('descending');
    for (const name of ['Mesh', 'People']) {
      await tabTo(page.getByRole('link', { name, exact: true }));
      await press('Enter');
      await page.getByRole('heading', { name, exact: true }).waitFor();
    }
    for (const name of ['Rights', 'Invite', 'Peers', 'Log', 'Accounts']) {
      await tabTo(page.getByRole('link', { name, exact: true }));
      await press('Enter');
      await page.locator('a[aria-current]', { hasText: name }).waitFor();
    }
    await tabTo(page.getByRole('button', { name: 'Make the first account' }));
    await press('Enter');
    await expect.poll(() => hasKeys(page.getByLabel('Name'))).toBe(true);
    await tabTo(page.getByRole('button', { name: 'Cancel' }));
    await press('Enter');
  });

  it('keeps the keys on the button of what failed', async () => {
    await openDetails('three.txt');
    await tabTo(details().getByRole('button', { name: 'Edit' }));
    await press('Enter');
    await focused(page, 'textarea');
    await page.keyboard.type('more ');
    await page.route('**/files/three.txt', (route) =>
      route.request().method() === 'PUT'
        ? route.fulfill({ status: 507, json: { error: { code: 'full', message: 'no peer has room for it' } } })
        : route.continue(),
    );
    const save = details().getByRole('button', { name: 'Save', exact: true });
    await tabTo(save);
    await press('Enter');
    await details().getByRole('alert').getByText('No peer has room for it.').waitFor();
    expect(await hasKeys(save)).toBe(true);
    await page.unroute('**/files/three.txt');
    await press('Enter');
    await said('three.txt was saved.');
    expect(await text('three.txt')).toContain('more');
    await press('Escape');
  });

  it('asks before a page is left on which something is typed and not saved', async () => {
    await openDetails('one.txt');
    await tabTo(details().getByRole('button', { name: 'Edit' }));
    await press('Enter');
    await focused(page, 'textarea');
    await page.keyboard.type('not saved ');
    const asked = page.waitForEvent('dialog');
    await page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    expect(await details().getByRole('textbox').inputValue()).toContain('not saved');
    await details().getByRole('button', { name: 'Throw away' }).press('Enter');
    await details().locator('pre').waitFor();
    await press('Escape');
  });

  it('leads on a phone to nothing that the details cover', async () => {
    const phone = await person.open(`${origin}/#/files?open=one.txt`, { phone: true });
    await detailsOf(phone).locator('pre').waitFor();
    for (let stops = 0; stops < STOPS_MAX; stops += 1) {
      await phone.keyboard.press('Tab');
      expect(await phone.evaluate(() => document.activeElement?.closest('.list')?.className)).toBeUndefined();
    }
    await detailsOf(phone).getByRole('button', { name: 'Close' }).press('Enter');
    await focused(phone, '#grid');
    await phone.context().close();
  });

  it('saves what is selected, and a folder, as a zip', async () => {
    await goTo(page, 'files');
    await goToRow('one.txt');
    await press('Space', 'ArrowDown', 'Space');
    const some = await saved(page.getByRole('toolbar').getByRole('link', { name: 'Zip' }));
    for (const part of ['one.txt', 'three.txt']) expect(some.bytes.includes(part), part).toBe(true);
    expect(some.bytes.includes('two.txt')).toBe(false);
    await press('Tab');
    await tabTo(page.getByRole('button', { name: 'Select nothing' }));
    await press('Enter');
    await page.getByRole('toolbar').waitFor({ state: 'detached' });
    await goToRow('docs');
    await press('Enter');
    await row('inner.txt').waitFor();
    const whole = await saved(page.getByRole('link', { name: 'Download this folder as a zip' }));
    expect([whole.name, whole.bytes.includes('inner.txt')]).toEqual(['docs.zip', true]);
  });

  it('brings an earlier content back', async () => {
    await peers.value(0, ['upload', '-', '--to', 'two.txt'], { input: 'later' });
    await openDetails('two.txt');
    await details().getByText('later').waitFor();
    await tabTo(details().getByRole('region', { name: 'History' }).getByRole('button', { name: 'Restore' }).first());
    await press('Enter');
    await said('two.txt is again as it was then.');
    expect(await text('two.txt')).toBe('two');
    await press('Escape');
    await focused(page, '#grid');
  });

  it('chooses between two versions', async () => {
    peers.drop('bravo', 'clash.txt', 'of bravo\n');
    await peers.up('bravo');
    await goTo(page, 'files?show=conflicts');
    await goToRow('clash.txt');
    await press('Enter');
    await tabTo(details().getByRole('region', { name: 'Differences' }));
    await tabTo(details().getByRole('button', { name: 'Keep bravo’s' }));
    await press('Enter');
    await said('clash.txt is now as on bravo.');
    await expect.poll(() => text('clash.txt')).toBe('of bravo');
  });

  it('makes the first account, and says what others may do', async () => {
    await goTo(page, 'people');
    await tabTo(page.getByRole('button', { name: 'Make the first account' }));
    await press('Enter');
    await expect.poll(() => hasKeys(page.getByLabel('Name'))).toBe(true);
    await page.keyboard.type('anna');
    await press('Tab');
    await page.keyboard.type('correct horse battery');
    await press('Enter');
    await page.getByRole('listitem').filter({ hasText: 'anna' }).waitFor();
    await tabTo(page.getByRole('link', { name: 'Rights', exact: true }));
    await press('Enter');
    await tabTo(page.getByLabel('Folder or file'));
    await page.keyboard.type('docs');
    await tabTo(page.getByLabel('What'));
    // One key: of several a field takes those that come too late as a new word.
    await press('d');
    await tabTo(page.getByRole('button', { name: 'Set' }));
    await press('Enter');
    await said('Everyone does not see docs.');
    await page.getByRole('listitem').filter({ hasText: 'as said for docs' }).waitFor();
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
