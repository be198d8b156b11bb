import type { Locator, Page } from 'playwright-core';
import { fileUrl } from '../../../src/web/page/paths.ts';
import type { Act, Answer } from '../../rights-cases.ts';
import { detailsOf, drop, goTo } from './browser.ts';
import { askedWithoutButton } from './without-button.ts';

/** What came of an act. */
export interface Came {
  readonly answer: Answer;
  /** Of `list`: the paths seen, in order. */
  readonly seen?: readonly string[];
}

const ANSWERS: Readonly<Record<number, Answer>> = { 404: 'not-found', 403: 'not-allowed' };
const done: Came = { answer: 'done' };
const notFound: Came = { answer: 'not-found' };
const notAllowed: Came = { answer: 'not-allowed' };

type OnPath = Extract<Act, { path: string }>;

/**
 * Somebody's hand at a page that stands on the rights of people: does an act by the lists, buttons and fields there are, and
 * tells what the page said of it. What the page has no button for is not allowed; what it does not show is not found.
 */
export class Hand {
  readonly #page: Page;
  /** Of the last request that was to change something, or was refused. */
  #status = 0;

  constructor(page: Page) {
    this.#page = page;
    page.on('response', (response) => {
      const method = response.request().method();
      // What was refused is let go of at the peer behind that.
      if (method === 'DELETE' && response.url().includes('/tus/')) return;
      if (method !== 'GET' || response.status() >= 400) this.#status = response.status();
    });
  }

