import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Asker, PASSWORDS, RIGHTS_CASES, type RightsCase, sightFault, wrongCases } from '../../rights-cases.ts';
import { RightsHere } from '../rights-here.ts';
import { BROWSER_TEST_MS, hasBrowser, Person } from './browser.ts';
import { Hand } from './hand.ts';

const CASES_MS = 600_000;

describe.skipIf(!hasBrowser)('two users, an admin and a stranger, each at a page', () => {
  const here = new RightsHere();
  const person = new Person();
  const hands = new Map<Asker, Hand>();

  async function attempt(one: RightsCase): Promise<string | undefined> {
    const hand = hands.get(one.by);
    if (hand === undefined) throw new Error(`${one.by} has no page`);
    const { answer, seen = [] } = await hand.act(one.what);
    if (answer !== one.answer) return answer;
    if (one.what.act === 'grant' && answer === 'done') await here.spread(one.by, one.what);
    return sightFault(one, () => seen);
  }

  beforeAll(async () => {
    await here.begin();
    // Not all at one peer.
    const askers: Asker[] = [...(Object.keys(PASSWORDS) as (keyof typeof PASSWORDS)[]), 'nobody'];
    for (const [index, by] of askers.entries()) {
      const page = await person.open(`${here.urls[index % here.urls.length]}/#/people/rights`);
      if (by !== 'nobody') {
        await page.getByLabel('Name').fill(by);
        await page.getByLabel('Password').fill(PASSWORDS[by]);
        await page.getByRole('button', { name: 'Log in' }).click();
        await page.getByRole('heading', { name: 'People' }).waitFor();
      }
      hands.set(by, new Hand(page));
    }
  }, BROWSER_TEST_MS);

  afterAll(async () => {
    await person.end();
    await here.end();
  });

  it(
    `may do by its buttons and lists what the table of ${RIGHTS_CASES.length} cases says`,
    async () => expect(await wrongCases(attempt)).toEqual([]),
    CASES_MS,
  );

  it('says nothing that its own policy forbids', () => {
    expect(person.complaints).toEqual([]);
  });
});
