import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bech32 } from '@scure/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Capture, lacks, spellings } from './capture.ts';
import { addressOf, Lan, type PeerProcess, skipAloud } from './lan.ts';

const skipped = skipAloud('a sealed file on the wire', lacks('tcpdump'));
const NAMES = ['alpha', 'bravo', 'charlie', 'delta'];
const CLIENT = NAMES.length + 1;
const LIMIT_MS = 300_000;
const HTTP = `${addressOf(1)}:4792`;
const SIZE = 16 * 1024 * 1024;
const MARK = 'a line that only its reader sees';
const PASSWORD = 'the long password of anna';

describe.skipIf(skipped)('all cables while a sealed file is stored and fetched by somebody who logs in', () => {
  let lan: Lan;
  let peers: PeerProcess[];
  let capture: Capture;

  beforeAll(async () => {
    lan = new Lan('seal', CLIENT);
    capture = await Capture.start(lan);
    const words = ['--settle', '0.3', '--http', HTTP];
    peers = await lan.peers(...NAMES.map((name, index) => ({ host: index + 1, name, ...(index === 0 && { words }) })));
  }, LIMIT_MS);
  afterAll(() => lan?.close());

  async function verb(words: readonly string[], input?: string): Promise<string> {
    const through = ['--peer', peers[0]?.address ?? ''];
    const answer = await lan.verb(CLIENT, [...words, ...through], input === undefined ? {} : { input });
    expect(answer.code, words.join(' ') + answer.output + answer.error).toBe(0);
    return answer.output;
  }

  /** What the client keeps of the mesh, below its home. */
  function kept(name: string): string {
    const meshes = join(lan.folder, `home-${CLIENT}`, 'meshes');
    return readFileSync(join(meshes, readdirSync(meshes)[0] ?? '', name), 'utf8');
  }

  it('and the disks of the peers show nothing that is secret', { timeout: LIMIT_MS }, async () => {
    const film = join(lan.folder, 'film');
    const lines = Array.from({ length: 999 }, (_, index) => `${MARK} ${createHash('sha256').update(`${index}`).digest('hex')}\n`);
    const content = Buffer.alloc(SIZE, lines.join(''));
    writeFileSync(film, content);
    await verb(['user', 'add', 'anna'], `${PASSWORD}\n`);
    await verb(['login', 'anna'], `${PASSWORD}\n`);
    await verb(['upload', film, '--seal']);
    await verb(['download', 'film', '--to', `${lan.place('down')}/`]);
    expect(readFileSync(join(lan.folder, 'down', 'film')).equals(content)).toBe(true);
    await verb(['download', 'film', '--sealed', '--to', `${lan.place('sealed')}/`]);
    const [sealedName = ''] = readdirSync(lan.place('sealed'));
    const sealed = readFileSync(join(lan.folder, 'sealed', sealedName));
    // At the page of a peer too, as a program logs in that sends the password itself.
    const curl = ['curl', '-skf', '-m', '60', '-u', `anna:${PASSWORD}`, '-o', join(lan.place('page'), 'film.age')];
    expect((await lan.start(CLIENT, [...curl, `https://${HTTP}/files/film.age`]).ended).code).toBe(0);
    expect(readFileSync(join(lan.folder, 'page', 'film.age')).equals(sealed)).toBe(true);

    const identity = /^AGE-SECRET-KEY-.*/m.exec(kept('age-key.txt'))?.[0] ?? '';
    const { token } = JSON.parse(kept('login.json')) as { token: string };
    expect([identity, token]).toEqual([expect.stringMatching(/^AGE-SECRET-KEY-1/), expect.stringContaining('anna.')]);
    const secrets: Record<string, string | Buffer> = {
      'a line of the file': MARK,
      'the password': PASSWORD,
      'the private key': identity,
      'the private key without its head': identity.slice('AGE-SECRET-KEY-1'.length),
      'the private key in bytes': Buffer.from(
        bech32.fromWords(bech32.decode(identity.toLowerCase() as `${string}1${string}`).words),
      ),
      'the token': token,
      'the signature of the token': token.slice(-64),
      'the same in bytes': Buffer.from(token.slice(-64), 'hex'),
    };
    const captured = await capture.taken();
    // Stored twice, fetched three times; what the capture may miss on a busy machine is little of that.
    expect(captured.length).toBeGreaterThan(4 * SIZE);
    const pieces = [0.001, 0.25, 0.5, 0.75, 0.99].map((part) =>
      sealed.subarray(Math.floor(SIZE * part), Math.floor(SIZE * part) + 32),
    );
    const said = pieces.map((piece, index): [string, Buffer] => [`sealed bytes ${index}`, piece]);
    expect(found(captured, Object.fromEntries([...Object.entries(secrets), ...said]))).toEqual([]);

    const places = [
      ...peers.map(({ folder }) => folder),
      ...NAMES.map((_, index) => index + 1).map((host) => join(lan.folder, `home-${host}`)),
    ];
    const files = places.flatMap((place) =>
      readdirSync(place, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name))),
    );
    expect(files.flatMap((bytes) => found(bytes, secrets))).toEqual([]);
    // What is to be there is found: the search works.
    const parts = files.reduce((sum, bytes) => sum + found(bytes, Object.fromEntries(said)).length, 0);
    expect(parts).toBeGreaterThanOrEqual(said.length);
  });
});

function found(bytes: Buffer, words: Readonly<Record<string, string | Buffer>>): string[] {
  return Object.keys(words).filter((name) => spellings(words[name] ?? '').some((spelling) => bytes.includes(spelling)));
}
