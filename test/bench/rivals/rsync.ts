import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, type Process, until } from '../../faults/process.ts';
import type { Ground } from '../ground.ts';
import type { Keeper } from '../keeper.ts';
import { cpuMsOf, endedCpuMs, isInstalled } from '../machine.ts';

/** A daemon of rsync on every receiver, and rsync on host 1 sending by hand: no waiting for quiet, no index, no hashes kept. */
export class RsyncKeeper implements Keeper {
  readonly name: string;
  readonly #ground: Ground;
  readonly #daemons: readonly { host: number; port: number; process: Process }[];
  readonly #words: readonly string[];

  private constructor(ground: Ground, daemons: readonly { host: number; port: number; process: Process }[]) {
    this.#ground = ground;
    this.#daemons = daemons;
    const syncs = spawnSync('rsync', ['--help'], { encoding: 'utf8' }).stdout.includes('--fsync');
    this.#words = ['rsync', '-rt', ...(syncs ? ['--fsync'] : [])];
    this.name = syncs ? 'rsync daemon' : 'rsync daemon, no fsync';
  }

  /** Why there is none; undefined where there is. */
  static missing(): string | undefined {
    return isInstalled('rsync') ? undefined : 'rsync is not installed';
  }

  /** On hosts 2…N. */
  static async open(ground: Ground, hosts: number): Promise<RsyncKeeper> {
    const daemons = [];
    for (let host = 2; host <= hosts; host++) {
      const port = await freePort();
      const settings = join(ground.place('rsync'), `${host}.conf`);
      const user = process.getuid?.() === 0 ? 'uid = root\ngid = root\n' : '';
      const folder = folderOf(ground, host);
      writeFileSync(settings, `use chroot = no\n${user}[kept]\npath = ${folder}\nread only = no\n`);
      const words = ['--daemon', '--no-detach', `--config=${settings}`, `--address=${ground.addressOf(host)}`, `--port=${port}`];
      // With a socket for its standard input, as Node gives it one, it would serve that and nobody else.
      const command = ['sh', '-c', 'exec rsync "$@" </dev/null', 'sh', ...words, `--log-file=${settings}.log`];
      daemons.push({ host, port, process: ground.start(host, command) });
    }
    const keeper = new RsyncKeeper(ground, daemons);
    for (const daemon of daemons) {
      const [program = '', ...words] = ground.commandOn(1, ['rsync', keeper.#addressOf(daemon)]);
      await until('the daemon of rsync', () => spawnSync(program, words).status === 0);
    }
    return keeper;
  }

  folderOf(host: number): string {
    return folderOf(this.#ground, host);
  }

  async spread(path: string, _files: number, act: () => void): Promise<number> {
    act();
    const began = performance.now();
    const sent = this.#daemons.map(async (daemon) => {
      const command = [...this.#words, join(this.folderOf(1), path), this.#addressOf(daemon)];
      const { code, error } = await this.#ground.start(1, command).ended;
      if (code !== 0) throw new Error(`rsync ended with ${code}: ${error}`);
    });
    await Promise.all(sent);
    const tookMs = performance.now() - began;
    // The CPU time of who served is known to the daemon when it has ended.
    await until('the servers of rsync have ended', () => this.#daemons.every(({ process }) => !hasChildren(process)));
    return tookMs;
  }

  cpuMs(): number {
    return this.#daemons.reduce((sum, { process }) => sum + cpuMsOf(process.pid), 0) + endedCpuMs();
  }

  async discard(path: string): Promise<void> {
    for (const host of [1, ...this.receivers(path)]) await rm(join(this.folderOf(host), path), { recursive: true, force: true });
  }

  receivers(path: string): number[] {
    return this.#daemons.map(({ host }) => host).filter((host) => existsSync(join(this.folderOf(host), path)));
  }

  #addressOf({ host, port }: { host: number; port: number }): string {
    return `rsync://${this.#ground.addressOf(host)}:${port}/kept/`;
  }
}

function hasChildren({ pid }: Process): boolean {
  const list = `/proc/${pid}/task/${pid}/children`;
  return existsSync(list) && readFileSync(list, 'utf8').trim() !== '';
}

function folderOf(ground: Ground, host: number): string {
  return ground.place(`rsync/folder-${host}`);
}
