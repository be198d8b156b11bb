import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type NodeDisk, openNodeDisk } from '../../src/platform/node/node-disk.ts';
import type { DiskBench, Person } from './disk-bench.ts';

/** A real folder and a NodeDisk on it, for the length of one test. */
export class NodeBench implements DiskBench {
  readonly root: string;
  readonly person: Person;
  disk: NodeDisk;
  #beforeStep: ((step: number) => Promise<void>) | undefined;

  static async make(): Promise<NodeBench> {
    const root = await mkdtemp(join(tmpdir(), 'filemesh-disk-'));
    const bench = new NodeBench(root, await openNodeDisk(root));
    await bench.restart();
    return bench;
  }

  protected constructor(root: string, disk: NodeDisk) {
    this.root = root;
    this.disk = disk;
    this.person = personAt(root);
  }

  beforeSteps(act: ((step: number) => Promise<void>) | undefined): void {
    this.#beforeStep = act;
  }

  get isLookedInto(): boolean {
    return this.#beforeStep !== undefined;
  }

  async restart(): Promise<void> {
    this.disk = await openNodeDisk(this.root, { beforeStep: async (step) => this.#beforeStep?.(step) });
  }

  dispose(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}

/** The same with the acts of the disk in a thread of their own, but for those that a test looks into. */
export class ThreadBench extends NodeBench {
  static override async make(): Promise<NodeBench> {
    const root = await mkdtemp(join(tmpdir(), 'filemesh-disk-'));
    const bench = new ThreadBench(root, await openNodeDisk(root));
    await bench.restart();
    return bench;
  }

  override async restart(): Promise<void> {
    await super.restart();
    const looked = this.disk;
    const threaded = await openNodeDisk(this.root, { thread: { fromActs: 0, idleMs: 50 } });
    this.disk = new Proxy(threaded, {
      get: (_, name) => {
        const disk = this.isLookedInto ? looked : threaded;
        const value = Reflect.get(disk, name, disk) as unknown;
        return typeof value === 'function' ? value.bind(disk) : value;
      },
    });
  }
}

function personAt(root: string): Person {
  const at = (path: string) => join(root, path);
  const parent = (path: string) => mkdir(dirname(at(path)), { recursive: true });
  let saves = 0;
  return {
    async write(path, content) {
      await parent(path);
      await writeFile(at(path), content);
    },
    async save(path, content) {
      await parent(path);
      const fresh = join(dirname(at(path)), `.saving-${saves++}`);
      await writeFile(fresh, content);
      await rename(fresh, at(path));
    },
    async rename(from, to) {
      await parent(to);
      await rename(at(from), at(to));
    },
    remove: (path) => rm(at(path), { recursive: true, force: true }),
    async makeFolder(path) {
      await mkdir(at(path), { recursive: true });
    },
    async read(path) {
      const stats = await stat(at(path)).catch(() => undefined);
      return stats?.isFile() ? readFile(at(path), 'utf8') : undefined;
    },
  };
}
