import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SimRandom } from '../sim/sim-random.ts';
import { bytesBelow, contentOf, digest } from './contents.ts';
import { Crowd, type CrowdPeer } from './crowd.ts';
import { Progress } from './gap.ts';
import { type Process, until } from './process.ts';

const isTrial = process.env.TRIAL !== undefined;
const PEERS = isTrial ? Number(process.env.CROWD_PEERS ?? 50) : 8;
const REPLICAS = 5;
/** One less than there are copies. */
const STRUCK = REPLICAS - 1;
const CLIENTS = isTrial ? 5 : 3;
const ROUNDS = isTrial ? 3 : 1;
const BYTES = (isTrial ? 96 : 32) * 1024 * 1024;
/** Part of the bytes of all downloads after which the peers are struck. */
const STRUCK_AT = 0.3;
const LIMIT_MS = isTrial ? 1_200_000 : 300_000;
/** Another seed strikes other peers. */
const SEED = process.env.CROWD_SEED ?? 'crowd';

interface Download {
  readonly place: string;
  readonly running: Process;
}

describe(`${PEERS} peers that keep files in runs, ${REPLICAS} copies of each`, () => {
  const crowd = new Crowd(REPLICAS);
  const random = new SimRandom(SEED);
  const content = randomBytes(BYTES);
  let serial = 0;

  beforeAll(async () => {
    await crowd.start(PEERS);
    const local = join(crowd.place, 'striped.bin');
    writeFileSync(local, content);
    await crowd.value(['upload', '--striped', local]);
    await allKept();
  }, LIMIT_MS);
  afterAll(() => crowd.close(), LIMIT_MS);

  const allKept = () =>
    until(
      'all runs kept by enough',
      async () => {
        const asked = crowd.peers.find((peer) => peer.process.runs)?.address ?? '';
        const [entry] = await crowd.value<{ copies: number; holders: string[] }[]>(['show', 'striped.bin', '--peer', asked]);
        return entry?.copies === REPLICAS || Promise.reject(new Error(JSON.stringify(entry)));
      },
      120_000,
    );

  /** Several clients download at once, each from a peer of its own; resolves when so much has come that the fault is in the middle. */
  async function begun(own: readonly CrowdPeer[]): Promise<Download[]> {
    const downloads = own.map((peer): Download => {
      const place = join(crowd.place, `download-${++serial}`);
      mkdirSync(place);
      return { place, running: crowd.client(['download', 'striped.bin', '--to', `${place}/`, '--peer', peer.address]) };
    });
    const progress = new Progress(() => downloads.reduce((sum, { place }) => sum + bytesBelow(place), 0));
    await Promise.race([
      progress.reached(BYTES * CLIENTS * STRUCK_AT),
      Promise.all(downloads.map(({ running }) => running.ended)),
    ]);
    progress.end();
    expect(downloads.some(({ running }) => running.runs)).toBe(true);
    return downloads;
  }

  async function allEndWell(downloads: readonly Download[]): Promise<void> {
    const outcomes = await Promise.all(downloads.map(({ running }) => running.ended));
    for (const [index, { code, error, output }] of outcomes.entries()) {
      const { place } = downloads[index] as Download;
      expect(code, error + output).toBe(0);
      expect(readdirSync(place)).toEqual(['striped.bin']);
      expect(contentOf(join(place, 'striped.bin'))).toBe(digest(content));
    }
    console.log(`downloads took ${outcomes.map(({ tookMs }) => (tookMs / 1000).toFixed(1)).join(', ')} s`);
  }

  /** Peers in a random order: the first are the clients' own. */
  function shuffled(): CrowdPeer[] {
    const left = [...crowd.peers];
    return Array.from(crowd.peers, () => left.splice(random.integer(left.length), 1)[0] as CrowdPeer);
  }

  async function restored(struck: readonly CrowdPeer[]): Promise<void> {
    await Promise.all(struck.filter((peer) => !peer.process.runs).map((peer) => crowd.again(peer)));
    await crowd.met();
    await allKept();
  }

  /** `owned`: how many of the struck peers are clients' own ones. */
  const fates: readonly { what: string; owned: number; strike: (peers: readonly CrowdPeer[]) => Promise<void> }[] = [
    { what: `${STRUCK} holders are killed`, owned: 0, strike: killed },
    { what: `${STRUCK} peers are killed, two clients' own among them`, owned: 2, strike: killed },
    {
      what: `${STRUCK} peers are killed, one client's own among them, and started again at once`,
      owned: 1,
      strike: async (peers) => {
        await killed(peers);
        await Promise.all(peers.map((peer) => crowd.again(peer)));
      },
    },
    {
      what: `${STRUCK} peers stand still, one client's own among them`,
      owned: 1,
      strike: async (peers) => {
        for (const { process } of peers) process.signal('SIGSTOP');
      },
    },
  ];

  // The first needs many peers to say something the second does not.
  for (const { what, owned, strike } of isTrial ? fates : fates.slice(1)) {
    it(
      `every download ends with the right bytes when ${what}`,
      async () => {
        for (let round = 0; round < ROUNDS; round++) {
          const order = shuffled();
          const own = order.slice(0, CLIENTS);
          const struck = [...own.slice(0, owned), ...order.slice(CLIENTS, CLIENTS + STRUCK - owned)];
          const downloads = await begun(own);
          const striking = strike(struck);
          await allEndWell(downloads);
          await striking;
          for (const { process } of struck) process.signal('SIGCONT');
          await restored(struck);
        }
      },
      LIMIT_MS,
    );
  }
});

async function killed(peers: readonly CrowdPeer[]): Promise<void> {
  for (const { process } of peers) process.signal('SIGKILL');
  await Promise.all(peers.map(({ process }) => process.ended));
}
