import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileTextOf, storedText } from '../../../src/web/page/files/file-text.ts';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, detailsOf, findings, focused, hasBrowser, Person, picture } from './browser.ts';

describe('the text of a file', () => {
  const read = (...parts: readonly (string | number[])[]) => fileTextOf(Uint8Array.from(parts.flatMap(bytesOf)).buffer);
  const bytesOf = (part: string | number[]) => (typeof part === 'string' ? [...Buffer.from(part)] : part);

  it.each(['', 'one', 'one\ntwo\n', 'one\r\ntwo\r\n', 'one\rtwo\r', '\ufeffone\r\n'])('is stored again as it was: %j', (text) => {
    const { text: shown, lineEnd, loss } = read(text);
    expect(shown).not.toContain('\r');
    expect([storedText(shown, lineEnd), loss]).toEqual([text, undefined]);
  });

  it('that is none tells so', () => {
    expect(read('caf', [0xe9], '\n')).toEqual({ text: 'caf\ufffd\n', lineEnd: '\n', loss: expect.stringContaining('UTF-8') });
  });

  it.each(['a\r\n"b\nc"\r\n', 'a\rb\n', 'a\nb\r\n'])('whose lines end in different ways tells so: %j', (text) => {
    expect(read(text).loss).toContain('do not all end alike');
  });
});

