import { beforeEach, expect, test } from 'vitest';
import { type AccountFact, TOKEN_MS, verifierOf } from '../../src/core/accounts.ts';
import { Rights } from '../../src/core/rights.ts';
import { Sessions } from '../../src/server/sessions.ts';
import type { Link } from '../../src/wire/link.ts';

const HOST = '10.0.0.7';
const KEYS = ['a', 'b'].map((digit) => digit.repeat(64));

/** What is known of one account, as the catalog tells it, and the wall clock. */
let account: AccountFact;
let key: { generation: number; key: string | undefined };
let nowMs: number;
let sessions: Sessions;

const newLink = () => ({ role: 'client', remoteAddress: `${HOST}:1` }) as Link;

beforeEach(() => {
  account = {
    ...{ kind: 'account', name: 'anna', admin: false, removed: false, verifier: verifierOf('AAAA', 'BBBB') },
    ...{ life: 1, revision: 3, adminRevision: 0 },
  };
  key = { generation: 1, key: KEYS[0] };
  nowMs = 1_000_000;
  const people = {
    accounts: () => new Map(account.removed ? [] : [[account.name, account]]),
    accountFact: () => account,
    sessionKey: () => key,
    rights: () => new Rights([]),
  };
  const outside = {
    clock: { wall: () => nowMs },
    random: { bytes: (count: number) => new Uint8Array(count) },
    catalog: { people },
  };
  sessions = new Sessions(outside as unknown as ConstructorParameters<typeof Sessions>[0]);
});

/** Whether a token of before opens a new link, and whose the link is that it was made for. */
function standing(token: string, link: Link): { token: string; link: string | undefined } {
  let shown = 'good';
  try {
    sessions.resume(token, newLink(), HOST);
  } catch (thrown) {
    shown = (thrown as { code: string }).code;
  }
  return { token: shown, link: sessions.personOf(link)?.name };
}

test('a login ends with its time, over the link that it was made by too', () => {
  const link = newLink();
  const token = sessions.begin(account, link, HOST);
  nowMs += TOKEN_MS - 1;
  expect(standing(token, link)).toEqual({ token: 'good', link: 'anna' });
  nowMs += 1;
  expect(standing(token, link)).toEqual({ token: 'not-allowed', link: undefined });
});

test.each<[string, () => void]>([
  ['another password', () => Object.assign(account, { revision: 4, verifier: verifierOf('AAAA', 'CCCC') })],
  ['the end of the account', () => Object.assign(account, { removed: true })],
  ['the next who has the name, though by chance with the same password', () => Object.assign(account, { life: 2 })],
])('a login ends with %s', (_what, change) => {
  const link = newLink();
  const token = sessions.begin({ ...account }, link, HOST);
  change();
  expect(standing(token, link)).toEqual({ token: 'not-allowed', link: undefined });
});

test('a login ends with the key that signed it', () => {
  const link = newLink();
  const token = sessions.begin(account, link, HOST);
  key = { generation: 2, key: KEYS[1] };
  expect(standing(token, link)).toEqual({ token: 'not-allowed', link: undefined });
});

test('what was begun by who had the name before is not for who has it now', () => {
  const [before, now] = ['anna.0', 'anna.1'].map((name) => sessions.sightNamed(name));
  expect([before, now].map((sight) => sight?.sees('home/anna/a.txt'))).toEqual([false, true]);
});
