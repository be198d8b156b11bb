import { expect, test } from 'vitest';
import { type ErrorCode, MeshError } from '../../src/core/errors.ts';
import type { FilePath, PeerId, RequestId } from '../../src/core/ids.ts';
import { Claiming } from '../../src/server/claiming.ts';
import { HandClock } from '../replication/hand-clock.ts';

const owner = 'ab'.repeat(32) as PeerId;
const request = 'cd'.repeat(16) as RequestId;
const path = 'a.txt' as FilePath;
const wish = { path, base: [], fresh: true };

/** The maker's side of claims, one owner, and all that this one is asked. `refuse`: the code a call ends with. */
function story() {
  const clock = new HandClock();
  const asked: string[] = [];
  const refuse = new Map<string, ErrorCode>();
  const link = {
    open: true,
    call: async (name: string) => {
      asked.push(name);
      const code = refuse.get(name);
      if (code !== undefined) throw new MeshError(code, 'as the test wants');
      return { reply: {} };
    },
  };
  const catalog = { self: 'ef'.repeat(32), peers: { ownerOf: () => owner } };
  const slice = { clock, catalog, switchboard: { link: () => link }, claims: {} };
  const claiming = new Claiming(slice as unknown as ConstructorParameters<typeof Claiming>[0]);
  const claim = () => claiming.claim(request, [wish], () => false);
  return { clock, asked, refuse, link, claim };
}

test('an owner that is too busy to hear that a name is free is told again, until it has heard', async () => {
  const { clock, asked, refuse, claim } = story();
  const grant = await claim();
  refuse.set('release', 'busy');
  await grant?.release(new Map());
  await clock.pass(60_000);
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.length).toBeLessThan(20);
  refuse.clear();
  await clock.pass(10_000);
  const told = asked.length;
  await clock.pass(60_000);
  expect(asked).toHaveLength(told);
  expect(clock.waiting).toBe(0);
});

test.each([
  ['its link has died', 'busy', false],
  ['it knows no such call', 'not-allowed', true],
] as const)('it is not told again when %s', async (_why, code, open) => {
  const { clock, asked, refuse, link, claim } = story();
  const grant = await claim();
  refuse.set('release', code);
  await grant?.release(new Map());
  link.open = open;
  await clock.pass(60_000);
  expect(asked).toEqual(['claim', 'release']);
});

test('a claim that was not answered in time may have been granted: it is released, but not once it is claimed again', async () => {
  const { clock, asked, refuse, claim } = story();
  refuse.set('claim', 'timeout');
  const claimed = claim();
  await clock.pass(350);
  expect(asked.filter((name) => name === 'release')).toHaveLength(0);
  refuse.clear();
  await clock.pass(200);
  await claimed;
  await clock.pass(60_000);
  expect(asked.filter((name) => name === 'release')).toHaveLength(0);

  refuse.set('claim', 'timeout');
  const failed = claim().catch((error: MeshError) => error.code);
  await clock.pass(20_000);
  expect(await failed).toBe('busy');
  expect(asked.filter((name) => name === 'release')).toHaveLength(1);
});
