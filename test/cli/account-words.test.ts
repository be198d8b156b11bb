import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from './peers-here.ts';

const LIMIT_MS = 300_000;
const ROOT = 'the password of root';
const BOB = 'the password of bob';

describe('whoever asks for what is not to be had is told at once', () => {
  const here = new PeersHere();
  const known: Record<string, string> = {};
  /** As a client of a machine of its own. */
  const at = (machine: string, input = '', env: Record<string, string> = {}) => ({
    input,
    env: { ...known, FILEMESH_HOME: join(here.place, `home ${machine}`), ...env },
  });

  beforeAll(async () => {
    const { address, join: line } = await here.up('alpha');
    Object.assign(known, { FILEMESH_PEER: String(address), FILEMESH_JOIN: String(line) });
  }, LIMIT_MS);
  afterAll(() => here.end());

  it('while there are no accounts: that there are none, before a password is asked for', { timeout: LIMIT_MS }, async () => {
    const words = /this mesh has no accounts.*"filemesh user add NAME"/;
    expect(await here.filemesh(['user', 'list'], at('root'))).toMatchObject({ code: 0, output: expect.stringMatching(words) });
    expect(await here.value(0, ['user', 'list'], at('root'))).toEqual([]);
    expect(await here.filemesh(['login', 'root'], at('root'))).toMatchObject({ code: 2, error: expect.stringMatching(words) });
  });

  it('what the first account changes, and of the next ones nothing of it', { timeout: LIMIT_MS }, async () => {
    const first = await here.filemesh(['user', 'add', 'root'], at('root', `${ROOT}\n`));
    const words = /root is the first account, and an admin\..*from now on everybody logs in/is;
    expect([first.code, `${first.output}${first.error}`]).toEqual([0, expect.stringMatching(words)]);
    expect(await here.filemesh(['show'], at('nobody'))).toMatchObject({
      code: 7,
      error: expect.stringMatching(/filemesh login/),
    });
    const next = await here.filemesh(['user', 'add', 'ann'], at('root', `${BOB}\n`));
    expect([next.code, `${next.output}${next.error}`]).toEqual([0, expect.not.stringMatching(/first account|from now on/i)]);
  });

  it('what is for admins, before a password is asked for', { timeout: LIMIT_MS }, async () => {
    await here.value(0, ['user', 'add', 'bob'], at('root', `${BOB}\n`));
    await here.value(0, ['login', 'bob'], at('bob', `${BOB}\n`));
    for (const words of [
      ['user', 'add', 'eve'],
      ['user', 'passwd', 'root'],
    ])
      expect(await here.filemesh(words, at('bob'))).toMatchObject({ code: 7, error: expect.stringMatching(/for admins/) });
  });

  it('that it may be the account which is not there, where a right is given', { timeout: LIMIT_MS }, async () => {
    const told = await here.filemesh(['grant', 'docs', 'nobody', 'read'], at('root'));
    expect(told).toMatchObject({
      code: 3,
      error: expect.stringMatching(/no "docs", or no account "nobody".*"filemesh user list"/),
    });
  });

  it('how a password is given, where none is', { timeout: LIMIT_MS }, async () => {
    const told = await here.filemesh(['login', 'bob'], at('bob'));
    expect(told).toMatchObject({ code: 2, error: expect.stringMatching(/typed at a terminal, or stands in the first line/) });
  });

  it('by --user of log what that one did, whoever asks', { timeout: LIMIT_MS }, async () => {
    const told = (await here.value(0, ['log', '--user', 'bob'], at('root'))) as { user: string }[];
    expect(told.map(({ user }) => user)).toEqual(['bob']);
    await here.value(7, ['log', '--user', 'root'], at('bob'));
  });

  it('where the name and password are from that are wrong, and that there is nothing to log out of', {
    timeout: LIMIT_MS,
  }, async () => {
    const env = { FILEMESH_USER: 'bob', FILEMESH_PASSWORD: 'another password' };
    const refused = await here.filemesh(['show'], at('bob', '', env));
    expect(refused).toMatchObject({ code: 7, error: expect.stringMatching(/"bob".*FILEMESH_USER.*--config/) });
    const out = await here.filemesh(['logout'], at('bob', '', { ...env, FILEMESH_PASSWORD: BOB }));
    expect(out).toMatchObject({ code: 0, output: expect.stringMatching(/nothing is kept here/) });
    expect(await here.value(0, ['show'], at('bob'))).toEqual([]);
  });
});