  async act(what: Act): Promise<Came> {
    await this.#rest();
    if (await this.#isStranger()) return await this.#actAsStranger(what);
    switch (what.act) {
      case 'list':
        return what.path === undefined ? await this.#found('.txt') : { answer: 'done', seen: await this.#below(what.path) };
      case 'rights':
        return await this.#rights({ act: what.act, path: what.path });
      case 'grant':
        return await this.#rights(what);
      case 'create':
        return await this.#create(what.path);
      case 'overwrite':
        return await this.#overwrite(what.path);
      case 'restore':
        return await this.#restore(what.path);
      case 'read':
      case 'where':
      case 'history':
      case 'rename':
      case 'delete':
        return await this.#withDetails(what);
      case 'invite':
        return await this.#invite();
      case 'set replicas':
        return await this.#setReplicas();
      default:
        return await this.#lookAround(what.act);
    }
  }

  /** Nothing of what was before is left on the page. */
  async #rest(): Promise<void> {
    await this.#go('people/rights');
    await this.#page.evaluate(() => {
      for (const one of document.querySelectorAll<HTMLElement>('.notice .close, .tray [aria-label^="Give up"]')) one.click();
    });
    this.#status = 0;
  }

  async #go(place: string): Promise<void> {
    await goTo(this.#page, place);
  }

  async #goToFiles(folder: string, query = ''): Promise<void> {
    const words = folder.split('/').filter(Boolean).map(encodeURIComponent);
    await this.#go(['files', ...words].join('/') + query);
    await this.#page.getByRole('region', { name: 'Files' }).waitFor();
  }

  async #isStranger(): Promise<boolean> {
    const door = this.#page.getByRole('button', { name: 'Log in' });
    await door.or(this.#page.getByRole('main')).first().waitFor();
    return await door.isVisible();
  }

  /** Tries what needs no button, and looks whether anything of the mesh comes to be seen. */
  async #actAsStranger(what: Act): Promise<Came> {
    await this.#go('path' in what && what.path !== undefined ? `files?open=${encodeURIComponent(what.path)}` : 'mesh');
    if (what.act === 'create') await drop(this.#page, [{ name: what.path, text: 'new' }]);
    const isShut = (await this.#isStranger()) && (await this.#page.locator('nav, .details, .row, .tray').count()) === 0;
    return isShut ? notAllowed : done;
  }

  /** The one that comes: what shows that it was done, or a word that it was not. */
  async #outcome(success: Locator): Promise<Came> {
    const refusal = this.#page.locator('.notice.bad').or(this.#page.locator('p.fault[role="alert"]'));
    await success.or(refusal).first().waitFor();
    if (!(await refusal.first().isVisible())) return done;
    return { answer: this.#refusedWith(await refusal.first().textContent()) };
  }

  /** Throws for what is no answer to a question of rights. */
  #refusedWith(words: string | null): Answer {
    const answer = ANSWERS[this.#status];
    if (answer === undefined) throw new Error(`refused with ${this.#status}: ${words}`);
    return answer;
  }

  async #found(words: string): Promise<Came> {
    await this.#goToFiles('', `?search=${words}`);
    return { answer: 'done', seen: (await this.#rows()).map(({ folder, name }) => (folder === '' ? name : `${folder}/${name}`)) };
  }

  /** Goes through a folder and all in it as one does with the mouse: folders come first, so the paths are put in order at the end. */
  async #below(folder: string): Promise<string[]> {
    await this.#goToFiles(folder);
    const paths: string[] = [];
    for (const { name, isFolder } of await this.#rows()) {
      const path = `${folder}/${name}`;
      if (!isFolder) paths.push(path);
      else paths.push(...(await this.#below(path)));
    }
    return paths.sort();
  }

  async #rows(): Promise<{ name: string; folder: string; isFolder: boolean }[]> {
    await this.#page.locator('.row').or(this.#page.locator('.empty')).first().waitFor();
    return await this.#page.locator('.row').evaluateAll((rows) =>
      rows.map((row) => ({
        name: row.querySelector('.title')?.textContent ?? '',
        folder: row.querySelector('.under')?.textContent ?? '',
        isFolder: row.querySelector('.icon.folder') !== null,
      })),
    );
  }

  async #withDetails(what: OnPath): Promise<Came> {
    await this.#goToFiles('', `?open=${encodeURIComponent(what.path)}`);
    const details = detailsOf(this.#page);
    const gone = details.getByText('This file is not there (any more).');
    await details.getByRole('region', { name: 'Copies' }).or(gone).first().waitFor();
    if (await gone.isVisible()) return notFound;
    switch (what.act) {
      case 'rename':
        return await this.#rename(details, what.path, what.to);
      case 'delete':
        return await this.#delete(details, what.path);
      case 'where':
        await details
          .getByRole('listitem')
          .filter({ hasText: /alpha|bravo/ })
          .first()
          .waitFor();
        return done;
      case 'history':
        await details.getByRole('region', { name: 'History' }).getByText('No older versions').waitFor();
        return done;
      default:
        await details.locator('pre').getByText(what.path, { exact: true }).waitFor();
        return done;
    }
  }

  async #delete(details: Locator, path: string): Promise<Came> {
    const button = details.getByRole('button', { name: 'Delete' });
    if ((await button.count()) === 0) return await this.#withoutButton('DELETE', fileUrl(path));
    await button.click();
    return await this.#outcome(this.#said(/was deleted\.$/));
  }

  async #rename(details: Locator, path: string, to: string): Promise<Came> {
    const button = details.getByRole('button', { name: 'Rename' });
    if ((await button.count()) === 0) return await this.#withoutButton('POST', '/api/v1/rename', { from: path, to });
    await button.click();
    const dialog = this.#page.getByRole('dialog');
    await dialog.getByRole('textbox').fill(`/${to}`);
    await dialog.getByRole('button', { name: 'Rename' }).click();
    return await this.#outcome(this.#said(`${path.split('/').at(-1)} is now ${to.split('/').at(-1)}.`));
  }

  async #create(path: string): Promise<Came> {
    await this.#goToFiles('');
    await this.#page.getByRole('button', { name: 'New text' }).click();
    const dialog = this.#page.getByRole('dialog');
    await dialog.getByRole('textbox').fill(path);
    await dialog.getByRole('button', { name: 'Create' }).click();
    return await this.#outcome(detailsOf(this.#page).getByText('It is empty.'));
  }

  async #overwrite(path: string): Promise<Came> {
    const [name = '', ...above] = path.split('/').reverse();
    await this.#goToFiles(above.reverse().join('/'));
    await drop(this.#page, [{ name, text: 'newer' }]);
    const item = this.#page.getByRole('region', { name: 'Uploads' }).getByRole('listitem').filter({ hasText: name });
    return await this.#outcome(item.getByText(/ stored$/));
  }

  async #restore(path: string): Promise<Came> {
    await this.#goToFiles('', '?show=deleted');
    const [name = '', ...above] = path.split('/').reverse();
    const folder = this.#page.locator('.under');
    const named = this.#page.getByRole('row').filter({ hasText: name });
    const row = above.length === 0 ? named.filter({ hasNot: folder }) : named.filter({ hasText: above.reverse().join('/') });
    await row.getByRole('button', { name: 'Restore' }).click();
    return await this.#outcome(this.#said(`${name} is back.`));
  }

  async #rights(what: Extract<OnPath, { act: 'grant' }> | Readonly<{ act: 'rights'; path: string }>): Promise<Came> {
    const section = this.#page.getByRole('region', { name: 'Rights' });
    await section.getByLabel('Folder or file').fill('');
    await section.getByText('Name a folder or a file').waitFor();
    await section.getByLabel('Folder or file').fill(what.path);
    const form = section.getByRole('button', { name: 'Set' });
    const fault = section.locator('p.fault');
    const shown = section.getByRole('listitem').filter({ hasText: 'Everyone' });
    await shown.or(fault).first().waitFor();
    if (await fault.isVisible()) return { answer: this.#refusedWith(await fault.textContent()) };
    if (what.act === 'rights') return done;
    const { path, who, right } = what;
    if ((await form.count()) === 0) return await this.#withoutButton('POST', '/api/v1/rights', { path, who, right });
    await section.getByLabel('Who').selectOption(what.who);
    await section.getByLabel('What').selectOption(what.right);
    await form.click();
    return await this.#outcome(this.#said(new RegExp(`^${what.who} .* ${what.path}\\.$`, 'i')));
  }

  async #invite(): Promise<Came> {
    if (!(await this.#isOffered('Invite', 'invite'))) return await this.#withoutButton('POST', '/api/v1/invite', {});
    await this.#page.getByRole('button', { name: 'Show the line' }).click();
    return await this.#outcome(this.#page.getByText(/^home\/[a-z]+-/));
  }

  async #setReplicas(): Promise<Came> {
    if (!(await this.#isOffered('Peers', 'peers'))) return await this.#withoutButton('POST', '/api/v1/settings', { replicas: 3 });
    await this.#page.getByLabel('Copies of every file').selectOption('3');
    return await this.#outcome(this.#said(/is to be kept on 3 peers/));
  }

  /** There is no way to it for who may not, and by its address nothing but a word why. */
  async #isOffered(name: string, part: string): Promise<boolean> {
    const hasWay = (await this.#page.getByRole('link', { name, exact: true }).count()) > 0;
    await this.#go(`people/${part}`);
    if (hasWay) return true;
    await this.#page.getByText('This is for those who look after the mesh').waitFor();
    const buttons = await this.#page.getByRole('main').locator('button:not(.out), select, input').count();
    if (buttons > 0) throw new Error(`${part} offers what may not be done`);
    return false;
  }

  async #lookAround(act: 'users' | 'add user' | 'remove user' | 'status' | 'peers'): Promise<Came> {
    await this.#go(act === 'status' || act === 'peers' ? 'mesh' : 'people/accounts');
    if (act === 'status' || act === 'peers') await this.#page.getByText('2 peers here').first().waitFor();
    else await this.#page.getByRole('listitem').filter({ hasText: 'anna' }).waitFor();
    if (act === 'add user') return await this.#addUser();
    return act === 'remove user' ? await this.#removeUser() : done;
  }

  async #addUser(): Promise<Came> {
    const add = this.#page.getByRole('button', { name: 'Add an account' });
    const mallory = { name: 'mallory', password: 'a password of mallory', admin: true };
    if ((await add.count()) === 0) return await this.#withoutButton('POST', '/api/v1/users', mallory);
    await add.click();
    await this.#page.getByLabel('Name').fill(mallory.name);
    await this.#page.getByLabel('Password').fill(mallory.password);
    await this.#page.getByRole('button', { name: 'Make account' }).click();
    return await this.#outcome(this.#page.getByRole('listitem').filter({ hasText: mallory.name }));
  }

  async #removeUser(): Promise<Came> {
    const remove = this.#page.getByRole('button', { name: 'Remove anna' });
    if ((await remove.count()) === 0) return await this.#withoutButton('DELETE', '/api/v1/users/anna');
    await remove.click();
    await this.#page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    return await this.#outcome(this.#said('anna was removed.'));
  }

  async #withoutButton(method: string, path: string, body?: unknown): Promise<Came> {
    this.#status = await askedWithoutButton(this.#page, method, path, body);
    return { answer: this.#refusedWith(`${method} ${path} without a button`) };
  }

  #said(text: string | RegExp): Locator {
    return this.#page.getByRole('status').getByText(text);
  }
}
