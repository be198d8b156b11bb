import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { clientTexts } from '../../src/cli/client-settings.ts';
import { KeptLogin } from '../../src/cli/kept-login.ts';
import { typedLine } from '../../src/cli/secret.ts';
import { asMeshError } from '../../src/core/errors.ts';

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'filemesh-settings-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

function fileOf(text: string): string {
  const file = join(place, 'client.yaml');
  writeFileSync(file, text);
  return file;
}

function texts(flags: Record<string, readonly string[]>, environment: NodeJS.ProcessEnv = {}) {
  return clientTexts({ command: undefined, words: [], options: new Map(Object.entries(flags)) }, environment);
}

function fault(flags: Record<string, readonly string[]>) {
  return texts(flags).then(
    () => 'nothing',
    (thrown: unknown) => {
      const { code, message } = asMeshError(thrown);
      return `${code}: ${message.replaceAll(place, '')}`;
    },
  );
}

describe('what a client is told', () => {
  test('by flags goes before the environment, and that before the file', async () => {
    const config = [fileOf('user: anna\npassword: "secret of anna"\ntimeout: 3\npeer: [a:1, b:2]\nmesh: home\n')];
    expect(await texts({ config })).toEqual({
      ...{ mesh: ['home'], join: [], peer: ['a:1', 'b:2'], timeout: ['3'] },
      ...{ user: ['anna'], password: ['secret of anna'] },
    });
    const environment = { FILEMESH_USER: 'bob', FILEMESH_PASSWORD: ' of bob ', FILEMESH_JOIN: 'x/y', FILEMESH_PEER: 'c:3 d:4' };
    expect(await texts({ config, timeout: ['9'] }, environment)).toEqual({
      ...{ mesh: [], join: ['x/y'], peer: ['c:3', 'd:4'], timeout: ['9'] },
      ...{ user: ['bob'], password: [' of bob '] },
    });
  });

  test('by an option of a verb that is called as one is nothing', async () => {
    const given = await texts({ user: ['bob'], password: ['hunter2'] }, { FILEMESH_USER: 'anna', FILEMESH_PASSWORD: 'of anna' });
    expect(given).toMatchObject({ user: ['anna'], password: ['of anna'] });
  });

  test('never joins a user of one place to the password of another', async () => {
    const config = [fileOf('user: anna\npassword: secret of anna\n')];
    expect(await texts({ config }, { FILEMESH_USER: 'bob' })).toMatchObject({ user: ['bob'], password: [] });
    expect(await texts({ config }, { FILEMESH_PASSWORD: 'of bob' })).toMatchObject({ user: [], password: ['of bob'] });
  });

  test('by a file that is missing or malformed is a clear error, and none tells the password', async () => {
    expect(await fault({ config: [join(place, 'none.yaml')] })).toBe(
      'usage: the file "/none.yaml" given with --config cannot be read: there is no such file',
    );
    const faults = [
      'user: [\npassword: hunter2',
      'password: "hunter2',
      '- hunter2',
      'user: anna\npassword: 007',
      'passwort: hunter2',
    ];
    for (const text of faults) {
      const told = await fault({ config: [fileOf(text)] });
      expect(told).toMatch(/^usage: "\/client\.yaml"/);
      expect(told).not.toContain('hunter2');
    }
  });
});

test('a file that is endless is no file of options, and one with a password that others may read is told of', async () => {
  expect(await fault({ config: ['/dev/zero'] })).toMatch(/^usage: "\/dev\/zero" is longer than/);
  const told: string[] = [];
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told.push(String(text));
    return true;
  });
  const file = fileOf('user: anna\npassword: hunter2\n');
  chmodSync(file, 0o644);
  await texts({ config: [file] });
  chmodSync(file, 0o600);
  await texts({ config: [file] });
  spy.mockRestore();
  expect(told).toEqual([`note: ${file} has a password in it, and others may read it: chmod 600\n`]);
});

test('a secret is what was typed, also where a character comes in two pieces', async () => {
  async function* keys() {
    const typed = Buffer.from('prüfx\u007fung\r');
    yield typed.subarray(0, 3);
    yield typed.subarray(3);
  }
  expect(await typedLine(keys())).toBe('prüfung');
});

test('Ctrl-C at a question for a secret ends as a command ends that is interrupted', async () => {
  async function* keys() {
    yield Buffer.from('half\u0003');
  }
  await expect(typedLine(keys())).rejects.toMatchObject({ exit: 130, message: 'stopped: the command was called off' });
});

test('a login is kept for its user alone, and forgotten', async () => {
  const kept = new KeptLogin(join(place, 'meshes', 'abc'));
  expect(await kept.read()).toBeUndefined();
  await kept.keep({ user: 'anna', token: 'x' });
  expect(await kept.read()).toEqual({ user: 'anna', token: 'x' });
  expect(statSync(join(place, 'meshes', 'abc', 'login.json')).mode & 0o777).toBe(0o600);
  await kept.forget();
  expect(await kept.read()).toBeUndefined();
});
