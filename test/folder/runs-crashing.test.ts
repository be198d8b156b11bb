import { blake3 } from '@napi-rs/blake-hash';
import { describe, expect, it } from 'vitest';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import { NO_RUNS, rangeOfRun, runsIn } from '../../src/core/striping.ts';
import type { FileVersion } from '../../src/core/version.ts';
import type { Step, Striped } from '../../src/folder/folder.ts';
import { noise } from '../platform/hasher-acceptance.ts';
import { FolderBench, hashOf, path, request } from './folder-bench.ts';

const TEXT = Buffer.from(noise(60_000)).toString('latin1');
const CONTENT = Buffer.from(TEXT);
const MANIFEST = encodeManifest(chunkContent(CONTENT, (chunk) => blake3(chunk)));
const FILM = path('film');
const CUT = path('cut');
/** Events an act may take: beyond, it hangs. */
const EVENTS_MAX = 2_000;

interface Ground {
  readonly bench: FolderBench;
  readonly version: FileVersion;
  readonly striped: Striped;
  readonly stage: (run: number) => Promise<Parameters<FolderBench['folder']['runs']['keep']>[4]>;
}

const file = (run: number) => `.filemesh/runs/${hashOf(TEXT)}-0${run}`;
const bytesOf = ({ ends }: Pick<Striped, 'ends'>, run: number) => {
  const { offset, length } = rangeOfRun(ends, run);
  return CONTENT.subarray(offset, offset + length);
};

const stories: { name: string; runs: number; prepare: (ground: Ground) => Promise<() => Promise<unknown>> }[] = [
  {
    name: 'keeping the first run',
    runs: 0,
    prepare: async ({ bench, version, striped, stage }) => {
      const staging = await stage(0);
      return () => bench.folder.runs.keep(FILM, version, striped, 0, staging);
    },
  },
  {
    name: 'keeping another run',
    runs: 1,
    prepare: async ({ bench, version, striped, stage }) => {
      const staging = await stage(1);
      return () => bench.folder.runs.keep(FILM, version, striped, 1, staging);
    },
  },
  {
    name: 'setting a bad run aside',
    runs: 2,
    prepare: async ({ bench }) => {
      return () => bench.folder.runs.lose(hashOf(TEXT), [1]);
    },
  },
  {
    name: 'renaming',
    runs: 2,
    prepare: async ({ bench, version }) => {
      const steps: Step[] = [
        { kind: 'stripe', path: CUT, base: [], facts: version },
        { kind: 'bury', path: FILM, base: [version], renamedTo: CUT },
      ];
      return () => bench.folder.make(request('1'), steps);
    },
  },
  {
    name: 'letting go of what lies here whole',
    runs: 2,
    prepare: async ({ bench, version }) => {
      await bench.keep('film', version, TEXT);
      return () => bench.folder.runs.letGo(FILM, hashOf(TEXT));
    },
  },
];

/** What is told lies there, byte for byte, and can be read; and nothing else lies there. */
function check(bench: FolderBench, striped: Striped): void {
  const lying = runsIn(bench.folder.runs.lying(striped.hash, striped.manifestHash));
  expect(bench.private('runs')).toEqual(lying.map(file));
  for (const run of lying) expect(Buffer.compare(bench.drive.userRead(file(run)) ?? Buffer.of(), bytesOf(striped, run))).toBe(0);
  const isHeld = [FILM, CUT].some((name) => bench.folder.runs.heldFor(name, striped.hash) !== undefined);
  if (bench.folder.holds(FILM, striped.hash) && !isHeld) expect(lying).toEqual([]);
  for (const name of [FILM, CUT]) {
    for (const { holding } of bench.ledger.own(name)) {
      if (holding === 'all') expect(bench.read(name)).toBe(TEXT);
      if (typeof holding === 'string' || holding.mask === NO_RUNS) continue;
      expect(bench.folder.runs.heldFor(name, hashOf(TEXT))?.mask).toBe(holding.mask);
    }
  }
}

describe.each(['kill', 'power loss'] as const)('a %s at any moment', (how) => {
  it.each(stories)('of $name', async ({ prepare, runs }) => {
    let reached = 0;
    for (let events = 0; ; events++) {
      const bench = new FolderBench(`runs crash/${events}`, { smallBytesMax: 0 });
      await bench.start();
      const version = bench.foreign('film', TEXT);
      const striped = await bench.folder.runs.striped(version, MANIFEST);
      const stage = async (run: number) => {
        const staging = await bench.folder.stage(`run-${run}`, bytesOf(striped, run).length);
        await staging.write(0, bytesOf(striped, run));
        return staging;
      };
      for (let run = 0; run < runs; run++) await bench.folder.runs.keep(FILM, version, striped, run, await stage(run));
      const act = await prepare({ bench, version, striped, stage });
      const { scheduler } = bench.world;
      const from = scheduler.eventCount;
      let isDone = false;
      act().then(
        () => {
          isDone = true;
        },
        (thrown: unknown) => scheduler.fail(thrown),
      );
      await scheduler.runUntil(() => isDone || scheduler.eventCount >= from + events, 60_000);
      const wasDone = isDone;
      if (how === 'kill') bench.node.kill();
      else bench.node.powerLoss('journal');
      // What a crash left behind is gone after a week.
      bench.node.wall.offsetMs += 169 * 3_600_000;
      await bench.start();
      await bench.settle();
      try {
        check(bench, striped);
        expect(await bench.rows('i')).toBe(0);
      } catch (thrown) {
        throw new Error(`after ${events} events, ${bench.drive.userList({ withPrivate: true }).join()}: ${String(thrown)}`, {
          cause: thrown,
        });
      }
      await bench.end();
      if (wasDone) break;
      reached = events;
      if (events > EVENTS_MAX) throw new Error('the act never ends');
    }
    expect(reached).toBeGreaterThan(0);
  });
});
