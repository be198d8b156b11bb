import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentOf, digest, filesIn } from './contents.ts';
import { isTrial, Lan, lanMissing, type PeerProcess, skipAloud } from './lan.ts';
import { until } from './process.ts';

const skipped = skipAloud('all peers killed at once', lanMissing());
const ROUNDS = isTrial ? 20 : 2;
const ROUND_MS_MAX = 300_000;
/** Files a client tries to make in one round: more than it gets to. */
const FILES = 400;
/** Acknowledgements after which all are killed: somewhere in the burst, another place each time. */
const KILL_AFTER = 60;
const CLIENT = 4;

interface Acknowledged {
  readonly path: string;
  readonly atMs: number;
}

describe.skipIf(skipped)('all peers are killed at once during a burst of creates', () => {
  let lan: Lan;
  let peers: PeerProcess[];
  const contents = new Map<string, string>();
  const acknowledged: Acknowledged[] = [];

  beforeAll(async () => {
    lan = new Lan('kill', CLIENT);
    peers = await lan.peers(...['alpha', 'bravo', 'charlie'].map((name, index) => ({ host: index + 1, name })));
    await linked();
  });
  afterAll(() => lan?.close());

  const show = (peer: PeerProcess | undefined) =>
    lan.verb(CLIENT, ['show', '--peer', peer?.address ?? '']).then((answer) => answer.value as Record<string, unknown>[]);
  const linked = () =>
    until('three linked', async () => {
      const { value } = await lan.verb(CLIENT, ['peers', '--peer', peers[0]?.address ?? '']);
      return value.filter((peer: { alive: boolean }) => peer.alive).length === 3;
    });

  /** Two shells make files as fast as they can; all peers are killed in the middle. Resolves with the moment of the kill. */
  async function burst(round: number): Promise<number> {
    const enough = acknowledged.length + KILL_AFTER + round;
    const shells = [0, 1].map((shell) => {
      const lines: string[] = [];
      for (let index = 0; index < FILES; index++) {
        const path = `round-${round}/${shell}-${index}.bin`;
        const local = join(lan.place(`local-${round}`), `${shell}-${index}.bin`);
        const content = randomBytes(1 + ((index * 997) % 40_000));
        writeFileSync(local, content);
        contents.set(path, digest(content));
        lines.push(`create ${path} ${local}`);
      }
      return lan.shell(CLIENT, lines.join('\n'), ['--peer', peers[shell]?.address ?? '']);
    });
    const killed = new Promise<number>((resolve) => {
      for (const shell of shells) {
        shell.onLine((line) => {
          const path = /^(\S+): kept on \d+ of \d+/.exec(line)?.[1] ?? /^created (\S+)/.exec(line)?.[1];
          if (path === undefined) return;
          acknowledged.push({ path, atMs: performance.now() });
          if (acknowledged.length !== enough) return;
          for (const peer of peers) peer.process.signal('SIGKILL');
          resolve(performance.now());
        });
      }
    });
    const atMs = await Promise.race([killed, Promise.all(shells.map((shell) => shell.ended)).then(() => 0)]);
    expect(atMs, shells.map((shell) => shell.error + shell.lines.slice(0, 3)).join()).toBeGreaterThan(0);
    await Promise.all([...shells.map((shell) => shell.kill()), ...peers.map((peer) => peer.process.ended)]);
    return atMs;
  }

  for (let round = 0; round < ROUNDS; round++) {
    it(
      `loses nothing acknowledged, round ${round + 1}`,
      async () => {
        const killedMs = await burst(round);
        const alone = await (peers[round % 3] as PeerProcess).again();
        peers = peers.map((peer) => (peer.name === alone.name ? alone : peer));
        await aloneKnows(alone, killedMs);
        const others = peers.filter((peer) => peer !== alone);
        const back = await Promise.all(others.map((peer) => peer.again()));
        peers = peers.map((peer) => back.find((one) => one.name === peer.name) ?? peer);
        await everythingIsThere();
      },
      ROUND_MS_MAX,
    );
  }

  /** One peer alone lists what was acknowledged a second before, and says who has what it has not. */
  async function aloneKnows(alone: PeerProcess, killedMs: number): Promise<void> {
    const list = await until('a list', async () => await show(alone));
    const listed = new Map(list.map((file) => [file.path, file]));
    const old = acknowledged.filter((one) => one.atMs < killedMs - 1000).map((one) => one.path);
    expect(old.filter((path) => !listed.has(path))).toEqual([]);
    const elsewhere = old.filter((path) => contentOf(join(alone.folder, path)) === undefined);
    for (const path of elsewhere) {
      const file = listed.get(path) as { available: boolean; holders: string[] };
      expect(file.available, path).toBe(false);
      expect(file.holders.length, path).toBeGreaterThan(0);
      expect(file.holders).not.toContain(alone.name);
    }
    const [missing] = elsewhere;
    if (missing === undefined) return;
    const holders = (listed.get(missing) as { holders: string[] }).holders;
    const answer = await lan.verb(CLIENT, ['download', missing, '--to', `${lan.place('nothing')}/`, '--peer', alone.address]);
    expect(answer.code, answer.output).toBe(5);
    for (const holder of holders) expect(answer.value.error.message).toContain(holder);
    expect(filesIn(lan.place('nothing')).size).toBe(0);
  }

  async function everythingIsThere(): Promise<void> {
    await linked();
    const copies = (path: string) => peers.filter((peer) => contentOf(join(peer.folder, path)) === contents.get(path)).length;
    await until(
      'every acknowledged file on two peers',
      () => {
        const missing = acknowledged.filter(({ path }) => copies(path) < 2);
        if (missing.length === 0) return true;
        throw new Error(missing.map(({ path }) => `${path} on ${copies(path)}`).join());
      },
      60_000,
    );
    const lists = await until('the same list from all', async () => {
      const lists = await Promise.all(peers.map(show));
      return lists.every((list) => JSON.stringify(list) === JSON.stringify(lists[0])) ? lists : undefined;
    });
    const listed = new Map(lists[0]?.map((file) => [file.path, file]));
    for (const { path } of acknowledged) expect(listed.get(path), path).toMatchObject({ available: true, conflict: false });
  }
});
