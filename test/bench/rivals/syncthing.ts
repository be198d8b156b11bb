import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { freePort, type Process, until } from '../../faults/process.ts';
import { sleep } from '../bench-mesh.ts';
import type { Ground } from '../ground.ts';
import type { Keeper } from '../keeper.ts';
import { cpuMsOf, isInstalled } from '../machine.ts';

const NAME = 'Syncthing';
const KEY = 'bench';
/** A large file is looked for so often; many files, which cost a look more, less often. */
const LOOK_MS = 5;
const LOOK_MANY_MS = 50;
const LIMIT_MS = 300_000;
const FOLDER = 'kept';

export interface SyncthingWish {
  readonly hosts: number;
  /** Of one ground each has its own. */
  readonly name?: string;
  /** True: the clock stops when the first receiver has it; the run ends when all have it all the same. */
  readonly isFirstEnough?: boolean;
}

interface Device {
  readonly host: number;
  readonly id: string;
  readonly port: number;
  readonly home: string;
  readonly folder: string;
}

/**
 * One Syncthing on each host, told the others' addresses: nothing is announced, looked up or reported. Its watcher is off;
 * it is told to look the moment something changed, so that it waits for nothing. It syncs what it writes (its default).
 */
export class SyncthingKeeper implements Keeper {
  readonly name: string;
  readonly #devices: readonly Device[];
  readonly #processes: readonly Process[];
  readonly #isFirstEnough: boolean;

  private constructor(wish: SyncthingWish, devices: readonly Device[], processes: readonly Process[]) {
    this.name = wish.name ?? NAME;
    this.#isFirstEnough = wish.isFirstEnough ?? false;
    this.#devices = devices;
    this.#processes = processes;
  }

  /** Why there is none; undefined where there is. */
  static missing(): string | undefined {
    return isInstalled('syncthing') ? undefined : 'syncthing is not installed';
  }

  /** On hosts 1…N; resolves when all are connected. */
  static async open(ground: Ground, wish: SyncthingWish): Promise<SyncthingKeeper> {
    const devices: Device[] = [];
    for (let host = 1; host <= wish.hosts; host++) devices.push(await deviceOn(ground, wish.name ?? NAME, host));
    const processes = devices.map((device) => {
      writeFileSync(join(device.home, 'config.xml'), settings(ground, device, devices), { mode: 0o600 });
      mkdirSync(join(device.folder, '.stfolder'), { recursive: true });
      // Monitored, as it is told: it starts no second process, which would outlive the first.
      const words = ['serve', `--home=${device.home}`, '--no-restart', '--no-upgrade', '--no-browser'];
      return ground.start(device.host, ['syncthing', ...words], { HOME: device.home, STNOUPGRADE: '1', STMONITORED: '1' });
    });
    const keeper = new SyncthingKeeper(wish, devices, processes);
    const all = devices.map((device) => until('Syncthing is connected', () => isConnected(device, devices.length - 1), 60_000));
    await Promise.all(all);
    return keeper;
  }

  folderOf(host: number): string {
    return this.#devices[host - 1]?.folder ?? '';
  }

