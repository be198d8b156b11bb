import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from './peers-here.ts';
import { ageOpens, hasAge } from './sealing/age-program.ts';

const LIMIT_MS = 300_000;
const FIRST = 'the first password of anna';
const SECOND = 'the second password of anna';
const PASSWORDS: Record<string, string> = { anna: FIRST, ben: 'a password of ben', carl: 'a password of carl' };
const CONTENT = 'what only some may read\n'.repeat(1000);

/** The private keys in a file of them. */
function keysIn(file: string): string[] {
  return readFileSync(file, 'utf8').match(/^AGE-SECRET-KEY-.*/gm) ?? [];
}

describe('files sealed for accounts', () => {
  const here = new PeersHere();
  const known: Record<string, string> = {};
  const local = (name: string) => join(here.place, name);
  /** As a client of a machine of its own. */
  const at = (machine: string, input = '') => ({ input, env: { ...known, FILEMESH_HOME: local(`home ${machine}`) } });
  const keyFile = (machine: string) => {
    const meshes = local(`home ${machine}/meshes`);
    return join(meshes, readdirSync(meshes)[0] ?? '', 'age-key.txt');
  };

  beforeAll(async () => {
    const { address, join: line } = await here.up('alpha');
    Object.assign(known, { FILEMESH_PEER: String(address), FILEMESH_JOIN: String(line) });
    writeFileSync(local('letter'), CONTENT);
    await here.value(0, ['user', 'add', 'anna'], at('anna', `${FIRST}\n`));
    // Whoever makes the first account is logged in by that.
    for (const name of ['ben', 'carl']) {
      await here.value(0, ['user', 'add', name], at('anna', `${PASSWORDS[name]}\n`));
      await here.value(0, ['login', name], at(name, `${PASSWORDS[name]}\n`));
    }
  }, LIMIT_MS);
  afterAll(() => here.end());

  /** What `download` brings on that machine: the name, and the text when it is not sealed. */
  async function downloaded(machine: string): Promise<string> {
    const value = (await here.value(0, ['download', 'letter', '--to', `${machine}/`], at(machine))) as { files: string[] };
    const file = local(value.files[0] ?? '');
    const text = readFileSync(file, 'utf8');
    rmSync(file);
    return file.endsWith('.age') ? 'sealed' : text;
  }

  it('open for whoever they are for, on any machine after a login', { timeout: LIMIT_MS }, async () => {
    const first = await here.filemesh(['upload', '--seal', '--for', 'ben', 'letter'], at('anna'));
    expect(first).toMatchObject({ code: 0, error: expect.stringMatching(/A lost password is final/) as string });
    expect(await downloaded('ben')).toBe(CONTENT);
    expect(await downloaded('carl')).toBe('sealed');
    await here.value(0, ['login', 'anna'], at('another of anna', `${FIRST}\n`));
    expect(await downloaded('another of anna')).toBe(CONTENT);
    const noted = await here.filemesh(['upload', '--seal', '--for', 'ben', 'letter', '--to', 'second'], at('anna'));
    expect(noted).toMatchObject({ code: 0, error: '' });
    await here.value(3, ['upload', '--seal', '--for', 'nobody', 'letter'], at('anna'));
  });

  it('need no login where user and password are told for one run', { timeout: LIMIT_MS }, async () => {
    const env = {
      ...known,
      FILEMESH_HOME: local('home of a script'),
      FILEMESH_USER: 'ben',
      FILEMESH_PASSWORD: 'a password of ben',
    };
    const { code, output } = await here.filemesh(['download', 'letter', '--to', '-'], { env });
    expect([code, `${output}\n`]).toEqual([0, CONTENT]);
    expect(
      readdirSync(local('home of a script/meshes'), { recursive: true }).filter((name) => `${name}`.endsWith('.txt')),
    ).toEqual([]);
  });

  it('outlive a changed password, which changes nothing of them', { timeout: LIMIT_MS }, async () => {
    const version = async () => ((await here.value(0, ['show'], at('anna'))) as { version: string }[])[0]?.version;
    const before = await version();
    const key = keysIn(keyFile('anna'));
    await here.value(7, ['user', 'passwd'], at('anna', `wrong password\n${SECOND}\n`));
    await here.value(0, ['user', 'passwd'], at('anna', `${FIRST}\n${SECOND}\n`));
    expect(await version()).toBe(before);
    expect(keysIn(keyFile('anna'))).toEqual(key);
    await here.value(7, ['login', 'anna'], at('a third of anna', `${FIRST}\n`));
    await here.value(0, ['login', 'anna'], at('a third of anna', `${SECOND}\n`));
    expect(await downloaded('a third of anna')).toBe(CONTENT);
  });

  it('are closed to who logged out, and to an account whose password an admin set', { timeout: LIMIT_MS }, async () => {
    await here.value(0, ['logout'], at('a third of anna'));
    expect(readdirSync(dirname(keyFile('a third of anna'))).filter((name) => name.startsWith('age-key'))).toEqual([]);
    await here.value(0, ['user', 'passwd', 'ben'], at('anna', 'a new password of ben\n'));
    await here.value(0, ['login', 'ben'], at('another of ben', 'a new password of ben\n'));
    expect(await downloaded('another of ben')).toBe('sealed');
  });

  it('stay open where the only copy of the earlier key lies, until it is moved aside by a logout, which is told', {
    timeout: LIMIT_MS,
  }, async () => {
    const only = keysIn(keyFile('ben'));
    const login = await here.filemesh(['login', 'ben'], at('ben', 'a new password of ben\n'));
    expect(login.error.split('\n').filter((line) => line.includes('age-key.txt'))).toHaveLength(1);
    expect(await downloaded('ben')).toBe(CONTENT);
    // Once more: nothing is new then, and nothing told.
    expect((await here.filemesh(['login', 'ben'], at('ben', 'a new password of ben\n'))).error).toBe('');
    expect(keysIn(keyFile('ben')).slice(1)).toEqual(only);
    const aside = join(dirname(keyFile('ben')), 'age-keys-aside.txt');
    expect((await here.filemesh(['logout'], at('ben'))).error).toContain(aside);
    expect([existsSync(keyFile('ben')), keysIn(aside)]).toEqual([false, only]);
    await here.value(0, ['login', 'ben'], at('ben', 'a new password of ben\n'));
    expect(await downloaded('ben')).toBe('sealed');
    await here.value(0, ['download', 'letter', '--to', 'ben/', '--identity', aside], at('ben'));
    expect(readFileSync(local('ben/letter'), 'utf8')).toBe(CONTENT);
    rmSync(local('ben/letter'));
    await here.value(0, ['upload', '--seal', '--for', 'anna', 'letter'], at('ben'));
    expect(await downloaded('another of ben')).toBe(CONTENT);
  });

  it('are nobody else’s who logs in where their reader did not log out', { timeout: LIMIT_MS }, async () => {
    const recipientOf = async (name: string) =>
      ((await here.value(0, ['user', 'list'], at('anna'))) as { name: string; recipient: string }[]).find(
        (one) => one.name === name,
      )?.recipient;
    const [annas, carls] = [keysIn(keyFile('anna')), await recipientOf('carl')];
    const machine = 'shared';
    await here.value(0, ['login', 'anna'], at(machine, `${SECOND}\n`));
    const login = await here.filemesh(['login', 'carl'], at(machine, `${PASSWORDS.carl}\n`));
    expect(login).toMatchObject({ code: 0, error: expect.stringMatching(/key of anna stays in .*age-key.txt/) as string });
    expect(keysIn(keyFile(machine)).slice(1)).toEqual(annas);
    await here.value(0, ['upload', '--seal', 'letter', '--to', 'of anna'], at('anna'));
    const sealed = await here.value(0, ['download', 'of anna', '--to', `${machine}/`], at(machine));
    expect(sealed).toMatchObject({ files: [expect.stringMatching(/\.age$/)] });
    await here.value(0, ['user', 'passwd'], at(machine, `${PASSWORDS.carl}\n${PASSWORDS.carl}\n`));
    expect(await recipientOf('carl')).toBe(carls);
  });

  it('open with a key that no peer has, and that age takes', { timeout: LIMIT_MS }, async () => {
    const keys = readFileSync(keyFile('anna'), 'utf8');
    const identities = keys.match(/^AGE-SECRET-KEY-.*/gm) ?? [];
    expect(identities.length).toBeGreaterThan(0);
    expect(statSync(keyFile('anna')).mode & 0o777).toBe(0o600);
    await here.value(0, ['download', 'letter', '--sealed'], at('anna'));
    if (hasAge) expect(ageOpens(here.place, readFileSync(local('letter.age')), keys)?.toString()).toBe(CONTENT);
    const files = readdirSync(local('alpha'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(4);
    for (const { parentPath, name } of files) {
      const bytes = readFileSync(join(parentPath, name));
      for (const secret of [...identities, ...identities.map((one) => one.slice(15)), FIRST, SECOND, 'what only some may read'])
        expect(bytes.includes(secret)).toBe(false);
    }
  });
});
