import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, detailsOf, drop, findings, focused, hasBrowser, nightPicture, Person, picture } from './browser.ts';

const HOSTILE = '<img src=x onerror=document.title=1>.txt';

describe.skipIf(!hasBrowser)('files in a browser, with three peers', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let page: Page;

  const row = (name: string) => page.getByRole('row').filter({ hasText: name });
  const details = () => detailsOf(page);
  const said = (text: string | RegExp) => page.getByRole('status').getByText(text).waitFor();
  const shown = async (path: string) => (await peers.value(0, ['show', path])) as { copies: number; holders: string[] }[];

  beforeAll(async () => {
    peers.drop('alpha', 'notes.txt', 'hello\nworld\n');
    peers.drop('alpha', 'docs/report.md', '# Report\n');
    peers.drop('alpha', HOSTILE, 'no harm');
    const first = await peers.up('alpha', '--http', '127.0.0.1:0');
    await peers.up('bravo', '--http', '127.0.0.1:0');
    await peers.up('charlie', '--http', '127.0.0.1:0');
    page = await person.open(String(first.http));
    await row('notes.txt').waitFor();
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('lists folders before files, and shows a name that looks like markup as its letters', async () => {
    await row(HOSTILE).waitFor();
    const names = await page.locator('.title').allTextContents();
    expect(names).toEqual(['docs', HOSTILE, 'notes.txt']);
    await row(HOSTILE).click();
    await details().getByRole('heading', { name: HOSTILE }).waitFor();
    expect(await page.title()).not.toBe('1');
    await page.keyboard.press('Escape');
    await details().waitFor({ state: 'detached' });
  });

  it('stores what is dropped anywhere, and shows it reach two machines', async () => {
    await drop(page, [{ name: 'dropped.txt', text: 'from a browser' }]);
    await page.getByRole('region', { name: 'Uploads' }).getByText('stored', { exact: false }).first().waitFor();
    await said('1 file stored');
    await row('dropped.txt').getByText('Kept on 2 peers').waitFor({ state: 'attached' });
    const [entry] = await shown('dropped.txt');
    expect(entry?.copies).toBe(2);
    const holder = entry?.holders[0] ?? '';
    expect(readFileSync(join(peers.place, holder, 'dropped.txt'), 'utf8')).toBe('from a browser');
    await page.getByRole('button', { name: 'Close' }).click();
  });

  it('shows on the map who has it, and that it is safe', async () => {
    await row('dropped.txt').click();
    await details().getByRole('link', { name: 'See its parts' }).click();
    const parts = page.getByRole('region', { name: 'Parts of dropped.txt' });
    await expect.poll(() => parts.getByRole('img').count()).toBe(2);
    await parts.getByText('Kept on 2 peers').waitFor();
    expect(await parts.getByText(/^Without \w+ one copy is left$/).count()).toBe(2);
    await page.getByRole('img', { name: /^3 peers here, as alpha sees it: alpha, bravo and charlie/ }).waitFor();
    // What bravo and charlie have between them they tell alpha.
    await page.getByRole('img', { name: /3 links between them/ }).waitFor();
    expect(await page.locator('svg .link').count()).toBe(3);
    const cards = page.getByRole('region', { name: 'Peers', exact: true });
    expect(await cards.getByText(/^\d[\d.]* \w+ of \d[\d.]* \w+ · \d+ files?$/).count()).toBe(3);
    expect(await page.locator('svg .peer.holds').count()).toBe(2);
    await picture(page, 'mesh');
    expect(await findings(page)).toEqual([]);
    expect(await nightPicture(page, 'mesh')).toEqual([]);
    await page.getByRole('link', { name: 'Files', exact: true }).click();
    await row('dropped.txt').waitFor();
  });

  it('sees at once what is put into a folder of any machine', async () => {
    peers.drop('charlie', 'from-charlie.txt', 'charlie has it');
    await row('from-charlie.txt').waitFor();
  });

  it('sees on coming back to the files what was put there while it showed something else', async () => {
    await page.getByRole('link', { name: 'People', exact: true }).click();
    await page.getByRole('heading', { name: 'People' }).waitFor();
    // A stream of its own is told when that of the page is.
    const told = page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          const source = new EventSource('/api/v1/events');
          source.addEventListener('files', ({ data }) => {
            if (!String(data).includes('meanwhile.txt')) return;
            source.close();
            resolve();
          });
        }),
    );
    await peers.value(0, ['create', 'meanwhile.txt'], { input: 'while nobody looked' });
    await told;
    await page.getByRole('link', { name: 'Files', exact: true }).click();
    await row('meanwhile.txt').waitFor();
    await peers.value(0, ['delete', 'meanwhile.txt']);
    await row('meanwhile.txt').waitFor({ state: 'detached' });
  });

  it('opens folders, finds names anywhere, and goes back', async () => {
    await row('docs').click();
    await page.getByRole('heading', { name: 'docs' }).waitFor();
    await row('report.md').waitFor();
    await page.getByRole('link', { name: 'Files, the top' }).click();
    await row('notes.txt').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('REPO');
    await page.getByRole('heading', { name: 'Found' }).waitFor();
    await row('report.md').waitFor();
    await said('1 name found');
    await page.keyboard.press('Escape');
    await row('notes.txt').waitFor();
  });

  it('renames, deletes, and takes both back', async () => {
    await row('notes.txt').click();
    await details().getByRole('button', { name: 'Rename' }).click();
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT');
    // What stands before the end is marked: typing replaces it.
    await page.keyboard.type('kept');
    await page.keyboard.press('Enter');
    await said('notes.txt is now kept.txt.');
    await page.getByRole('button', { name: 'Undo' }).click();
    await row('notes.txt').waitFor();
    await row('notes.txt').click();
    await details().getByRole('button', { name: 'Delete' }).click();
    await said('notes.txt was deleted.');
    await row('notes.txt').waitFor({ state: 'detached' });
    // The button is gone with what it stood beside: the keys go on in the list.
    await focused(page, '#grid');
    await page.getByRole('button', { name: 'Undo' }).click();
    await focused(page, '#grid');
    await row('notes.txt').waitFor();
    expect((await shown('notes.txt')).length).toBe(1);
  });

  it('refuses a name that no mesh can carry, and says why', async () => {
    await page.getByRole('button', { name: 'New text' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('a:b/CON');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('alert').getByText('This name cannot be kept').waitFor();
    await page.keyboard.press('Escape');
  });

  it('makes no new text where there is a file', async () => {
    await page.getByRole('button', { name: 'New text' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('notes.txt');
    await page.keyboard.press('Enter');
    await page.locator('.notice.bad').waitFor();
    expect((await peers.filemesh(['download', 'notes.txt', '--to', '-'])).output).toBe('hello\nworld');
    await page.locator('.notice.bad').getByRole('button', { name: 'Dismiss' }).click();
  });

  it('keeps what was typed and not saved, whatever one looks at meanwhile', async () => {
    const here = page.url().split('#')[0];
    await page.goto(`${here}#/files?open=notes.txt`);
    await details().getByRole('button', { name: 'Edit' }).click();
    await details().getByRole('textbox').fill('not saved yet\n');
    await page.getByRole('link', { name: 'Mesh', exact: true }).click();
    await page.getByRole('heading', { name: 'Mesh' }).waitFor();
    await page.goto(`${here}#/files?open=notes.txt`);
    expect(await details().getByRole('textbox').inputValue()).toBe('not saved yet\n');
    await details().getByRole('button', { name: 'Throw away' }).click();
    await details().locator('pre').getByText('hello').waitFor();
    await page.keyboard.press('Escape');
  });

  it('makes a text and changes it in place; the older version can be brought back', async () => {
    await page.getByRole('button', { name: 'New text' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('ideas/first.txt');
    await page.keyboard.press('Enter');
    await details().getByRole('button', { name: 'Edit' }).click();
    await details().getByRole('textbox').fill('one idea\n');
    await page.keyboard.press('Control+s');
    await said('first.txt was saved.');
    await details().getByRole('button', { name: 'Edit' }).click();
    await details().getByRole('textbox').fill('another idea\n');
    await details().getByRole('button', { name: 'Save' }).click();
    await details().locator('pre').getByText('another idea').waitFor();
    const older = details().getByRole('region', { name: 'History' }).getByRole('listitem').filter({ hasText: '9 B' });
    await older.getByRole('button', { name: 'Restore' }).click();
    await details().locator('pre').getByText('one idea').waitFor();
    await page.keyboard.press('Escape');
  });

  it('never saves over what somebody else saved meanwhile', async () => {
    await page.goto(`${page.url().split('#')[0]}#/files?open=notes.txt`);
    await details().getByRole('button', { name: 'Edit' }).click();
    await details().getByRole('textbox').fill('mine\n');
    await peers.value(0, ['upload', '-', '--to', 'notes.txt'], { input: 'theirs\n' });
    await details().getByRole('button', { name: 'Save', exact: true }).click();
    await details().getByText('Somebody saved another version').waitFor();
    await details()
      .getByRole('button', { name: /Save mine as/ })
      .click();
    await said('Saved as notes (mine).txt.');
    await row('notes (mine).txt').waitFor();
    expect((await peers.filemesh(['download', 'notes.txt', '--to', '-'])).output).toBe('theirs');
  });

  it('keeps apart what two folders say of one name, shows both, and ends it with a click', async () => {
    peers.drop('alpha', 'plan.txt', 'buy milk\nbuy bread\n');
    await row('plan.txt').getByText('Kept on 2 peers').waitFor({ state: 'attached' });
    const holders = (await shown('plan.txt'))[0]?.holders ?? [];
    const other = ['alpha', 'bravo', 'charlie'].find((name) => !holders.includes(name)) ?? '';
    peers.drop(other, 'plan.txt', 'buy milk\nbuy cheese\n');
    await row('plan.txt').getByText('2 versions').waitFor();
    await row('plan.txt').click();
    const differences = details().getByRole('region', { name: 'Differences' });
    await differences.getByText('buy cheese').waitFor();
    expect(await differences.locator('tr.changed').count()).toBe(1);
    await picture(page, 'conflict');
    expect(await findings(page)).toEqual([]);
    expect(await nightPicture(page, 'conflict')).toEqual([]);
    await details()
      .getByRole('button', { name: `Keep ${other}’s` })
      .click();
    await details().locator('pre').getByText('buy cheese').waitFor();
    await focused(page, '.details h2');
    await expect.poll(() => peers.value(0, ['conflicts'])).toEqual([]);
    expect((await peers.filemesh(['download', 'plan.txt', '--to', '-'])).output).toContain('buy cheese');
    await page.keyboard.press('Escape');
  });

  it('is walked and worked with keys alone', async () => {
    await page.goto(`${page.url().split('#')[0]}#/files`);
    await page.reload();
    await row('notes.txt').first().waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('content');
    for (let step = 0; step < 12 && (await page.evaluate(() => document.activeElement?.id)) !== 'grid'; step += 1) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('End');
    const last = await page.locator('.row').last().locator('.title').textContent();
    await page.keyboard.press('Enter');
    await details()
      .getByRole('heading', { name: last ?? '' })
      .waitFor();
    await focused(page, 'h2');
    await page.keyboard.press('Escape');
    await focused(page, '#grid');
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'docs' }).waitFor();
    // That list is another one, and has the keys.
    await focused(page, '#grid');
    await page.keyboard.press('Backspace');
    await row('notes.txt').first().waitFor();
    await focused(page, '#grid');
  });

  it('has nothing that axe finds, on a desk and on a phone, and can be looked at', async () => {
    await picture(page, 'files');
    expect(await findings(page)).toEqual([]);
    await row('notes.txt').first().click();
    await details().locator('pre').waitFor();
    await picture(page, 'details');
    expect(await findings(page)).toEqual([]);
    const phone = await person.open(page.url(), { phone: true, dark: true });
    await detailsOf(phone).locator('pre').waitFor();
    await picture(phone, 'details-dark');
    expect(await findings(phone)).toEqual([]);
    await phone.getByRole('button', { name: 'Close' }).click();
    await phone.getByRole('row').first().waitFor();
    await picture(phone, 'files-dark');
    expect(await findings(phone)).toEqual([]);
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
