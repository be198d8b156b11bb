import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from './peers-here.ts';
import { ageOpens, hasAge } from './sealing/age-program.ts';

const LIMIT_MS = 120_000;
const FIRST = 'the first password of anna';
const SECOND = 'the second password of anna';
const PASSWORDS: Record<string, string> = { anna: FIRST, ben: 'a password of ben', carl: 'a password of carl' };
const CONTENT = 'what only some may read\n'.repeat(1000);

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
    const key = readFileSync(keyFile('anna'), 'utf8');
    await here.value(7, ['user', 'passwd'], at('anna', `wrong password\n${SECOND}\n`));
    await here.value(0, ['user', 'passwd'], at('anna', `${FIRST}\n${SECOND}\n`));
    expect(await version()).toBe(before);
    expect(readFileSync(keyFile('anna'), 'utf8')).toBe(key);
    await here.value(7, ['login', 'anna'], at('a third of anna', `${FIRST}\n`));
    await here.value(0, ['login', 'anna'], at('a third of anna', `${SECOND}\n`));
    expect(await downloaded('a third of anna')).toBe(CONTENT);
  });

  it('are closed to who logged out, and to an account whose password an admin set', { timeout: LIMIT_MS }, async () => {
    await here.value(0, ['logout'], at('a third of anna'));
    expect(() => statSync(keyFile('a third of anna'))).toThrow();
    await here.value(0, ['user', 'passwd', 'ben'], at('anna', 'a new password of ben\n'));
    await here.value(0, ['login', 'ben'], at('ben', 'a new password of ben\n'));
    expect(await downloaded('ben')).toBe('sealed');
    await here.value(0, ['upload', '--seal', '--for', 'ben', 'letter'], at('anna'));
    expect(await downloaded('ben')).toBe(CONTENT);
  });

  it('open with a key that no peer has, and that age takes', { timeout: LIMIT_MS }, async () => {
    const identity = readFileSync(keyFile('anna'), 'utf8').split('\n')[1] ?? '';
    expect(statSync(keyFile('anna')).mode & 0o777).toBe(0o600);
    await here.value(0, ['download', 'letter', '--sealed'], at('anna'));
    if (hasAge) expect(ageOpens(here.place, readFileSync(local('letter.age')), identity)?.toString()).toBe(CONTENT);
    const files = readdirSync(local('alpha'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(4);
    for (const { parentPath, name } of files) {
      const bytes = readFileSync(join(parentPath, name));
      for (const secret of [identity, identity.slice(15), FIRST, SECOND, 'what only some may read'])
        expect(bytes.includes(secret)).toBe(false);
    }
  });
});
