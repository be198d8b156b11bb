import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, hasBrowser, lookedOut, Person } from './browser.ts';

const PASSWORDS = { root: 'correct horse battery', anna: 'violet candle of anna', mallory: 'a plan that mallory has' };

/** Addresses that somebody else made, against who goes on at another peer honestly. */
describe.skipIf(!hasBrowser)('an address that says to go on here', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  const addresses = new Map<string, string>();
  let evil: Server;
  let link = '';
  let token = '';

  const at = (peer: string, hash = '') => `${addresses.get(peer)}/${hash}`;
  const door = (page: Page) => page.getByRole('button', { name: 'Log in' });
  const who = (page: Page) => page.getByRole('navigation', { name: 'Views' }).locator('.who');
  /** All that a page of this browser could still read or send by itself. */
  const kept = async (page: Page) =>
    JSON.stringify([await page.context().cookies(), await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }])]);

  async function up(name: string, http: string): Promise<void> {
    addresses.set(name, String((await peers.up(name, '--http', http)).http));
  }

  async function post(path: string, body: unknown, authorization = ''): Promise<{ token: string }> {
    const headers = { 'content-type': 'application/json', ...(authorization && { authorization }) };
    const answer = await fetch(at('alpha', path), { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as { token: string };
  }

  async function login(page: Page): Promise<void> {
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel('Password').fill(PASSWORDS.anna);
    await door(page).click();
    await who(page).getByText('anna').waitFor();
  }

  /** What mallory sends people: a link to their own peer, with a login, a name and an upload of mallory's in it. */
  function forged(peer: string): string {
    const unfinished = [{ path: 'for-mallory.txt', size: 12, modified: 1_700_000_000_000 }];
    const carried = encodeURIComponent(JSON.stringify({ from: 'Your bank', token, unfinished }));
    return at(peer, `#/files?handover=${carried}`);
  }

  /** Follows it from a page of another place, as from a mail. */
  async function follow(page: Page, address: string): Promise<void> {
    link = address;
    await page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}/`);
    await page.getByRole('link').click();
    await page.waitForURL((url) => url.origin === new URL(address).origin);
  }

  beforeAll(async () => {
    peers.drop('alpha', 'docs/shared.txt', 'for all\n');
    for (const name of ['alpha', 'bravo']) await up(name, '127.0.0.1:0');
    const admin = `Basic ${Buffer.from(`root:${PASSWORDS.root}`).toString('base64')}`;
    await post('api/v1/users', { name: 'root', password: PASSWORDS.root });
    for (const name of ['anna', 'mallory'] as const) {
      await post('api/v1/users', { name, password: PASSWORDS[name] }, admin);
    }
    token = (await post('api/v1/login', { user: 'mallory', password: PASSWORDS.mallory })).token;
    // It is what its maker thinks: good at every peer.
    expect(
      await (await fetch(at('bravo', 'api/v1/session'), { headers: { authorization: `Bearer ${token}` } })).json(),
    ).toMatchObject({ user: 'mallory' });
    // Its page tells where it is, as loosely as a page can.
    evil = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end(`<a href="${link}" referrerpolicy="unsafe-url">Look at this!</a>`),
    );
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    evil.close();
    await peers.end();
  });

  it('logs nobody in, and puts no words and no uploads of its maker into the page', async () => {
    for (const come of ['by a link', 'typed'] as const) {
      const page = await person.open('about:blank');
      if (come === 'by a link') await follow(page, forged('alpha'));
      else await page.goto(forged('alpha'));
      await door(page).waitFor();
      expect(page.url()).not.toContain('handover');
      expect(await kept(page)).not.toContain(token);
      await login(page);
      await page.getByRole('row').filter({ hasText: 'docs' }).waitFor();
      await page.getByText('2 peers here').waitFor();
      for (const words of ['mallory', 'Your bank', 'did not answer', 'Choose the file again']) {
        expect(await page.getByText(words).count(), words).toBe(0);
      }
      await page.context().close();
    }
  });

  it('tells where other peers are to who is logged in, and to no stranger', async () => {
    const policyOf = async (path: string, authorization = '') => {
      const answer = await fetch(at('alpha', path), { headers: authorization === '' ? {} : { authorization } });
      return [answer.status, answer.headers.get('content-security-policy')?.match(/connect-src[^;]*/)?.[0]];
    };
    const known = await policyOf('lookout.js', `Bearer ${token}`);
    expect(known).toEqual([200, expect.stringContaining(String(addresses.get('bravo')))]);
    for (const [path, status] of [
      ['', 200],
      ['healthz', 200],
      ['api/v1/peers', 401],
      ['api/v1/traffic', 401],
      ['lookout.js', 401],
    ] as const) {
      expect(await policyOf(path), path).toEqual([status, "connect-src 'self'"]);
    }
    expect(await policyOf('lookout.js', 'Bearer anna.bad')).toEqual([401, "connect-src 'self'"]);
  });

  it('changes nothing for who is logged in, there and wherever they go on later; no login is ever in an address', async () => {
    const page = await person.open(at('alpha', '#/files/docs').replace('127.0.0.1', 'localhost'));
    await login(page);
    const seen: string[] = [];
    page.on('framenavigated', (frame) => seen.push(frame.url()));
    page.on('request', (request) => seen.push(request.url()));
    await follow(page, forged('alpha').replace('127.0.0.1', 'localhost').replace('#/files', '#/files/docs'));
    await who(page).getByText('anna').waitFor();
    await page.getByText('2 peers here').waitFor();
    await expect.poll(() => page.evaluate(() => JSON.stringify({ ...localStorage }))).toContain('bravo');
    const cookies = await page.context().cookies();
    const mine = cookies.find(({ name }) => name === 'filemesh-session');
    expect(mine?.value).toMatch(/^anna\./);
    seen.length = 0;
    await lookedOut(page);
    await peers.peer('alpha').kill();
    await page.waitForURL((url) => url.port === new URL(at('bravo')).port);
    await page.getByText('alpha did not answer. Going on here.').waitFor();
    await page.getByRole('row').filter({ hasText: 'shared.txt' }).waitFor();
    await who(page).getByText('anna').waitFor();
    expect(seen.some((address) => address.includes('handover'))).toBe(true);
    expect(seen.filter((address) => address.includes(mine?.value ?? '') || address.includes(token))).toEqual([]);
    await page.context().close();
    await up('alpha', '127.0.0.1:0');
  });

  it('is come to by another host: one logs in there, and is where one was', async () => {
    await up('charlie', '127.0.0.2:0');
    const page = await person.open(at('charlie', '#/files/docs'));
    await login(page);
    await page.getByText('3 peers here').waitFor();
    await expect.poll(() => page.evaluate(() => JSON.stringify({ ...localStorage }))).toContain('alpha');
    await lookedOut(page);
    await peers.peer('charlie').kill();
    await page.waitForURL((url) => url.hostname === '127.0.0.1');
    await page.getByRole('status').getByText('Log in to go on.').waitFor();
    await login(page);
    await page.getByText('charlie did not answer. Going on here.').waitFor();
    await page.getByRole('row').filter({ hasText: 'shared.txt' }).waitFor();
    await page.context().close();
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
