import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacks } from './capture.ts';
import { addressOf, Lan, type PeerProcess, skipAloud } from './lan.ts';
import type { Outcome } from './process.ts';

const skipped = skipAloud('the page on a LAN', lacks('curl', 'openssl'));
const [HOME, ELSEWHERE] = [1, 3];
const PORT = 4791;
const PLACE = `${addressOf(HOME)}:${PORT}`;
const PASSWORD = 'violet candle of anna';

describe.skipIf(skipped)('a page that is served to other machines', () => {
  let lan: Lan;
  let peers: PeerProcess[];

  beforeAll(async () => {
    lan = new Lan('page', ELSEWHERE);
    const words = ['--settle', '0.3', '--http', PLACE];
    peers = await lan.peers({ host: HOME, name: 'alpha', words }, { host: 2, name: 'bravo' });
  });
  afterAll(() => lan?.close());

  /** From another machine; `-k`: whoever made the certificate is nobody a browser knows. */
  const curl = (...words: string[]): Promise<Outcome> => lan.start(ELSEWHERE, ['curl', '-sSi', '-m', '30', ...words]).ended;
  const header = ({ output }: Outcome, name: string) => new RegExp(`^${name}: (.*?)\r?$`, 'im').exec(output)?.[1];
  const statusOf = ({ output }: Outcome) => Number(/^HTTP\/\S+ (\d{3})/.exec(output)?.[1] ?? 0);

  it('speaks TLS with the certificate of its peer, and nothing older than 1.2', async () => {
    const file = join(lan.folder, 'seen.pem');
    const shown = await lan.start(ELSEWHERE, ['openssl', 's_client', '-connect', PLACE, '-showcerts']).ended;
    const certificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/.exec(shown.output)?.[0] ?? '';
    expect(readFileSync(join(peers[0]?.folder ?? '', '.filemesh', 'web.pem'), 'utf8')).toContain(certificate.trim());
    writeFileSync(file, certificate);
    // Who took the certificate along by another way needs no `-k`.
    expect(statusOf(await curl('--cacert', file, `https://${PLACE}/healthz`))).toBe(200);
    expect((await curl(`https://${PLACE}/healthz`)).code).not.toBe(0);
    expect((await curl('-k', '--tls-max', '1.1', `https://${PLACE}/healthz`)).code).not.toBe(0);
  });

  it('sends whoever comes without TLS to it', async () => {
    const answer = await curl(`http://${PLACE}/files/a%20b.txt?inline`);
    expect([statusOf(answer), header(answer, 'location')]).toEqual([308, `https://${PLACE}/files/a%20b.txt?inline`]);
    expect(answer.output).toContain('speaks TLS');
    expect(statusOf(await curl('-X', 'POST', '-d', '{}', `http://${PLACE}/api/v1/login`))).toBe(308);
    const followed = await curl('-kL', `http://${PLACE}/healthz`);
    expect(followed.output).toMatch(/ok\s*$/);
    expect(await curl('-k', `https://${PLACE}/healthz`).then(statusOf)).toBe(200);
  });

  it('lets nobody in before there are accounts, and then who logs in', async () => {
    expect(statusOf(await curl('-k', `https://${PLACE}/`))).toBe(200);
    const before = await curl('-k', `https://${PLACE}/api/v1/files`);
    expect([statusOf(before), before.output.includes('has no accounts yet')]).toEqual([403, true]);
    const through = ['--peer', peers[0]?.address ?? ''];
    const made = await lan.verb(HOME, ['user', 'add', 'anna', ...through], { input: `${PASSWORD}\n` });
    expect(made.code, made.error).toBe(0);
    const nobody = await curl('-k', `https://${PLACE}/api/v1/files`);
    expect([statusOf(nobody), header(nobody, 'www-authenticate')]).toEqual([401, expect.stringContaining('Basic')]);
    const json = ['-H', 'content-type: application/json'];
    const login = (password: string) =>
      curl('-k', ...json, '-d', JSON.stringify({ user: 'anna', password }), `https://${PLACE}/api/v1/login`);
    expect(statusOf(await login('a wrong one'))).toBe(401);
    const entered = await login(PASSWORD);
    const cookie = header(entered, 'set-cookie') ?? '';
    expect(statusOf(entered)).toBe(200);
    expect(cookie.split('; ').slice(1).sort()).toEqual(['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure']);
    const [shown = ''] = cookie.split(';');
    expect(statusOf(await curl('-k', '-H', `cookie: ${shown}`, `https://${PLACE}/api/v1/files`))).toBe(200);
    // Under a name that a page in the clear can set it is nobody's.
    const settable = shown.replace('__Host-', '');
    expect(settable).not.toBe(shown);
    expect(statusOf(await curl('-k', '-H', `cookie: ${settable}`, `https://${PLACE}/api/v1/files`))).toBe(401);
    // A cookie alone changes nothing: a page of another place could make a browser send it.
    const removal = ['-k', '-X', 'DELETE', '-H', `cookie: ${shown}`];
    expect(statusOf(await curl(...removal, `https://${PLACE}/files/a.txt`))).toBe(403);
    expect(statusOf(await curl(...removal, '-H', 'x-filemesh: 1', `https://${PLACE}/files/a.txt`))).toBe(404);
  });

  describe('"filemesh open"', () => {
    /** What the program finds for a browser: a script that notes what it was given, and ends so. */
    function openerThat(ends: number): { env: Record<string, string>; opened: () => string } {
      const place = lan.place(`opener-${ends}`);
      const note = join(place, 'opened');
      writeFileSync(note, '');
      writeFileSync(join(place, 'xdg-open'), `#!/bin/sh\necho "$*" >>'${note}'\nexit ${ends}\n`);
      chmodSync(join(place, 'xdg-open'), 0o755);
      return { env: { PATH: `${place}:${process.env.PATH}` }, opened: () => readFileSync(note, 'utf8').trim() };
    }

    it('opens the page of the peer on this machine, else one that serves others', async () => {
      const opener = openerThat(0);
      const here = await lan.verb(HOME, ['open'], { env: opener.env });
      expect([here.code, here.value, opener.opened(), here.error]).toEqual([
        0,
        { http: `https://${PLACE}` },
        `https://${PLACE}`,
        '',
      ]);
      const through = ['--peer', peers[0]?.address ?? ''];
      expect((await lan.verb(ELSEWHERE, ['login', 'anna', ...through], { input: `${PASSWORD}\n` })).code).toBe(0);
      const there = await lan.verb(ELSEWHERE, ['open', ...through], { env: opener.env });
      expect([there.code, there.value]).toEqual([0, { http: `https://${PLACE}` }]);
      expect(opener.opened().split('\n')).toHaveLength(2);
    });

    it.each([
      ['that fails', 3],
      ['that is not there', undefined],
    ])(
      'prints the address and says what to do, with a browser %s',
      async (_what, ends) => {
        const around = ends === undefined ? { before: `export PATH=${lan.place('nothing')}` } : { env: openerThat(ends).env };
        const answer = await lan.verb(HOME, ['open'], around);
        expect([answer.code, answer.value]).toEqual([0, { http: `https://${PLACE}` }]);
        expect(answer.error).toContain('type that address into one');
      },
      180_000,
    );
  });
});
