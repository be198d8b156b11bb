import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { atRest, BROWSER_TEST_MS, detailsOf, findings, hasBrowser, Person } from './browser.ts';

const PASSWORD = 'violet candle of anna';
/** As long as a name may be nearly, without a place to break it. */
const LONG = `${'long'.repeat(45)}.txt`;
const SECONDS = 3;
const RATE = 8_000;

/** A tone, as a file of uncompressed sound. */
function tone(): Buffer {
  const samples = SECONDS * RATE;
  const bytes = Buffer.alloc(44 + samples * 2);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  // Sixteen bytes about it: plain samples, one channel, two bytes each.
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    bytes.writeUInt16LE(value, at);
  for (const [at, value] of [
    [16, 16],
    [24, RATE],
    [28, RATE * 2],
  ] as const)
    bytes.writeUInt32LE(value, at);
  bytes.write('data', 36);
  bytes.writeUInt32LE(samples * 2, 40);
  for (let at = 0; at < samples; at++) bytes.writeInt16LE(Math.round(Math.sin(at / 3) * 8_000), 44 + at * 2);
  return bytes;
}

describe.skipIf(!hasBrowser)('on a phone', { timeout: BROWSER_TEST_MS }, () => {
  const peers = new PeersHere();
  const person = new Person();
  let page: Page;
  let origin = '';

  beforeAll(async () => {
    peers.drop('alpha', LONG, `${'a line without end '.repeat(60)}\n`);
    peers.drop('alpha', 'tone.wav', tone());
    origin = String((await peers.up('alpha', '--http', '127.0.0.1:0')).http);
    await peers.up('bravo', '--http', 'off');
    await peers.value(0, ['user', 'add', 'anna'], { input: `${PASSWORD}\n` });
    page = await person.open(origin, { phone: true });
    await page.getByLabel('Name').waitFor();
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await peers.end();
  });

  /** The page is no wider than the screen, and axe finds nothing. */
  async function fits(what: string): Promise<void> {
    const width = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    await expect.poll(width, { message: `${what} is wider than the screen by so many pixels` }).toBeLessThanOrEqual(0);
    await atRest(page);
    expect(await findings(page), what).toEqual([]);
  }

  it('every view fits the screen, and has nothing that axe finds', async () => {
    await fits('login');
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('row').filter({ hasText: 'tone.wav' }).waitFor();
    await fits('files');
    await page.getByRole('row').filter({ hasText: 'long' }).click();
    await detailsOf(page).locator('pre').waitFor();
    await fits('details');
    for (const [place, region, there] of [
      ['mesh', 'Peers', 'bravo'],
      [`mesh?file=${LONG}`, `Parts of ${LONG}`, 'alpha'],
      ['people/accounts', 'Accounts', 'anna'],
      ['people/rights?path=home/anna', 'Rights', 'anna'],
      ['people/peers', 'Peers', 'bravo'],
      ['people/log', 'Log', 'anna'],
      ['people/invite', 'Another peer', 'Show the line'],
    ] as const) {
      await page.goto(`${origin}/#/${place}`);
      await page.getByRole('region', { name: region, exact: true }).getByText(there).first().waitFor();
      await fits(place);
    }
    await page.getByRole('button', { name: 'Show the line' }).click();
    await page.getByRole('img', { name: 'The invitation line as a QR code' }).waitFor();
    await fits('invitation');
  });

  it('sound is played, and sought in by a range of its bytes', async () => {
    const ranges: string[] = [];
    page.on('response', (answer) => {
      if (answer.url().includes('tone.wav')) ranges.push(`${answer.status()} ${answer.headers()['content-range']}`);
    });
    await page.goto(`${origin}/#/files?open=tone.wav`);
    const audio = page.locator('audio');
    const at = () => audio.evaluate((element) => (element as HTMLAudioElement).currentTime);
    await expect.poll(() => audio.evaluate((element) => (element as HTMLAudioElement).duration)).toBeCloseTo(SECONDS, 1);
    await audio.evaluate((element) => {
      (element as HTMLAudioElement).currentTime = 2;
      return (element as HTMLAudioElement).play();
    });
    await expect.poll(at).toBeGreaterThan(2);
    expect(ranges).toContainEqual(expect.stringMatching(/^206 bytes \d+-\d+\/48044$/));
    await fits('sound');
  });

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
