import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { qrCode, qrPath } from '../../../src/web/page/people/qr-code.ts';
import { BROWSER_TEST_MS, findings, hasBrowser, nightPicture, picture } from './browser.ts';
import { item, Members, PASSWORDS, PEERS, said } from './members.ts';

/** Of a mesh called `home`; its number comes in once the words were changed. */
const LINE = /^home(\+[0-9a-f]+)?\/[a-z]+-/;

describe.skipIf(!hasBrowser)('peers in a browser, with three peers', { timeout: BROWSER_TEST_MS }, () => {
  const members = new Members();
  const { peers, person } = members;
  const at = members.at.bind(members);
  const [login, told] = [members.login.bind(members), members.told.bind(members)];
  let admin: Page;

  beforeAll(async () => {
    await members.begin();
    const body = JSON.stringify({ name: 'anna', password: PASSWORDS.anna });
    const headers = { 'content-type': 'application/json' };
    const made = await fetch(at('alpha', 'api/v1/users'), { method: 'POST', headers, body });
    expect(await made.text()).toContain('true');
    admin = await members.openAs('anna', 'alpha', '#/people/invite');
  }, BROWSER_TEST_MS);

  afterAll(() => members.end());

  it('shows the invitation as a line and as a code, and a peer enters with it', async () => {
    await admin.goto(at('alpha', '#/people/invite'));
    await admin.getByRole('button', { name: 'Show the line' }).click();
    const line = (await admin.getByText(LINE).textContent()) ?? '';
    const code = admin.getByRole('img', { name: 'The invitation line as a QR code' });
    expect(await code.locator('path').getAttribute('d')).toBe(qrPath(qrCode(line)));
    await picture(admin, 'people-invite');
    expect(await findings(admin)).toEqual([]);
    expect(await nightPicture(admin, 'people-invite')).toEqual([]);
    const common = ['--name', 'delta', '--port', '0', '--settle', '0.1', '--json', '--http', 'off'];
    const delta = peers.begin(['up', 'delta', ...common, '--join', line, '--peer', members.address]);
    try {
      await delta.line('delta is in', (text) => text.includes('"member-joined"'));
      await admin.getByText('4 peers here').waitFor();
    } finally {
      await delta.kill();
    }
  });

  it('removes a peer for good, after saying what that costs', async () => {
    await admin.goto(at('alpha', '#/people/peers'));
    const delta = item(admin, 'delta');
    await delta.getByText('away since').waitFor();
    await picture(admin, 'people-peers');
    expect(await findings(admin)).toEqual([]);
    expect(await nightPicture(admin, 'people-peers')).toEqual([]);
    await delta.getByRole('button', { name: 'Remove' }).click();
    await admin.getByRole('dialog').getByText('can never enter the mesh again').waitFor();
    await admin.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await said(admin, 'delta was removed.');
    await delta.waitFor({ state: 'detached' });
  });

  it('is logged out everywhere by that, for the removed one knew the key; whoever logs in finds it gone', async () => {
    await admin.getByRole('button', { name: 'Log in' }).waitFor();
    await login(admin, 'anna', PASSWORDS.anna);
    await admin.getByLabel('Copies of every file').waitFor();
    for (const peer of PEERS) {
      const known = async () =>
        ((await told(peer, 'api/v1/peers')).value?.peers as { name: string }[] | undefined)?.map(({ name }) => name);
      await expect.poll(known).toEqual(PEERS);
    }
  });

  it('says on how many peers every file is kept', async () => {
    await admin.getByLabel('Copies of every file').selectOption('3');
    await said(admin, 'Every file is to be kept on 3 peers.');
    for (const peer of PEERS) {
      await expect.poll(async () => (await told(peer, 'api/v1/status')).value?.wanted).toBe(3);
    }
    // Also a number that it does not offer.
    const headers = { authorization: `Basic ${btoa(`anna:${PASSWORDS.anna}`)}`, 'content-type': 'application/json' };
    await fetch(members.at('alpha', 'api/v1/settings'), { method: 'POST', headers, body: '{"replicas":9}' });
    await expect.poll(() => admin.getByLabel('Copies of every file').inputValue()).toBe('9');
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
