import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Process, until } from '../../faults/process.ts';
import type { Contender } from '../contest.ts';
import { assertEqual } from '../files.ts';
import type { Ground } from '../ground.ts';
import { cpuMsOf, endedCpuMs, isInstalled } from '../machine.ts';

const START_MS_MAX = 30_000;
const VOLUME = 'bench';
/** All it keeps for itself goes below the ground: its places are covered where only its own processes see them. */
const START = `mount --bind "$1/state" /var/lib/glusterd && mount --bind "$1/log" /var/log/glusterfs && mount -t tmpfs none /run &&
mkdir -p /run/gluster && exec glusterd -N`;

/** Shell words that bring a file $1 into the volume as $2: whole, and then under its name. */
export const BRING_WHOLE = 'dd if="$1" of="$2.next" bs=1M conv=fsync status=none && mv "$2.next" "$2"';

/** How a file is changed. */
export interface Altering {
  alter(source: string): unknown;
  /** Shell words that bring what was altered in $1 into $2, synced. */
  readonly bring: string;
}

/** A volume of GlusterFS with a whole copy on each host, mounted on host 1. No TLS. It ends with its ground. */
export class GlusterRival {
  readonly #ground: Ground;
  readonly #hosts: number;
  readonly #daemon: Process;
  readonly #pids: readonly number[];

  private constructor(ground: Ground, hosts: number, daemon: Process) {
    this.#ground = ground;
    this.#hosts = hosts;
    this.#daemon = daemon;
    const isOurs = (pid: number) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('gluster');
    this.#pids = ground.pids().filter(isOurs);
  }

  /** Why there is none; undefined where there is. */
  static missing(ground: Ground): string | undefined {
    const absent = ['glusterd', 'glusterfs', 'gluster', 'nsenter'].filter((program) => !isInstalled(program));
    if (absent.length > 0) return `${absent.join(', ')} not installed`;
    if (!ground.hasCables) return 'it needs hosts of its own';
    return statSync('/dev/fuse', { throwIfNoEntry: false }) === undefined ? 'no /dev/fuse' : undefined;
  }

  /** On hosts 1…N. */
  static async open(ground: Ground, hosts: number): Promise<GlusterRival> {
    const daemons = Array.from({ length: hosts }, (_, index) => {
      const place = placeOf(ground, index + 1);
      for (const name of ['state', 'log', 'brick', 'mount']) mkdirSync(join(place, name), { recursive: true });
      return ground.start(index + 1, ['sh', '-c', START, 'sh', place]);
    });
    const [first] = daemons as [Process];
    const bricks: string[] = [];
    for (let host = 1; host <= hosts; host++) {
      const address = ground.addressOf(host);
      bricks.push(`${address}:${placeOf(ground, host)}/brick`);
      if (host > 1)
        await until(`glusterd on host ${host}`, () => isDone(ground, first, ['peer', 'probe', address]), START_MS_MAX);
    }
    const volume = ['volume', 'create', VOLUME, 'replica', `${hosts}`, ...bricks, 'force'];
    await until('a volume', () => isDone(ground, first, volume), START_MS_MAX);
    if (!isDone(ground, first, ['volume', 'start', VOLUME])) throw new Error('the volume did not start');
    const mount = [`--volfile-server=${ground.addressOf(1)}`, `--volfile-id=${VOLUME}`, `${placeOf(ground, 1)}/mount`];
    await beside(ground, first, ['glusterfs', ...mount]);
    return new GlusterRival(ground, hosts, first);
  }

  /** A contender that copies what `make` makes at the place it is given into the volume; a single file is synced. */
  contender(make: (source: string) => unknown): Contender {
    const source = join(this.#ground.folder, 'gluster-source');
    const target = (run: number) => `${placeOf(this.#ground, 1)}/mount/run-${run}`;
    const copy = 'if [ -d "$1" ]; then cp -r "$1" "$2"; else dd if="$1" of="$2" bs=1M conv=fsync status=none; fi';
    return {
      name: 'GlusterFS',
      cpuMs: () => this.#cpuMs(),
      prepare: async () => {
        await rm(source, { recursive: true, force: true });
        await make(source);
      },
      go: async (run) => {
        const began = performance.now();
        await beside(this.#ground, this.#daemon, ['sh', '-c', copy, 'sh', source, target(run)]);
        return performance.now() - began;
      },
      check: async (run) => {
        for (let host = 1; host <= this.#hosts; host++) {
          await assertEqual(source, `${placeOf(this.#ground, host)}/brick/run-${run}`);
        }
        await beside(this.#ground, this.#daemon, ['rm', '-rf', target(run)]);
      },
    };
  }

  /** A contender that has in the volume the file `make` makes at the place it is given, and brings over what `alter` alters in it. */
  changing(make: (source: string) => Promise<void>, { alter, bring }: Altering): Contender {
    const name = `changing-${randomUUID()}`;
    const source = join(this.#ground.place('gluster-sources'), name);
    const target = `${placeOf(this.#ground, 1)}/mount/${name}`;
    const run = (script: string) => beside(this.#ground, this.#daemon, ['sh', '-ec', script, 'sh', source, target]);
    return {
      name: 'GlusterFS',
      cpuMs: () => this.#cpuMs(),
      prepare: async () => {
        if (!existsSync(source)) {
          await make(source);
          await run(BRING_WHOLE);
        }
        await alter(source);
      },
      go: async () => {
        const began = performance.now();
        await run(bring);
        return performance.now() - began;
      },
      check: async () => {
        for (let host = 1; host <= this.#hosts; host++) await assertEqual(source, `${placeOf(this.#ground, host)}/brick/${name}`);
      },
    };
  }

  #cpuMs(): number {
    return this.#pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0) + endedCpuMs();
  }
}

function placeOf(ground: Ground, host: number): string {
  return ground.place(`gluster-${host}`);
}

/** Runs a program where the first daemon runs: it sees the same mounts. */
async function beside(ground: Ground, daemon: Process, command: readonly string[]): Promise<void> {
  const { code, output, error } = await ground.start(1, ['nsenter', '-t', `${daemon.pid}`, '-m', ...command]).ended;
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${output}${error}`);
}

function isDone(ground: Ground, daemon: Process, words: readonly string[]): boolean {
  const command = ground.commandOn(1, ['nsenter', '-t', `${daemon.pid}`, '-m', 'gluster', '--mode=script', ...words]);
  const [program = '', ...rest] = command;
  return spawnSync(program, rest).status === 0;
}