describe.skipIf(!hasBrowser)('a text that is changed in a browser', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let page: Page;
  const file = (name: string) => join(peers.place, 'alpha', name);
  const field = () => detailsOf(page).getByRole('textbox');

  async function open(name: string): Promise<void> {
    await page.evaluate(
      (hash) => {
        location.hash = hash;
      },
      `#/files?open=${encodeURIComponent(name)}`,
    );
    await page
      .getByRole('region', { name: `Details of ${name}` })
      .locator('pre')
      .waitFor();
  }

  async function edit(name: string, text: string): Promise<void> {
    await open(name);
    await detailsOf(page).getByRole('button', { name: 'Edit' }).click();
    await field().fill(text);
  }

  async function save(name: string): Promise<void> {
    await detailsOf(page).getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('status').getByText(`${name} was saved.`).waitFor();
    expect((await peers.filemesh(['download', name, '--to', '-'])).output).toBe('typed');
  }

  beforeAll(async () => {
    mkdirSync(join(peers.place, 'alpha'));
    writeFileSync(file('dos.txt'), '\ufeffone\r\ntwo\r\n');
    writeFileSync(file('latin.txt'), Buffer.from('caf\u00e9\n', 'latin1'));
    writeFileSync(file('notes.txt'), 'none yet\n');
    writeFileSync(file('plan (mine).txt'), 'of somebody else\n');
    writeFileSync(file('plan.txt'), 'the plan\n');
    for (const name of ['old.txt', 'held.txt', 'late.txt', 'other.txt', 'gone.txt', 'both.txt', 'pair.txt'])
      writeFileSync(file(name), 'of alpha\n');
    const { http } = await peers.up('alpha', '--replicas', '1');
    page = await person.open(String(http));
    await page.getByRole('row').filter({ hasText: 'plan.txt' }).waitFor();
  }, BROWSER_TEST_MS);
  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  it('keeps the ends of its lines, and the mark it begins with', async () => {
    await open('dos.txt');
    await detailsOf(page).getByRole('button', { name: 'Edit' }).click();
    await field().press('Control+End');
    await field().pressSequentially('three');
    await page.keyboard.press('Enter');
    await detailsOf(page).getByRole('button', { name: 'Save' }).click();
    await page.getByRole('status').getByText('dos.txt was saved.').waitFor();
    expect(readFileSync(file('dos.txt'), 'utf8')).toBe('\ufeffone\r\ntwo\r\nthree\r\n');
  });

  it('is not offered to be changed where bytes would be lost', async () => {
    await open('latin.txt');
    await detailsOf(page).getByText('Not all of it is text (UTF-8)').waitFor();
    expect(await detailsOf(page).getByRole('button', { name: 'Edit' }).count()).toBe(0);
  });

  it('goes on being typed while it is saved, and nothing of that is lost', async () => {
    await open('notes.txt');
    await detailsOf(page).getByRole('button', { name: 'Edit' }).click();
    await field().fill('one\n');
    let go = (): void => {};
    const held = new Promise<void>((resolve) => (go = resolve));
    await page.route('**/files/notes.txt*', async (route) => {
      if (route.request().method() === 'PUT') await held;
      await route.continue();
    });
    await field().press('Control+s');
    await detailsOf(page).getByRole('button', { name: 'Saving …' }).waitFor();
    await field().fill('one\ntwo\n');
    go();
    await page.getByRole('status').getByText('notes.txt was saved.').waitFor();
    await page.unroute('**/files/notes.txt*');
    expect([await field().inputValue(), readFileSync(file('notes.txt'), 'utf8')]).toEqual(['one\ntwo\n', 'one\n']);
    await detailsOf(page).getByRole('button', { name: 'Save', exact: true }).click();
    await field().waitFor({ state: 'detached' });
    expect(readFileSync(file('notes.txt'), 'utf8')).toBe('one\ntwo\n');
  });

  it('is saved beside what another saved, and over nothing', async () => {
    await open('plan.txt');
    await detailsOf(page).getByRole('button', { name: 'Edit' }).click();
    await field().fill('my plan\n');
    await peers.value(0, ['upload', '-', '--to', 'plan.txt'], { input: 'their plan\n' });
    await detailsOf(page).getByRole('button', { name: 'Save', exact: true }).click();
    await detailsOf(page).getByRole('button', { name: 'Save mine as plan (mine).txt' }).click();
    await detailsOf(page).getByText('There is a file plan (mine).txt already').waitFor();
    await detailsOf(page).getByRole('button', { name: 'Save mine as plan (mine 2).txt' }).click();
    await page.getByRole('status').getByText('Saved as plan (mine 2).txt.').waitFor();
    const texts = ['plan.txt', 'plan (mine).txt', 'plan (mine 2).txt'].map((name) => readFileSync(file(name), 'utf8'));
    expect(texts).toEqual(['their plan\n', 'of somebody else\n', 'my plan\n']);
  });

  it('goes along when its file is renamed, and when that is taken back', async () => {
    await edit('old.txt', 'typed\n');
    await detailsOf(page).getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('new.txt');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Details of new.txt' }).getByRole('textbox').waitFor();
    expect(await field().inputValue()).toBe('typed\n');
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('region', { name: 'Details of old.txt' }).getByRole('textbox').waitFor();
    expect(await field().inputValue()).toBe('typed\n');
    await save('old.txt');
  });

  it('is known to be saved when its file is renamed before the answer comes', async () => {
    await edit('held.txt', 'typed\n');
    let answer = (): void => undefined;
    const isDue = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/files/held.txt*', async (route) => {
      if (route.request().method() !== 'PUT') return route.continue();
      const response = await route.fetch();
      await isDue;
      await route.fulfill({ response });
    });
    await field().press('Control+s');
    await expect.poll(() => readFileSync(file('held.txt'), 'utf8')).toBe('typed\n');
    await detailsOf(page).getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('moved.txt');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Details of moved.txt' }).getByRole('textbox').waitFor();
    answer();
    await page.getByRole('status').getByText('moved.txt was saved.').waitFor();
    await field().waitFor({ state: 'detached' });
    await detailsOf(page).locator('pre').getByText('typed').waitFor();
    await page.unroute('**/files/held.txt*');
  });

  it('is told not to be stored when its file is renamed before it comes, and can be saved there', async () => {
    await edit('late.txt', 'typed\n');
    let go = (): void => undefined;
    const isDue = new Promise<void>((resolve) => {
      go = resolve;
    });
    await page.route('**/files/late.txt*', async (route) => {
      if (route.request().method() === 'PUT') await isDue;
      await route.continue();
    });
    await field().press('Control+s');
    await detailsOf(page).getByRole('button', { name: 'Saving …' }).waitFor();
    await detailsOf(page).getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('early.txt');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Details of early.txt' }).getByRole('textbox').waitFor();
    go();
    await page.getByText('late.txt became early.txt before your text was stored.').first().waitFor();
    await page.unroute('**/files/late.txt*');
    expect(await field().inputValue()).toBe('typed\n');
    await save('early.txt');
  });

  it('is told not to be stored when another file is looked at by then', async () => {
    await edit('early.txt', 'typed more\n');
    let go = (): void => undefined;
    const isDue = new Promise<void>((resolve) => {
      go = resolve;
    });
    await page.route('**/files/early.txt*', async (route) => {
      if (route.request().method() !== 'PUT') return route.continue();
      await isDue;
      await route.abort();
    });
    await field().press('Control+s');
    await detailsOf(page).getByRole('button', { name: 'Saving …' }).waitFor();
    await open('plan.txt');
    go();
    await page.getByText('early.txt was not stored:').first().waitFor();
    await page.unroute('**/files/early.txt*');
    await page.evaluate(() => {
      location.hash = '#/files?open=early.txt';
    });
    await page.getByRole('region', { name: 'Details of early.txt' }).getByRole('textbox').waitFor();
    expect(await field().inputValue()).toBe('typed more\n');
    await detailsOf(page).getByRole('button', { name: 'Throw away' }).click();
  });

  it('is read again at a click when it could not be read', async () => {
    await page.route('**/files/other.txt*', (route) => route.abort());
    await page.evaluate(() => {
      location.hash = '#/files?open=other.txt';
    });
    const again = detailsOf(page).getByRole('button', { name: 'Try again' });
    await again.waitFor();
    await page.unroute('**/files/other.txt*');
    await again.click();
    await detailsOf(page).locator('pre').getByText('of alpha').waitFor();
    expect(await again.count()).toBe(0);
    await focused(page, 'pre');
  });

  it('stays in sight when its file is deleted, and is made anew by a save', async () => {
    await edit('gone.txt', 'typed\n');
    await detailsOf(page).getByRole('button', { name: 'Delete' }).click();
    await detailsOf(page).getByText('Save makes this file anew').waitFor();
    expect(await field().inputValue()).toBe('typed\n');
    await save('gone.txt');
  });

  it('stays in sight when a second version comes, and is saved once the one is chosen that it was begun from', async () => {
    await edit('both.txt', 'typed\n');
    for (const name of ['both.txt', 'pair.txt', 'far.txt']) peers.drop('bravo', name, 'of bravo\n');
    await peers.up('bravo');
    await detailsOf(page).getByText('There are 2 versions of this file now').waitFor();
    await detailsOf(page).getByRole('region', { name: 'Differences' }).waitFor();
    expect(await field().inputValue()).toBe('typed\n');
    await focused(page, 'textarea');
    await picture(page, 'conflict-typed');
    expect(await findings(page)).toEqual([]);
    await detailsOf(page).getByRole('button', { name: 'Keep alpha’s' }).click();
    await detailsOf(page).getByText('There are 2 versions').waitFor({ state: 'detached' });
    await save('both.txt');
  });

  it('comes back in one of its versions when both were deleted, which is told, and the other is in its history', async () => {
    await page.evaluate(() => {
      location.hash = '#/files?open=pair.txt';
    });
    await detailsOf(page).getByRole('region', { name: 'Differences' }).waitFor();
    await detailsOf(page).getByRole('button', { name: 'Delete' }).click();
    await page.locator('.notice').filter({ hasText: 'pair.txt was deleted' }).getByRole('button', { name: 'Undo' }).click();
    await page.getByText('One version of pair.txt is back. The others are in the history.').waitFor();
    const text = async () => (await peers.filemesh(['download', 'pair.txt', '--to', '-'])).output;
    const history = async () => (await peers.value(0, ['history', 'pair.txt'])) as { version: string }[];
    await expect.poll(async () => (await history()).length).toBe(2);
    const back = await text();
    for (const { version } of await history()) {
      await peers.filemesh(['restore', 'pair.txt', '--version', version]);
      if ((await text()) !== back) break;
    }
    expect([back, await text()].sort()).toEqual(['of alpha', 'of bravo']);
  });

  it('stays in sight, and the keys in it, when the last peer goes that has the file', async () => {
    await edit('far.txt', 'typed\n');
    await peers.peer('bravo').kill();
    await detailsOf(page).getByRole('link', { name: 'Download' }).waitFor({ state: 'detached' });
    expect(await field().inputValue()).toBe('typed\n');
    await focused(page, 'textarea');
    await detailsOf(page).getByRole('button', { name: 'Throw away' }).click();
    await detailsOf(page).getByText('It cannot be read now').waitFor();
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
