import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacks } from './capture.ts';
import type { GuessPlan, GuessReport } from './guesser.ts';
import { addressOf, isTrial, Lan, type PeerProcess, skipAloud } from './lan.ts';

const skipped = skipAloud('guessing passwords from 50 addresses', lacks('curl'));
const HTTP_PORT = 4790;
const [HONEST, GUESSER] = [3, 4];
const GUESSES = isTrial ? 10_000 : 1_500;
/** Of one name or address: 5 at once, then one a delay that doubles from a second on. 20 take more than an hour. */
const LOOKED_AT_MAX = 20;
const PASSWORDS = { root: 'correct horse battery', anna: 'violet candle of anna', carol: 'a drawer full of carol' };
const LIMIT_MS = isTrial ? 900_000 : 300_000;

describe.skipIf(skipped)('guesses from 50 addresses, at the page and over the protocol', () => {
  let lan: Lan;
  let peers: PeerProcess[];
  const door = `https://${addressOf(1)}:${HTTP_PORT}`;
  const timed = { known: Array.from({ length: 8 }, (_, index) => `timed${index}`) };

  beforeAll(async () => {
    lan = new Lan('guess', GUESSER);
    const words = ['--settle', '0.3', '--http', `${addressOf(1)}:${HTTP_PORT}`];
    peers = await lan.peers({ host: 1, name: 'alpha', words }, { host: 2, name: 'bravo' });
    const through = ['--peer', peers[0]?.address ?? ''];
    const made = await lan.verb(HONEST, ['user', 'add', 'root', ...through], { input: `${PASSWORDS.root}\n` });
    expect(made.code, made.error).toBe(0);
    for (const name of ['anna', 'carol'] as const) await addUser({ name, password: PASSWORDS[name] });
    for (const name of timed.known) await addUser({ name, proof: randomBytes(32).toString('hex') });
    expect((await login('anna')).status).toBe(200);
  });
  afterAll(() => lan?.close());

  /** One request of an honest person; its time as curl has it. */
  async function curl(...words: string[]): Promise<{ status: number; seconds: number }> {
    const all = ['curl', '-sk', '-m', '60', '-o', join(lan.folder, 'answer'), '-w', '%{http_code} %{time_total}', ...words];
    const { output } = await lan.start(HONEST, all).ended;
    const [status, seconds] = output.split(' ').map(Number);
    return { status: status ?? 0, seconds: seconds ?? 0 };
  }

  const json = (value: unknown) => ['-H', 'content-type: application/json', '-d', JSON.stringify(value)];
  const login = (user: keyof typeof PASSWORDS) => curl(...json({ user, password: PASSWORDS[user] }), `${door}/api/v1/login`);

  async function addUser(user: Record<string, string>): Promise<void> {
    expect((await curl('-u', `root:${PASSWORDS.root}`, ...json(user), `${door}/api/v1/users`)).status).toBe(201);
  }

  it(
    'are hardly looked at, are answered alike, and hold up no honest person',
    async () => {
      const own = (first: number, count: number) => Array.from({ length: count }, (_, index) => `10.83.0.${first + index}`);
      const addresses = own(100, 50);
      const timedAddresses = own(160, 16);
      const script = [...addresses, ...timedAddresses].map((one) => `ip addr add ${one}/24 dev eth0`).join(' && ');
      await lan.start(GUESSER, ['sh', '-c', script]).ended;
      const plan: GuessPlan = {
        ...{ door, peer: peers[0]?.address ?? '', line: lan.line, home: lan.place('guesser'), addresses, guesses: GUESSES },
        names: ['anna', 'root', 'nobody', 'somebody'],
        timed: { addresses: timedAddresses, ...timed },
      };
      const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
      const program = fileURLToPath(new URL('guesser.ts', import.meta.url));
      const guessing = lan.start(GUESSER, [process.execPath, '--import', loader, program, JSON.stringify(plan)]);
      const honest = { anna: [] as number[], carol: [] as number[] };
      const refused: number[] = [];
      while (guessing.runs) {
        for (const name of ['anna', 'carol'] as const) {
          const { status, seconds } = await login(name);
          if (status === 200) honest[name].push(seconds);
          else refused.push(status);
        }
      }
      const { output, error } = await guessing.ended;
      const report = JSON.parse(output || 'null') as GuessReport | null;
      if (report === null) throw new Error(error);
      const { answers, known, unknown } = report;
      console.log(
        `${GUESSES} guesses in ${(report.tookMs / 1000).toFixed(1)} s: ${answers.wrong} looked at, ${answers.held} not, for ${answers.busy} nobody had time; ` +
          `of one name ${report.ofName}, of one address ${report.ofAddress}. "Wrong" takes ${known.toFixed(1)} ms for a known name, ` +
          `${unknown.toFixed(1)} ms for an unknown one. Honest logins meanwhile: anna ${told(honest.anna)}, carol ${told(honest.carol)}`,
      );
      expect(answers.in).toBe(0);
      expect(answers.wrong).toBeGreaterThan(0);
      // How many of the others meet a full line instead is the machine's affair.
      expect(answers.held).toBeGreaterThan(0);
      expect(report.ofName).toBeLessThanOrEqual(LOOKED_AT_MAX);
      expect(report.ofAddress).toBeLessThanOrEqual(LOOKED_AT_MAX);
      expect(report.words).toHaveLength(1);
      expect(known / unknown).toBeGreaterThan(0.5);
      expect(known / unknown).toBeLessThan(2);
      expect([refused, honest.anna.length > 0, honest.carol.length > 0]).toEqual([[], true, true]);
    },
    LIMIT_MS,
  );
});

/** How many, the median and the longest. */
function told(seconds: readonly number[]): string {
  const sorted = [...seconds].sort((a, b) => a - b);
  return `${sorted.length} × ${sorted[Math.floor(sorted.length / 2)]?.toFixed(2)} s, at most ${sorted.at(-1)?.toFixed(2)} s`;
}
