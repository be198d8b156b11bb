import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type BenchMesh, type BenchPeer, SETTLE_MS } from './bench-mesh.ts';
import { forget } from './files.ts';
import type { Keeper } from './keeper.ts';

/** Peers of one mesh. They have told of durable, verified copies when `spread` resolves. */
export class OurKeeper implements Keeper {
  readonly name = 'filemesh';
  readonly #mesh: BenchMesh;
  readonly #peers: readonly BenchPeer[];

  constructor(mesh: BenchMesh, peers: readonly BenchPeer[]) {
    this.#mesh = mesh;
    this.#peers = peers;
  }

  folderOf(host: number): string {
    return this.#mesh.folderOf(host);
  }

  async spread(path: string, files: number, act: () => void): Promise<number> {
    const [sender] = this.#peers as [BenchPeer];
    const event = files === 1 ? `replicated ${path}` : `replicated ${path}/*`;
    const before = sender.count(event);
    act();
    const began = performance.now();
    return (await sender.told(event, before + files)) - began - SETTLE_MS;
  }

  cpuMs(): number {
    return this.#peers.reduce((sum, peer) => sum + peer.cpuMs(), 0);
  }

  /** What is deleted in a watched folder is news to all, so it stays. */
  async discard(path: string): Promise<void> {
    for (const host of [1, ...this.receivers(path)]) await forget(join(this.folderOf(host), path));
  }

  receivers(path: string): number[] {
    return this.#peers.map(({ host }) => host).filter((host) => host !== 1 && existsSync(join(this.folderOf(host), path)));
  }
}