  async spread(path: string, files: number, act: () => void): Promise<number> {
    const receivers = this.#devices.slice(1).map(({ host }) => join(this.folderOf(host), path));
    const before = receivers.map((file) => statSync(file, { throwIfNoEntry: false })?.ino);
    // It writes beside and renames: another inode at the place is the whole new content.
    const isThere = (file: string, index: number): boolean => {
      if (files > 1) return filesBelow(file) === files;
      const inode = statSync(file, { throwIfNoEntry: false })?.ino;
      return inode !== undefined && inode !== before[index];
    };
    act();
    const began = performance.now();
    const asked = ask(this.#devices[0] as Device, 'POST', `/rest/db/scan?folder=${FOLDER}&sub=${encodeURIComponent(path)}`);
    asked.catch(() => undefined);
    let firstMs = Number.NaN;
    while (!receivers.every(isThere)) {
      if (Number.isNaN(firstMs) && receivers.some(isThere)) firstMs = performance.now() - began;
      if (performance.now() - began > LIMIT_MS) throw new Error(`Syncthing did not bring ${path} within ${LIMIT_MS / 1000} s`);
      await sleep(files > 1 ? LOOK_MANY_MS : LOOK_MS);
    }
    const allMs = performance.now() - began;
    await asked;
    return this.#isFirstEnough && !Number.isNaN(firstMs) ? firstMs : allMs;
  }

  cpuMs(): number {
    return this.#processes.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);
  }

  /** It looks only where it is told to, and does not see that something is gone. */
  async discard(path: string): Promise<void> {
    for (const { folder } of this.#devices) await rm(join(folder, path), { recursive: true, force: true });
  }

  receivers(path: string): number[] {
    return this.#devices.map(({ host }) => host).filter((host) => host !== 1 && existsSync(join(this.folderOf(host), path)));
  }
}

/** Files that are whole: what it has in work bears another name. */
function filesBelow(folder: string): number {
  if (!existsSync(folder)) return 0;
  let count = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) count += filesBelow(join(folder, entry.name));
    else if (!entry.name.startsWith('.syncthing.')) count++;
  }
  return count;
}

/** Makes keys and an id; of the settings made with them only the id is used. */
async function deviceOn(ground: Ground, name: string, host: number): Promise<Device> {
  const place = ground.place(`${name.replaceAll(/\W/g, '-')}-${host}`);
  const home = join(place, 'home');
  mkdirSync(home, { mode: 0o700 });
  const made = await ground.start(host, ['syncthing', 'generate', `--home=${home}`], { HOME: home }).ended;
  if (made.code !== 0) throw new Error(`syncthing generate: ${made.output}${made.error}`);
  const id = /<device id="([A-Z0-9-]{63})"/.exec(readFileSync(join(home, 'config.xml'), 'utf8'))?.[1];
  if (id === undefined) throw new Error('syncthing generate told no id');
  return { host, id, port: await freePort(), home, folder: join(place, 'folder') };
}

function socketOf({ home }: Device): string {
  return join(home, 'api');
}

function settings(ground: Ground, own: Device, all: readonly Device[]): string {
  const addressOf = ({ host, port }: Device) => `tcp://${ground.addressOf(host)}:${port}`;
  const known = all.map(
    (device) => `<device id="${device.id}" name="host-${device.host}"><address>${addressOf(device)}</address></device>`,
  );
  const options = {
    listenAddress: addressOf(own),
    globalAnnounceEnabled: false,
    localAnnounceEnabled: false,
    relaysEnabled: false,
    natEnabled: false,
    stunKeepaliveStartS: 0,
    urAccepted: -1,
    crashReportingEnabled: false,
    autoUpgradeIntervalH: 0,
    releasesURL: '',
    startBrowser: false,
    // Else it steps back behind all others.
    setLowPriority: false,
  };
  const lines = Object.entries(options).map(([name, value]) => `<${name}>${value}</${name}>`);
  const sharers = all.map(({ id }) => `<device id="${id}"></device>`).join('');
  return `<configuration version="35">
<folder id="${FOLDER}" path="${own.folder}" type="sendreceive" rescanIntervalS="86400" fsWatcherEnabled="false">${sharers}</folder>
${known.join('\n')}
<gui enabled="true"><address>${socketOf(own)}</address><unixSocketPermissions>600</unixSocketPermissions><apikey>${KEY}</apikey></gui>
<options>${lines.join('')}</options>
</configuration>`;
}

async function isConnected(device: Device, others: number): Promise<boolean> {
  const answer = JSON.parse(await ask(device, 'GET', '/rest/system/connections')) as {
    connections: Record<string, { connected: boolean }>;
  };
  return Object.values(answer.connections).filter(({ connected }) => connected).length >= others;
}

/** Its API, through a socket of the file system: those are not bound to a network namespace. */
function ask(device: Device, method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: socketOf(device), method, path, headers: { 'X-API-Key': KEY } };
    const asked = request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (more: string) => (text += more));
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(text) : reject(new Error(`${path}: ${answer.statusCode} ${text}`)),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}
