import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readUpFile, upFileOf } from '../../src/cli/up-file.ts';
import {
  environmentName,
  precedence,
  settingsOf,
  textsOfEnvironment,
  UP_OPTIONS,
  type UpTexts,
} from '../../src/cli/up-settings.ts';

describe('values of up', () => {
  test.each<[UpTexts, object]>([
    [{ settle: ['30s'] }, { settleMs: 30_000 }],
    [{ settle: ['2'] }, { settleMs: 2000 }],
    [{ settle: ['200ms'] }, { settleMs: 200 }],
    [{ 'heal-after': ['10m'] }, { healAfterMs: 600_000 }],
    [{ 'heal-after': ['24h'] }, { healAfterMs: 86_400_000 }],
    [{ capacity: ['10GiB'] }, { capacity: { bytes: 10 * 2 ** 30 } }],
    [{ capacity: ['1.5 gb'] }, { capacity: { bytes: 1.5e9 } }],
    [{ capacity: ['50%'] }, { capacity: { share: 0.5 } }],
    [{ capacity: ['4096'] }, { capacity: { bytes: 4096 } }],
    [{ 'limit-up': ['10MiB'] }, { limitUp: 10 * 2 ** 20 }],
    [{ 'limit-up': ['500 KiB/s'] }, { limitUp: 500 * 1024 }],
    [{ 'limit-down': ['65536'] }, { limitDown: 65_536 }],
    [{ port: ['0'] }, { port: 0 }],
    [{ peer: ['a:1', '[fe80::1]:2'] }, { peers: ['a:1', '[fe80::1]:2'] }],
    [{ replicas: ['3'] }, { replicas: 3 }],
    [{ placement: ['files'] }, { placement: 'files' }],
    [{ name: ['naïve peer'] }, { name: 'naïve peer' }],
    [{ join: ['home/x'] }, { join: 'home/x' }],
    [{ mesh: ['Bu\u0308ro_2.x'] }, { meshName: 'B\u00fcro_2.x' }],
  ])('%j is %j', (texts, config) => {
    expect(settingsOf(texts).config).toMatchObject(config);
  });

  test.each<[UpTexts, RegExp]>([
    [{ settle: ['soon'] }, /^--settle cannot be "soon": it takes a time/],
    [{ settle: ['-1s'] }, /^--settle/],
    [{ settle: ['2d'] }, /--settle.*from 10ms to 1h/],
    [{ 'heal-after': ['31d'] }, /^--heal-after/],
    [{ capacity: ['lots'] }, /^--capacity/],
    [{ capacity: ['101%'] }, /at most 100%/],
    [{ capacity: ['10 XiB'] }, /^--capacity/],
    [{ capacity: ['9000000TiB'] }, /^--capacity/],
    [{ 'limit-up': ['63KiB'] }, /^--limit-up cannot be "63KiB": it takes a rate such as 10MiB .* at least 64KiB/],
    [{ 'limit-up': ['0'] }, /without the option there is no limit/],
    [{ 'limit-down': ['fast'] }, /^--limit-down/],
    [{ 'limit-down': ['10%'] }, /^--limit-down/],
    [{ 'limit-down': ['-1MiB'] }, /^--limit-down/],
    [{ 'limit-down': ['9000000TiB'] }, /^--limit-down/],
    [{ port: ['65536'] }, /^--port/],
    [{ port: ['1e3'] }, /^--port/],
    [{ port: [''] }, /^--port/],
    [{ peer: ['a'] }, /^--peer.*HOST:PORT/],
    [{ peer: ['a:0'] }, /^--peer/],
    [{ peer: ['a:1', 'fe80::1:2'] }, /^--peer/],
    [{ peer: ['[xyz]:1'] }, /^--peer/],
    [{ replicas: ['0'] }, /^--replicas/],
    [{ replicas: ['17'] }, /^--replicas/],
    [{ placement: ['fair'] }, /^--placement.*share, files/],
    [{ name: ['a/b'] }, /^--name/],
    [{ name: [' a'] }, /^--name/],
    [{ name: ['a\u202eb'] }, /^--name/],
    [{ mesh: ['two words'] }, /^--mesh/],
    [{ mesh: ['a+b'] }, /^--mesh/],
    [{ mesh: ['my(mesh'] }, /^--mesh cannot be "my\(mesh": it takes a name of 1 to 32 letters/],
    [{ mesh: ['x'.repeat(33)] }, /^--mesh.*1 to 32/],
    [{ mesh: [''] }, /^--mesh/],
    [{ join: [''] }, /^--join/],
    [{ interface: [''] }, /^--interface/],
    [{ new: ['perhaps'] }, /^--new/],
  ])('%j is refused with %s', (texts, message) => {
    expect(() => settingsOf(texts)).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) }));
  });

  test('a peer without any option is complete', () => {
    const { config, interfaces, isNew } = settingsOf({});
    expect(config).toMatchObject({ meshName: 'home', port: 4795, settleMs: 1000, healAfterMs: 600_000 });
    // Said by nobody: the mesh has its own number.
    expect(config.replicas).toBeUndefined();
    expect([interfaces, isNew]).toEqual([[], false]);
  });
});

describe('where options come from', () => {
  test('flags go over the environment, that over the file', () => {
    const texts = precedence(
      { name: ['flag'] },
      { name: ['environment'], port: ['2'] },
      { name: ['file'], port: ['3'], settle: ['4'] },
    );
    expect(texts).toEqual({ name: ['flag'], port: ['2'], settle: ['4'] });
  });

  test('the environment has every option, and other FILEMESH_ names are ignored', () => {
    const environment: Record<string, string> = { FILEMESH_HOME: '/x', FILEMESH_NONSENSE: 'y', OTHER: 'z' };
    expect(textsOfEnvironment(environment)).toEqual({});
    for (const option of Object.keys(UP_OPTIONS)) environment[environmentName(option)] = 'v';
    expect(Object.keys(textsOfEnvironment(environment))).toEqual(Object.keys(UP_OPTIONS));
    expect(textsOfEnvironment({ FILEMESH_PEER: 'a:1, b:2' })).toEqual({ peer: ['a:1', 'b:2'] });
    expect(textsOfEnvironment({ FILEMESH_HEAL_AFTER: '3m' })).toEqual({ 'heal-after': ['3m'] });
  });
});

describe('the file of options', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fm-cli-settings-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('has options and the folder, which is relative to the file', async () => {
    const file = join(folder, 'alpha.yaml');
    await writeFile(file, 'folder: ./share\nname: alpha\nport: 4801\npeer:\n  - a:1\n  - b:2\nnew: true\ncapacity: 50%\n');
    expect(await readUpFile(file)).toEqual({
      folder: join(folder, 'share'),
      texts: { name: ['alpha'], port: ['4801'], peer: ['a:1', 'b:2'], new: ['true'], capacity: ['50%'] },
    });
  });

  test('an empty file is none', () => {
    expect(upFileOf(null, 'x.yaml')).toEqual({ texts: {} });
  });

  test.each([
    ['nmae: alpha', /unknown key "nmae"/],
    ['- a\n- b', /must be a list of "option: value" lines/],
    ['name: [a, b]', /name takes one value/],
    ['name: {a: b}', /must be a text or a number/],
    ['name: "open', /is no YAML/],
  ])('%j is refused with %s', async (text, message) => {
    const file = join(folder, 'bad.yaml');
    await writeFile(file, text);
    await expect(readUpFile(file)).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(message) });
  });

  test('a file that is not there is wrong use', async () => {
    await expect(readUpFile(join(folder, 'none.yaml'))).rejects.toMatchObject({ code: 'usage' });
  });
});
