import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeHeader } from '../../src/cli/sealing/age-header.ts';
import { PeersHere } from './peers-here.ts';

const LIMIT_MS = 300_000;

describe('sealed files by name and by key', () => {
  const here = new PeersHere();
  const local = (name: string) => join(here.place, name);
  const text = (name: string) => (existsSync(local(name)) ? readFileSync(local(name), 'utf8') : undefined);
  let recipient: string;

  beforeAll(async () => {
    const identity = await generateX25519Identity();
    recipient = await identityToRecipient(identity);
    writeFileSync(local('key.txt'), `# a comment\n\n${identity}\n`);
    writeFileSync(local('plain'), 'not sealed');
    writeFileSync(local('secret'), 'what is sealed');
    await here.up('alpha');
  }, LIMIT_MS);
  afterAll(() => here.end());

  it('have the name that is given for the sealed file itself', { timeout: LIMIT_MS }, async () => {
    const seal = ['upload', '--seal', '--for', recipient];
    expect(await here.value(0, [...seal, 'secret', '--to', 'a/x'])).toMatchObject({ path: 'a/x.age' });
    expect(await here.value(0, [...seal, 'secret', '--to', 'b/x.age'])).toMatchObject({ path: 'b/x.age' });
    expect(await here.value(0, [...seal, '-', '--to', 'b/y.age'], { input: 'typed' })).toMatchObject({ path: 'b/y.age' });
    // A file that is sealed already is sealed once more when that is asked for, and in a folder each has its own name.
    await here.value(0, ['download', 'a/x.age', '--sealed', '--to', 'twice.age']);
    expect(await here.value(0, [...seal, 'twice.age'])).toMatchObject({ path: 'twice.age.age' });
    expect(await here.value(0, [...seal, 'secret', '--to', 'c.age/'])).toMatchObject({ path: 'c.age/secret.age' });
  });

  it('are the second choice beside a plain one, and never saved over it', { timeout: LIMIT_MS }, async () => {
    await here.value(0, ['upload', 'plain', '--to', 'both/x']);
    await here.value(0, ['upload', '--seal', '--for', recipient, 'secret', '--to', 'both/x.age']);
    await here.value(0, ['download', 'both/x', '--identity', 'key.txt', '--to', 'one']);
    expect(text('one')).toBe('not sealed');
    await here.value(0, ['download', 'both/x.age', '--identity', 'key.txt', '--to', 'other']);
    expect(text('other')).toBe('what is sealed');
    const all = await here.filemesh(['download', 'both', '--identity', 'key.txt', '--force', '--to', 'into/']);
    expect(all).toMatchObject({ code: 0, error: expect.stringMatching(/x\.age would be .*x, and so is another one/) as string });
    expect(text('into/both/x')).toBe('not sealed');
    expect(text('into/both/x.age')?.startsWith('age-encryption.org/v1')).toBe(true);
    // Where the two do not meet both are what is in them.
    await here.value(0, ['upload', 'plain', '--to', 'apart/one/z']);
    await here.value(0, ['upload', '--seal', '--for', recipient, 'secret', '--to', 'apart/two/z.age']);
    await here.value(0, ['download', 'apart', '--identity', 'key.txt', '--to', 'into/']);
    expect([text('into/apart/one/z'), text('into/apart/two/z')]).toEqual(['not sealed', 'what is sealed']);
    // Under their own names alone they would.
    await here.value(0, ['download', '**/{z,z.age}', '--identity', 'key.txt', '--to', 'flat/']);
    expect([text('flat/z'), text('flat/z.age')?.slice(0, 3)]).toEqual(['not sealed', 'age']);
  });

  it('that ask for more work than is good stay closed at once', { timeout: LIMIT_MS }, async () => {
    const stanza = { args: ['scrypt', randomBytes(16).toString('base64').replace(/=+$/, ''), '30'], body: randomBytes(32) };
    const head = makeHeader(randomBytes(16), [stanza]);
    writeFileSync(local('hostile.age'), Buffer.concat([head, randomBytes(16 + 16 + 5)]));
    await here.value(0, ['upload', 'hostile.age']);
    rmSync(local('hostile.age'));
    const words = ['download', 'hostile', '--passphrase'];
    const saved = await here.filemesh(words, { input: 'correct horse battery\n' });
    expect(saved).toMatchObject({
      code: 0,
      error: expect.stringMatching(/takes 2\^30 of work.*2\^20: it stays closed/) as string,
    });
    expect(existsSync(local('hostile.age'))).toBe(true);
    const told = await here.filemesh([...words, '--to', '-'], { input: 'correct horse battery\n' });
    expect(told).toMatchObject({ code: 7, error: expect.stringMatching(/2\^30/) as string });
  });

  it('are not opened by what is no key, and the line is told but not shown', { timeout: LIMIT_MS }, async () => {
    const identity = (text('key.txt') ?? '').trim().split('\n').at(-1) as string;
    const wrong = `${identity.slice(0, -1)}${identity.endsWith('Q') ? 'P' : 'Q'}`;
    for (const [content, words] of [
      [`# mine\n${wrong}\n`, /line 2 of "bad\.txt" is no key/],
      [`${identity}\n${identity.slice(0, 40)}\n`, /line 2 of "bad\.txt" is no key/],
      ['-----BEGIN OPENSSH PRIVATE KEY-----\n', /line 1 of "bad\.txt" is no key/],
      ['# nothing\n', /"bad\.txt" has no key in it/],
      ['age-encryption.org/v1\n-> X25519 a\n', /"bad\.txt" is sealed itself: open it first/],
    ] as const) {
      writeFileSync(local('bad.txt'), content);
      const { code, error } = await here.filemesh(['download', 'a/x', '--identity', 'bad.txt', '--to', 'never']);
      expect([content, code]).toEqual([content, 2]);
      expect(error).toMatch(words);
      expect(error).not.toContain(identity.slice(20, 36));
    }
    expect((await here.filemesh(['download', 'a/x', '--identity', 'none.txt'])).code).toBe(2);
    expect(existsSync(local('never'))).toBe(false);
  });
});
