import type { Page } from 'playwright-core';
import { PeersHere } from '../../cli/peers-here.ts';
import { Person } from './browser.ts';

export const PASSWORDS = { anna: 'correct horse battery', ben: 'another long word', carla: 'a third long word' };
export const PEERS = ['alpha', 'bravo', 'charlie'];

type User = keyof typeof PASSWORDS;

/** Three real peers with a page each, and people who come to them in browsers of their own. */
export class Members {
  readonly peers = new PeersHere();
  readonly person = new Person();
  /** Where other peers reach the first one. */
  address = '';
  readonly #pages = new Map<string, string>();

  async begin(): Promise<void> {
    for (const name of PEERS) {
      const ready = await this.peers.up(name, '--http', '127.0.0.1:0');
      this.#pages.set(name, String(ready.http));
      this.address ||= String(ready.address);
    }
  }

  at(peer: string, place = ''): string {
    return `${this.#pages.get(peer)}/${place}`;
  }

  async login(page: Page, user: string, password: string): Promise<void> {
    await page.getByLabel('Name').fill(user);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  async openAs(user: User, peer: string, place = '', password = PASSWORDS[user]): Promise<Page> {
    const page = await this.person.open(this.at(peer, place));
    await this.login(page, user, password);
    await page.getByRole('navigation', { name: 'Views' }).getByText(user, { exact: true }).waitFor();
    return page;
  }

  /** What a program is told at that peer: no page is asked. */
  async told(peer: string, path: string, user: User = 'anna', password = PASSWORDS[user]) {
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const answer = await fetch(this.at(peer, path), { headers: { authorization } });
    return { status: answer.status, value: answer.ok ? ((await answer.json()) as Record<string, unknown>) : undefined };
  }

  /** Of all accounts. */
  async names(peer: string): Promise<string[] | undefined> {
    const users = (await this.told(peer, 'api/v1/users')).value?.users as { name: string; admin: boolean }[] | undefined;
    return users?.map(({ name, admin }) => (admin ? `${name}, admin` : name));
  }

  async end(): Promise<void> {
    await this.person.end();
    await this.peers.end();
  }
}

export const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text });
export const item = (page: Page, text: string) => page.getByRole('listitem').filter({ hasText: text });
export const said = (page: Page, text: string | RegExp) => page.getByRole('status').getByText(text).waitFor();
