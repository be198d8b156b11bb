import { cpSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { filesIn } from '../../faults/contents.ts';
import { until } from '../../faults/process.ts';
import { BROWSER_TEST_MS, findings, hasBrowser, Person, picture } from './browser.ts';

/** Enough for the brake: 20 files and 30 % of them. */
const NAMES = Array.from({ length: 30 }, (_, index) => `file-${index}.txt`);

describe.skipIf(!hasBrowser)('a peer that does not trust its folder, in a browser', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let page: Page;

  const filesOf = (name: string) => [...filesIn(join(peers.place, name)).keys()].filter((path) => NAMES.includes(path)).length;
  const bothHaveAll = () =>
    until('all files on both', () => filesOf('alpha') === NAMES.length && filesOf('bravo') === NAMES.length);
  const card = () => page.getByRole('article').filter({ hasText: 'shows you this page' });
  const why = () => card().getByText(/^It does not trust its folder: .*30/);

  beforeAll(async () => {
    for (const name of NAMES) peers.drop('alpha', name, `the text of ${name}`);
    const first = await peers.up('alpha', '--http', '127.0.0.1:0');
    await peers.up('bravo');
    await bothHaveAll();
    page = await person.open(String(first.http));
    await page.getByRole('link', { name: 'Mesh', exact: true }).click();
    await card().waitFor();
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  async function pauses(): Promise<void> {
    for (const name of NAMES) unlinkSync(join(peers.place, 'alpha', name));
    await why().waitFor({ timeout: BROWSER_TEST_MS / 3 });
    await card().getByText('paused', { exact: true }).waitFor();
    expect(filesOf('bravo')).toBe(NAMES.length);
  }

  it('tells why it paused, and brings the missing files back at a click', async () => {
    await pauses();
    // The buttons say what the commands would.
    expect(await card().textContent()).not.toContain('filemesh resume');
    await page.getByRole('status').filter({ hasText: 'alpha is paused' }).waitFor();
    await picture(page, 'paused');
    expect(await findings(page)).toEqual([]);
    await card().getByRole('button', { name: 'Bring missing files back' }).click();
    await page.getByText('alpha gets the missing files back.').first().waitFor();
    await bothHaveAll();
    await why().waitFor({ state: 'detached' });
  });

  it('takes them for deleted at another', async () => {
    await pauses();
    await card().getByRole('button', { name: 'They were deleted on purpose' }).click();
    await until('they are deleted everywhere', () => filesOf('bravo') === 0);
    await why().waitFor({ state: 'detached' });
  });

  it('offers no answer where a copy was put in the place of its folder, and goes on when that is undone', async () => {
    const folder = join(peers.place, 'alpha');
    renameSync(folder, `${folder} aside`);
    cpSync(`${folder} aside`, folder, { recursive: true });
    await card()
      .getByText(/Another folder was put in the place of this one\. Put back what was there/)
      .waitFor();
    expect(await card().getByRole('button').count()).toBe(0);
    renameSync(folder, `${folder} copied`);
    renameSync(`${folder} aside`, folder);
    await card().getByText('here', { exact: true }).waitFor();
    expect(await card().getByText('It does not trust its folder').count()).toBe(0);
  });
});
