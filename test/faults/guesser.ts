import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import tls from 'node:tls';
import { clientPlatform } from '../../src/cli/client-platform.ts';
import { makeClient } from '../../src/client/client.ts';
import { MeshMemory } from '../../src/client/mesh-memory.ts';
import { asMeshError } from '../../src/core/errors.ts';
import type { Link } from '../../src/wire/link.ts';

/**
 * Guesses passwords, as somebody would who has the join line: from many addresses of this host, at the door of the page and over
 * the protocol of clients. What it is to do comes as one word of JSON; what came of it is one line of JSON.
 */

export interface GuessPlan {
  /** `https://HOST:PORT` of a peer's page, and `HOST:PORT` of the peer. */
  readonly door: string;
  readonly peer: string;
  readonly line: string;
  /** Where this client keeps its identity. */
  readonly home: string;
  readonly addresses: readonly string[];
  /** Names that are guessed at; every fifth guess is at one made up for it. */
  readonly names: readonly string[];
  readonly guesses: number;
  /** How long the answer for a known name takes, and for an unknown one: each address tries two of both. */
  readonly timed: { readonly addresses: readonly string[]; readonly known: readonly string[] };
}

/** `wrong`: the password was looked at; `held`: it was not, since too many were wrong; `busy`: nobody had time for it. */
type Answer = 'wrong' | 'held' | 'busy' | 'in';

export interface GuessReport {
  readonly answers: Record<Answer, number>;
  /** Those that were looked at, by name and by address: the most of any. */
  readonly ofName: number;
  readonly ofAddress: number;
  readonly tookMs: number;
  /** Medians of the time until "wrong", in ms, and the words they came with. */
  readonly known: number;
  readonly unknown: number;
  readonly words: readonly string[];
}

type Guess = (user: string) => Promise<Answer>;
const plan = JSON.parse(process.argv[2] ?? '{}') as GuessPlan;

interface Heard {
  readonly status: number;
  readonly text: string;
}

function post(agent: Agent, body: unknown): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request(`${plan.door}/api/v1/login`, { method: 'POST', agent, headers, rejectUnauthorized: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

const agentAt = (localAddress: string) => new Agent({ keepAlive: true, localAddress, maxSockets: 2 });

function byDoor(address: string): Guess {
  const agent = agentAt(address);
  return async (user) => {
    const { status, text } = await post(agent, { user, password: randomBytes(6).toString('hex') });
    const answer = ({ 200: 'in', 401: 'wrong', 429: 'held', 503: 'busy' } as Record<number, Answer>)[status];
    // Whatever else comes says nothing of passwords.
    if (answer === undefined) throw new Error(`a guess at ${user} was answered with ${status}: ${text}`);
    return answer;
  };
}

/** Links from these addresses, one each. */
async function links(addresses: readonly string[]): Promise<Link[]> {
  const { connect } = tls;
  let localAddress = '';
  const connectFrom = (options: object) => connect({ ...options, localAddress } as tls.ConnectionOptions);
  tls.connect = connectFrom as typeof tls.connect;
  syncBuiltinESMExports();
  const platform = await clientPlatform(plan.home, []);
  const open: Link[] = [];
  for (const address of addresses) {
    localAddress = address;
    const memory = new MeshMemory({ line: plan.line, facts: [] });
    const given = { given: [plan.peer], remembered: [], name: 'guesser', timeoutMs: 10_000 };
    open.push(await makeClient({ platform, memory, ...given }).session.connect());
  }
  return open;
}

function byLink(link: Link): Guess {
  return async (user) => {
    try {
      const { reply } = await link.call('login', { user, proof: randomBytes(32).toString('hex') });
      return reply.wait === undefined ? 'in' : 'held';
    } catch (thrown) {
      const { code } = asMeshError(thrown);
      if (code === 'not-allowed') return 'wrong';
      if (code !== 'busy') throw thrown;
      return 'busy';
    }
  };
}

async function guessAll(): Promise<Pick<GuessReport, 'answers' | 'ofName' | 'ofAddress' | 'tookMs'>> {
  const ways = [plan.addresses.map(byDoor), (await links(plan.addresses)).map(byLink)];
  const began = performance.now();
  const answers: Record<Answer, number> = { wrong: 0, held: 0, busy: 0, in: 0 };
  const looked = new Map<string, number>();
  let next = 0;
  const guessOn = async (guess: Guess, address: string): Promise<void> => {
    while (next < plan.guesses) {
      const number = next++;
      const user = number % 5 === 0 ? `ghost${number}` : (plan.names[number % plan.names.length] ?? '');
      const answer = await guess(user);
      answers[answer]++;
      if (answer !== 'wrong') continue;
      for (const key of [`name ${user}`, `address ${address}`]) looked.set(key, (looked.get(key) ?? 0) + 1);
    }
  };
  await Promise.all(ways.flatMap((way) => way.map((guess, index) => guessOn(guess, plan.addresses[index] ?? ''))));
  const most = (kind: string) => Math.max(0, ...[...looked].filter(([key]) => key.startsWith(kind)).map(([, count]) => count));
  return { answers, ofName: most('name'), ofAddress: most('address'), tookMs: performance.now() - began };
}

/** One guess after the other, known and unknown names in turn: none is tried so often that it is held up. */
async function timeAnswers(): Promise<Pick<GuessReport, 'known' | 'unknown' | 'words'>> {
  const times = { known: [] as number[], unknown: [] as number[] };
  const words = new Set<string>();
  for (const [index, address] of plan.timed.addresses.entries()) {
    const agent = agentAt(address);
    // The first one pays for the connection.
    await post(agent, { user: `nobody${index}`, proof: randomBytes(32).toString('hex') });
    for (const kind of ['known', 'unknown', 'unknown', 'known'] as const) {
      const known = plan.timed.known[index % plan.timed.known.length] ?? '';
      const user = kind === 'known' ? known : `${known.slice(0, -1)}x${index}`;
      const began = performance.now();
      const { status, text } = await post(agent, { user, proof: randomBytes(32).toString('hex') });
      times[kind].push(performance.now() - began);
      words.add(`${status} ${text}`);
    }
  }
  return { known: median(times.known), unknown: median(times.unknown), words: [...words] };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const report: GuessReport = { ...(await timeAnswers()), ...(await guessAll()) };
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
