import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from './peers-here.ts';
import { ageOpens, ageSeals, hasAge } from './sealing/age-program.ts';

const LIMIT_MS = 300_000;
const MIB = 1024 * 1024;
const PEERS = ['alpha', 'bravo', 'charlie', 'delta'];
const MARK = 'nobody but the reader sees this line';
const PASSPHRASE = 'correct horse battery';

/** A text with a mark in every chunk, of which no two parts are alike. */
function secretText(bytes: number): Buffer {
  const lines: string[] = [];
  for (let size = 0; size < bytes; size += lines.at(-1)?.length ?? 0)
    lines.push(`${MARK}, ${createHash('sha256').update(String(lines.length)).digest('hex')}\n`);
  return Buffer.from(lines.join('')).subarray(0, bytes);
}

describe('sealed files', () => {
  const here = new PeersHere();
  const content = secretText(5 * MIB + 12_345);
  let identity: string;
  let recipient: string;
  const local = (name: string) => join(here.place, name);
  const gone = (name: string) => rmSync(local(name), { force: true });
  const saved = (name: string) => (existsSync(local(name)) ? readFileSync(local(name)) : undefined);

  beforeAll(async () => {
    identity = await generateX25519Identity();
    recipient = await identityToRecipient(identity);
    writeFileSync(local('key.txt'), `# public key: ${recipient}\n${identity}\n`);
    writeFileSync(local('film'), content);
    for (const name of PEERS) await here.up(name, '--interface', '127.0.0.1');
  }, LIMIT_MS);
  afterAll(() => here.end());

  function foundOnPeers(text: string): string[] {
    return PEERS.flatMap((peer) =>
      readdirSync(local(peer), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((file) => readFileSync(file).includes(text)),
    );
  }

  it('are stored in parts, of which no peer has all, and shown as sealed', { timeout: LIMIT_MS }, async () => {
    expect(await here.value(0, ['upload', '--seal', '--for', recipient, 'film'])).toMatchObject({ path: 'film.age', copies: 2 });
    expect(await here.value(0, ['show'])).toMatchObject([{ path: 'film.age', sealed: true, copies: 2, holders: PEERS }]);
    expect((await here.filemesh(['show'])).output).toMatch(/film\.age .*in parts on 4 peers {2}sealed/);
    const where = await here.filemesh(['where', 'film.age']);
    expect(where.output).not.toMatch(/has (\d+) of \1 parts/);
    expect(where.output.match(/without it 1 left/g)).toHaveLength(4);
  });

  it('are opened by whom they are for, however few parts a peer has', { timeout: LIMIT_MS }, async () => {
    for (const name of ['film.age', 'film']) {
      gone('film');
      expect(await here.value(0, ['download', name, '--identity', 'key.txt'])).toMatchObject({ files: ['film'] });
      expect(saved('film')?.equals(content)).toBe(true);
    }
    const outcome = await here.filemesh(['download', 'film', '--identity', 'key.txt', '--to', '-']);
    expect(outcome.output.length).toBeGreaterThan(content.length - MARK.length);
    expect(outcome.output.startsWith(MARK)).toBe(true);
    expect(await here.value(4, ['download', 'film', '--identity', 'key.txt'])).toMatchObject({ error: { code: 'exists' } });
  });

  it('are not opened in the folder of a peer, which would store them in plain', { timeout: LIMIT_MS }, async () => {
    const refused = await here.filemesh(['download', 'film', '--identity', 'key.txt', '--to', 'alpha/new/']);
    expect(refused.code).toBe(2);
    expect(refused.error).toContain('stores in plain what lies there');
    expect(existsSync(local('alpha/new'))).toBe(false);
    expect(foundOnPeers(MARK)).toEqual([]);
    await here.value(0, ['download', 'film.age', '--sealed', '--to', 'copy.age']);
    gone('copy.age');
  });

  it('are saved as they are by whoever cannot open them, and opened by age', { timeout: LIMIT_MS }, async () => {
    const outcome = await here.filemesh(['download', 'film']);
    expect(outcome).toMatchObject({ code: 0, output: 'saved film.age' });
    expect(outcome.error).toMatch('sealed for others');
    expect((await here.filemesh(['download', 'film', '--to', '-'])).code).toBe(7);
    const sealed = saved('film.age') ?? Buffer.alloc(0);
    expect(sealed.includes(MARK)).toBe(false);
    if (hasAge) expect(ageOpens(here.place, sealed, identity)?.equals(content)).toBe(true);
    gone('film.age');
    await here.value(2, ['download', 'film.age', '--sealed', '--identity', 'key.txt']);
    await here.value(0, ['download', 'film.age', '--sealed']);
    expect(saved('film.age')?.equals(sealed)).toBe(true);
    gone('film.age');
  });

  it.runIf(hasAge)('are opened also when age sealed them', { timeout: LIMIT_MS }, async () => {
    writeFileSync(local('letter.age'), ageSeals(Buffer.from('dear reader'), recipient));
    await here.value(0, ['upload', 'letter.age']);
    gone('letter.age');
    await here.value(0, ['download', 'letter', '--identity', 'key.txt']);
    expect(saved('letter')?.toString()).toBe('dear reader');
  });

  it('are opened by their passphrase, and by no other one', { timeout: LIMIT_MS }, async () => {
    writeFileSync(local('note.txt'), MARK);
    const outcome = await here.filemesh(['upload', '--seal', '--passphrase', 'note.txt'], { input: `${PASSPHRASE}\n` });
    expect(outcome).toMatchObject({ code: 0, error: expect.stringMatching(/lost passphrase is final/) as string });
    gone('note.txt');
    const wrong = await here.filemesh(['download', 'note.txt', '--passphrase'], { input: 'correct horse\n' });
    expect(wrong).toMatchObject({ code: 7, error: expect.stringMatching(/not the passphrase/) as string });
    expect([saved('note.txt'), saved('note.txt.age')]).toEqual([undefined, undefined]);
    await here.value(0, ['download', 'note.txt', '--passphrase'], { input: `${PASSPHRASE}\n` });
    expect(saved('note.txt')?.toString()).toBe(MARK);
    expect((await here.filemesh(['upload', '--seal', '--passphrase', 'note.txt'])).code).toBe(2);
  });

  it('that somebody changed are not saved', { timeout: LIMIT_MS }, async () => {
    await here.value(0, ['download', 'film.age', '--sealed']);
    const wrong = saved('film.age') ?? Buffer.alloc(0);
    wrong[3 * MIB] = (wrong[3 * MIB] ?? 0) ^ 1;
    for (const bytes of [wrong, wrong.subarray(0, 2 * MIB)]) {
      writeFileSync(local('wrong.age'), bytes);
      await here.value(0, ['upload', 'wrong.age']);
      gone('wrong.age');
      expect(await here.value(5, ['download', 'wrong', '--identity', 'key.txt'])).toMatchObject({ error: { code: 'corrupt' } });
      expect(readdirSync(here.place).filter((name) => /wrong|\.filemesh/.test(name))).toEqual([]);
    }
  });

  it('come whole with any one peer gone, and nothing of what is in them lies on any', { timeout: LIMIT_MS }, async () => {
    for (const name of PEERS) {
      gone('film');
      await here.peer(name).kill();
      await here.value(0, ['download', 'film', '--identity', 'key.txt']);
      expect(saved('film')?.equals(content)).toBe(true);
      await here.up(name, '--interface', '127.0.0.1');
    }
    for (const text of [MARK, PASSPHRASE, identity, identity.slice(15, 60)]) expect(foundOnPeers(text)).toEqual([]);
    // What is looked for would be found: the name lies in every peer's store.
    expect(foundOnPeers('film.age').length).toBeGreaterThanOrEqual(PEERS.length);
  });
});
