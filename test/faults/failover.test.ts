import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesBelow, contentOf, digest } from './contents.ts';
import { gapLine, Progress } from './gap.ts';
import { type Answer, answerOf, isTrial, Lan, lanMissing, type PeerProcess, skipAloud } from './lan.ts';
import { type Process, until } from './process.ts';

const skipped = skipAloud('failover', lanMissing());
const RUNS = isTrial ? { download: 20, upload: 10, create: 10 } : { download: 1, upload: 1, create: 1 };
const BYTES = (isTrial ? 64 : 32) * 1024 * 1024;
/** So slow that the fault comes in the middle, though it comes a second late. */
const RATE = isTrial ? '300mbit' : '150mbit';
/** Part of the bytes after which the fault comes. */
const FAULT_AT = 0.3;
const RUN_MS_MAX = 180_000;
const CLIENT = 4;

/** How the peer goes away without a word, and how it comes back. */
interface Nemesis {
  strike(lan: Lan, peer: PeerProcess): void | Promise<void>;
  /** The peer, running again. */
  mend(lan: Lan, peer: PeerProcess): Promise<PeerProcess>;
}

/** Bytes that show the verb at work, before its peer goes away and after. */
interface Grown {
  readonly before: () => number;
  readonly after?: () => number;
}

const nemeses: Readonly<Record<string, Nemesis>> = {
  'is killed with -9': {
    strike: (_, peer) => peer.process.signal('SIGKILL'),
    mend: async (_, peer) => {
      await peer.process.ended;
      return await peer.again();
    },
  },
  'stands still': {
    strike: (_, peer) => peer.process.signal('SIGSTOP'),
    mend: async (_, peer) => {
      peer.process.signal('SIGCONT');
      return peer;
    },
  },
  'loses its cable': {
    strike: (lan, peer) => lan.cut(peer.host),
    mend: async (lan, peer) => {
      lan.mend(peer.host);
      return peer;
    },
  },
};

describe.skipIf(skipped)('the peer a client talks to goes away in the middle', () => {
  let lan: Lan;
  let peers: PeerProcess[];
  let serial = 0;

  beforeAll(async () => {
    lan = new Lan('fail', CLIENT);
    for (const host of [1, 2, 3, CLIENT]) {
      if (!lan.shape(host, RATE)) console.warn('this kernel cannot slow a cable: the fault may come too late to matter');
    }
    peers = await lan.peers(...['alpha', 'bravo', 'charlie'].map((name, index) => ({ host: index + 1, name })));
    await allLinked();
  });
  afterAll(() => lan?.close());

  const allLinked = () =>
    until('every peer sees the others', async () => {
      const looks = peers.map((peer) => lan.verb(CLIENT, ['peers', '--peer', peer.address]));
      const answers = await Promise.all(looks);
      return answers.every(({ value }) => value?.length === 3 && value.every((peer: { alive: boolean }) => peer.alive));
    });

  /** Runs a verb, strikes its peer when `progress` is at FAULT_AT, and tells how it ended and the gap. */
  async function struck(nemesis: Nemesis, victim: PeerProcess, grown: Grown, words: string[]): Promise<[Answer, number]> {
    const progress = new Progress(grown.before);
    const running: Process = lan.begin(CLIENT, [...words, '--peer', victim.address]);
    await Promise.race([progress.reached(BYTES * FAULT_AT), running.ended]);
    expect(running.runs, `${running.error}${running.lines.join()}`).toBe(true);
    await nemesis.strike(lan, victim);
    progress.fault(grown.after);
    const answer = answerOf(await running.ended);
    return [answer, progress.end()];
  }

  async function mended(nemesis: Nemesis, victim: PeerProcess): Promise<void> {
    const back = await nemesis.mend(lan, victim);
    peers = peers.map((peer) => (peer === victim ? back : peer));
    await allLinked();
  }

  /** The file is there once, whole, on enough peers, with one version in its history. */
  async function oneVersion(name: string, content: Buffer, versions = 1): Promise<void> {
    const survivor = peers.find((peer) => peer.process.runs) as PeerProcess;
    const { value } = await lan.verb(CLIENT, ['show', name, '--peer', survivor.address]);
    expect(value).toHaveLength(1);
    expect(value[0]).toMatchObject({ path: name, size: BYTES, conflict: false });
    const history = await lan.verb(CLIENT, ['history', name, '--peer', survivor.address]);
    expect(history.value).toHaveLength(versions);
    await until(`${name} whole on two peers`, () => {
      const found = peers.map((peer) => contentOf(join(peer.folder, name))).filter((one) => one !== undefined);
      return found.length >= 2 && found.every((one) => one === digest(content));
    });
  }

  for (const [fate, nemesis] of Object.entries(nemeses)) {
    it(
      `download finishes when it ${fate}`,
      async () => {
        const gaps: number[] = [];
        for (let run = 0; run < RUNS.download; run++) {
          const name = `down-${++serial}.bin`;
          const content = randomBytes(BYTES);
          const victim = peers[run % 3] as PeerProcess;
          writeFileSync(join(victim.folder, name), content);
          await victim.event({ event: 'replicated', path: name }, RUN_MS_MAX);
          const place = lan.place(name);
          const [answer, gap] = await struck(nemesis, victim, { before: () => bytesBelow(place) }, [
            'download',
            name,
            '--to',
            `${place}/`,
          ]);
          expect(answer.code, answer.output + answer.error).toBe(0);
          expect(readdirSync(place)).toEqual([name]);
          expect(contentOf(join(place, name))).toBe(digest(content));
          gaps.push(gap);
          await mended(nemesis, victim);
        }
        console.log(gapLine(`download, the peer ${fate}`, gaps));
      },
      RUN_MS_MAX * RUNS.download,
    );

    for (const verb of ['upload', 'create'] as const) {
      it(
        `${verb} finishes, once, when it ${fate}`,
        async () => {
          const gaps: number[] = [];
          for (let run = 0; run < RUNS[verb]; run++) {
            const name = `${verb}-${++serial}.bin`;
            const local = join(lan.place('local'), name);
            const content = randomBytes(BYTES);
            writeFileSync(local, content);
            const victim = peers[run % 3] as PeerProcess;
            const others = peers.filter((peer) => peer !== victim);
            const sizes = new Map(peers.map((peer) => [peer, bytesBelow(peer.folder)]));
            // A file put in place has two names for a moment: what is more than the file is no progress.
            const arrivedAt = (peer: PeerProcess) => Math.min(BYTES, bytesBelow(peer.folder) - (sizes.get(peer) ?? 0));
            // Then it is sent to another peer, from its start; that one's copies are no work of the client any more.
            const grown = { before: () => arrivedAt(victim), after: () => Math.max(...others.map(arrivedAt)) };
            const words = verb === 'create' ? ['create', name, local] : ['upload', local];
            const [answer, gap] = await struck(nemesis, victim, grown, words);
            expect(answer.code, answer.output + answer.error).toBe(0);
            expect(answer.value).toMatchObject({ path: name });
            gaps.push(gap);
            await mended(nemesis, victim);
            await oneVersion(name, content);
          }
          console.log(gapLine(`${verb}, the peer ${fate}`, gaps));
        },
        RUN_MS_MAX * RUNS[verb],
      );
    }
  }
});
