import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NodeStore, openNodeStore } from '../../src/platform/node/node-store.ts';
import type { Store } from '../../src/platform/store.ts';
import { runStoreAcceptance, type StoreBench } from './store-acceptance.ts';

class NodeStoreBench implements StoreBench {
  readonly folder: string;

  static async make(): Promise<NodeStoreBench> {
    return new NodeStoreBench(await mkdtemp(join(tmpdir(), 'filemesh-store-')));
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  open(): Promise<Store> {
    return openNodeStore(join(this.folder, 'store.db'));
  }

  crash(store: Store): Promise<void> {
    return (store as NodeStore).crash();
  }

  dispose(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

runStoreAcceptance('node', NodeStoreBench.make);
