import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newKeyPair } from '../../src/cli/sealing/account-key.ts';
import { fingerprintOf } from '../../src/cli/sealing/known-keys.ts';
import { keptSealsOf } from '../../src/cli/sealing/seal-options.ts';
import { PeersHere } from './peers-here.ts';

const LIMIT_MS = 300_000;
const PASSWORDS: Record<string, string> = {
  anna: 'a password of anna',
  ben: 'a password of ben',
  carl: 'a password of carl',
  dora: 'a password of dora',
};

interface ListedUser {
  readonly name: string;
  readonly recipient: string;
  readonly fingerprint: string;
  readonly trusted: boolean;
}

describe('the sealing keys of accounts', () => {
  const here = new PeersHere();
  const known: Record<string, string> = {};
  let page: string;
  const local = (name: string) => join(here.place, name);
  /** As a client of a machine of its own. */
  const at = (machine: string, input = '') => ({ input, env: { ...known, FILEMESH_HOME: local(`home ${machine}`) } });
  const meshFolder = (machine: string) => {
    const meshes = local(`home ${machine}/meshes`);
    return join(meshes, readdirSync(meshes)[0] ?? '');
  };
  const listed = async (machine: string) => (await here.value(0, ['user', 'list'], at(machine))) as ListedUser[];
  const keyOf = async (machine: string, name: string) => (await listed(machine)).find((one) => one.name === name) as ListedUser;

  beforeAll(async () => {
    const { address, join: line, http } = await here.up('alpha');
    Object.assign(known, { FILEMESH_PEER: String(address), FILEMESH_JOIN: String(line) });
    page = String(http);
    writeFileSync(local('letter'), 'dear reader');
    await here.value(0, ['user', 'add', 'anna', '--admin'], at('anna', `${PASSWORDS.anna}\n`));
    await here.value(0, ['login', 'anna'], at('anna', `${PASSWORDS.anna}\n`));
    for (const name of ['ben', 'carl', 'dora']) {
      await here.value(0, ['user', 'add', name], at('anna', `${PASSWORDS[name]}\n`));
      await here.value(0, ['login', name], at(name, `${PASSWORDS[name]}\n`));
    }
  }, LIMIT_MS);
  afterAll(() => here.end());

  /** As another program may: sets that account's key to one that no password of it opens. */
  async function setKey(user: string, recipient: string): Promise<void> {
    const password = PASSWORDS[user] as string;
    const body = { user, oldPassword: password, password, key: { recipient, wrapped: randomBytes(96).toString('base64') } };
    expect((await ask('/api/v1/passwd', user, body)).status).toBe(200);
  }

  function ask(path: string, user: string, body: unknown): Promise<Response> {
    const authorization = `Basic ${Buffer.from(`${user}:${PASSWORDS[user]}`).toString('base64')}`;
    const headers = { 'content-type': 'application/json', authorization };
    return fetch(new URL(path, page), { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async function downloaded(machine: string, name = 'letter'): Promise<string> {
    const { files } = (await here.value(0, ['download', name, '--to', `${machine}/`], at(machine))) as { files: string[] };
    const file = local(files[0] ?? '');
    const text = readFileSync(file, 'utf8');
    rmSync(file);
    return file.endsWith('.age') ? 'sealed' : text;
  }

  it('are told when they are seen first, and refused when they change, until a person says so', {
    timeout: LIMIT_MS,
  }, async () => {
    const before = (await keyOf('carl', 'ben')).recipient;
    const seal = ['upload', '--seal', '--for', 'ben', 'letter'];
    const first = await here.filemesh(seal, at('carl'));
    expect(first).toMatchObject({ code: 0, error: expect.stringContaining(fingerprintOf(before)) as string });
    expect((await here.filemesh(seal, at('carl'))).error).not.toContain(fingerprintOf(before));
    const { recipient } = await newKeyPair();
    await setKey('ben', recipient);
    expect(await keyOf('carl', 'ben')).toMatchObject({ recipient, fingerprint: fingerprintOf(recipient), trusted: false });
    expect((await here.filemesh(['user', 'list'], at('carl'))).output).toMatch(/ben .*another key than before/);
    for (const words of [seal, ['seal', 'letter', '--add', 'ben']]) {
      const { code, error } = await here.filemesh(words, at('carl'));
      expect(code).toBe(7);
      for (const part of [fingerprintOf(recipient), fingerprintOf(before), 'user trust ben']) expect(error).toContain(part);
    }
    await here.value(3, ['user', 'trust', 'nobody'], at('carl'));
    await here.value(2, ['user', 'trust', 'ben'], at('carl'));
    await here.value(7, ['user', 'trust', 'ben', fingerprintOf(before)], at('carl'));
    expect(await keyOf('carl', 'ben')).toMatchObject({ trusted: false });
    const trusted = await here.filemesh(['user', 'trust', 'ben', fingerprintOf(recipient)], at('carl'));
    expect(trusted).toMatchObject({ code: 0, output: expect.stringContaining(fingerprintOf(recipient)) as string });
    await here.value(0, seal, at('carl'));
    expect(await keyOf('carl', 'ben')).toMatchObject({ trusted: true });
  });

  it('are one’s own where they lie, whatever the peers tell', { timeout: LIMIT_MS }, async () => {
    const own = await keyOf('carl', 'carl');
    const { recipient } = await newKeyPair();
    await setKey('carl', recipient);
    expect((await keyOf('anna', 'carl')).recipient).toBe(recipient);
    // The password was set anew, so the login is over.
    await here.filemesh(['login', 'carl'], at('carl', `${PASSWORDS.carl}\n`));
    expect(await keyOf('carl', 'carl')).toMatchObject({ recipient: own.recipient, trusted: true });
    await here.value(0, ['upload', '--seal', '--for', 'carl', 'letter', '--to', 'own'], at('carl'));
    expect(await downloaded('carl', 'own')).toBe('dear reader');
    // And with the key that lies there the account has its own again.
    await here.value(0, ['user', 'passwd'], at('carl', `${PASSWORDS.carl}\n${PASSWORDS.carl}\n`));
    expect((await keyOf('anna', 'carl')).recipient).toBe(own.recipient);
    expect(await downloaded('carl', 'own')).toBe('dear reader');
  });

  it('that are lost are begun anew by who says so, and by nobody else', { timeout: LIMIT_MS }, async () => {
    const login = await here.filemesh(['login', 'ben'], at('new of ben', `${PASSWORDS.ben}\n`));
    expect(login).toMatchObject({ code: 0, error: expect.stringMatching(/wrapped by another password.*user passwd/) as string });
    const change = (old: string, ...more: string[]) =>
      here.filemesh(['user', 'passwd', ...more], at('new of ben', `${old}\nanother password of ben\n`));
    expect(await change('a wrong password')).toMatchObject({ code: 7 });
    expect(await change('a wrong password', '--new-key')).toMatchObject({ code: 7 });
    const told = await change(PASSWORDS.ben as string);
    expect(told).toMatchObject({ code: 2, error: expect.stringMatching(/stays closed to ben for good.*--new-key/) as string });
    await here.value(0, ['login', 'ben'], at('new of ben', `${PASSWORDS.ben}\n`));
    expect(await change(PASSWORDS.ben as string, '--new-key')).toMatchObject({ code: 0 });
    await here.value(0, ['login', 'ben'], at('third of ben', 'another password of ben\n'));
    await here.value(0, ['user', 'trust', 'ben', (await keyOf('third of ben', 'ben')).fingerprint], at('anna'));
    await here.value(0, ['upload', '--seal', '--for', 'ben', 'letter', '--to', 'for ben'], at('anna'));
    expect(await downloaded('third of ben', 'for ben')).toBe('dear reader');
  });

  it('of somebody else who did not log out are not announced as one’s own', { timeout: LIMIT_MS }, async () => {
    const machine = 'shared';
    await here.value(0, ['login', 'anna'], at(machine, `${PASSWORDS.anna}\n`));
    await setKey('dora', (await newKeyPair()).recipient);
    const login = await here.filemesh(['login', 'dora'], at(machine, `${PASSWORDS.dora}\n`));
    expect(login).toMatchObject({ code: 0, error: expect.stringMatching(/wrapped by another password/) as string });
    const change = (...more: string[]) =>
      here.filemesh(['user', 'passwd', ...more], at(machine, `${PASSWORDS.dora}\n${PASSWORDS.dora}\n`));
    expect(await change()).toMatchObject({ code: 2, error: expect.stringContaining('--new-key') as string });
    expect(await change('--new-key')).toMatchObject({ code: 0 });
    const dora = await keyOf(machine, 'dora');
    expect(dora.recipient).not.toBe((await keyOf('anna', 'anna')).recipient);
    expect((await keyOf('anna', 'dora')).recipient).toBe(dora.recipient);
  });

  it('that the peers tell nothing of are begun unasked only by who never had one', { timeout: LIMIT_MS }, async () => {
    const [machine, password] = ['of eve', 'a password of eve'];
    const script = { env: { ...at('script of eve').env, FILEMESH_USER: 'eve', FILEMESH_PASSWORD: password } };
    const addKeyless = async () => {
      const response = await ask('/api/v1/users', 'anna', { name: 'eve', password });
      expect(await response.text()).toContain('first');
    };
    await addKeyless();
    const change = await here.filemesh(['user', 'passwd'], { ...script, input: `${password}\n${password}\n` });
    expect(change).toMatchObject({ code: 2, error: expect.stringMatching(/no sealing key of eve.*--new-key/) as string });
    await here.value(0, ['login', 'eve'], at(machine, `${password}\n`));
    const { recipient } = await keyOf(machine, 'eve');
    expect((await keyOf('anna', 'eve')).recipient).toBe(recipient);
    await here.value(0, ['logout'], at(machine));
    await here.value(0, ['user', 'remove', 'eve'], at('anna'));
    await addKeyless();
    const login = await here.filemesh(['login', 'eve'], at(machine, `${password}\n`));
    expect(login).toMatchObject({ code: 0, error: expect.stringMatching(/eve, who had one.*--new-key/) as string });
    expect((await keyOf('anna', 'eve')).recipient).toBeUndefined();
  });

  it('that an admin made by a password or a name are known to that admin', { timeout: LIMIT_MS }, async () => {
    await here.value(0, ['upload', '--seal', '--for', 'carl', 'letter', '--to', 'for carl'], at('anna'));
    await here.value(0, ['user', 'passwd', 'carl'], at('anna', 'a third password of carl\n'));
    await here.value(0, ['upload', '--seal', '--for', 'carl', 'letter', '--to', 'for carl'], at('anna'));
    await here.value(0, ['user', 'remove', 'carl'], at('anna'));
    await here.value(0, ['user', 'add', 'carl'], at('anna', 'a fourth password of carl\n'));
    await here.value(0, ['upload', '--seal', '--for', 'carl', 'letter', '--to', 'for carl'], at('anna'));
    expect(await keyOf('anna', 'carl')).toMatchObject({ trusted: true });
  });

  it('taken from a file leave what is older to who had it, which is told', { timeout: LIMIT_MS }, async () => {
    await here.value(0, ['login', 'ben'], at('third of ben', 'another password of ben\n'));
    const removed = await here.filemesh(['seal', 'for ben', '--remove', 'ben'], at('anna'));
    expect(removed.code).toBe(0);
    expect(
      removed.error.split('\n').filter((line) => /earlier versions of for ben\.age stay open to ben/.test(line)),
    ).toHaveLength(1);
    expect(removed.output).toContain(`it opens for anna (${(await keyOf('anna', 'anna')).fingerprint})`);
    expect(await downloaded('third of ben', 'for ben')).toBe('sealed');
  });

  it('leave no seal of an upload behind once their user logs out', { timeout: LIMIT_MS }, async () => {
    const folder = meshFolder('third of ben');
    const seal = { header: randomBytes(64), fileKey: randomBytes(16), nonce: randomBytes(16) };
    for (const user of ['ben', 'anna', undefined]) await keptSealsOf(folder, user).keep('film', seal);
    await here.value(0, ['logout'], at('third of ben'));
    expect(await keptSealsOf(folder, 'ben').find('film')).toBeUndefined();
    for (const user of ['anna', undefined]) expect(await keptSealsOf(folder, user).find('film')).toBeDefined();
    expect(existsSync(join(folder, 'age-key.txt'))).toBe(false);
  });
});
