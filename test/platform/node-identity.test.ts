import { spawn } from 'node:child_process';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadIdentity } from '../../src/platform/node/node-identity.ts';

describe('an identity', () => {
  let parent: string;
  let directory: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'filemesh-identity-'));
    directory = join(parent, 'config', 'filemesh');
  });

  afterEach(async () => {
    await rm(parent, { recursive: true });
  });

  test('is made once and is the same ever after', async () => {
    const made = await loadIdentity(directory);
    expect(await loadIdentity(directory)).toEqual(made);
    const certificate = new X509Certificate(made.certificatePem);
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
    expect(made.id).toBe(createHash('sha256').update(spki).digest('hex'));
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe('CN=filemesh');
    expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.parse('2000-01-01'));
    expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.parse('2100-01-01'));
  });

  test('is for nobody else to read, and nothing is left beside it', async () => {
    await loadIdentity(directory);
    expect((await readdir(directory)).sort()).toEqual(['identity.crt', 'identity.key']);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(directory)) expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  });

  test('keeps its id when the certificate is lost, torn or of another key', async () => {
    const { id, certificatePem } = await loadIdentity(directory);
    const foreign = await loadIdentity(join(parent, 'other'));
    const path = join(directory, 'identity.crt');
    for (const harm of [
      () => rm(path),
      () => writeFile(path, certificatePem.slice(0, 200)),
      () => writeFile(path, foreign.certificatePem),
    ]) {
      await harm();
      const again = await loadIdentity(directory);
      expect(again.id).toBe(id);
      expect(new X509Certificate(again.certificatePem).checkPrivateKey(createPrivateKey(again.keyPem))).toBe(true);
      expect(await readFile(path, 'utf8')).toBe(again.certificatePem);
    }
  });

  test.each([
    ['empty', ''],
    ['no key', 'hello'],
    ['torn', '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n'],
  ])('with a damaged key (%s) is an error, and the key is left as it is', async (_, text) => {
    await loadIdentity(directory);
    const path = join(directory, 'identity.key');
    await writeFile(path, text);
    await expect(loadIdentity(directory)).rejects.toMatchObject({ code: 'failed' });
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  test('cannot be made where nothing can be written', async () => {
    await writeFile(join(parent, 'config'), 'a file, not a folder');
    await expect(loadIdentity(directory)).rejects.toMatchObject({ code: 'failed' });
  });

  test('is one when many calls come first at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => loadIdentity(directory)));
    expect(new Set(all.map((one) => one.id)).size).toBe(1);
    expect(new Set(all.map((one) => one.keyPem)).size).toBe(1);
    expect((await readdir(directory)).length).toBe(2);
  });

  test('is one when several processes come first at once', async () => {
    const script = fileURLToPath(new URL('identity-process.ts', import.meta.url));
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--import', 'tsx', script, directory], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const words = children.map(() => '');
    for (const [index, child] of children.entries())
      child.stdout.on('data', (bytes: Buffer) => (words[index] += bytes.toString()));
    await Promise.all(children.map((child) => once(child.stdout, 'data')));
    const exits = children.map((child) => once(child, 'close'));
    for (const child of children) child.stdin.end();
    expect((await Promise.all(exits)).map(([code]) => code)).toEqual([0, 0, 0, 0]);
    const { id } = await loadIdentity(directory);
    expect(words).toEqual(children.map(() => `ready\n${id}`));
  });
});
