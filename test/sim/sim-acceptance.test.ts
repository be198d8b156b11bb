import type { Disk } from '../../src/platform/disk.ts';
import type { Store } from '../../src/platform/store.ts';
import { runClockAcceptance } from '../platform/clock-acceptance.ts';
import { runDiscoveryAcceptance } from '../platform/discovery-acceptance.ts';
import { runDiskAcceptance } from '../platform/disk-acceptance.ts';
import { bytes, type DiskBench, type Person, text } from '../platform/disk-bench.ts';
import { runHasherAcceptance } from '../platform/hasher-acceptance.ts';
import { runNetworkAcceptance } from '../platform/network-acceptance.ts';
import { runStoreAcceptance } from '../platform/store-acceptance.ts';
import type { SimDrive } from './sim-drive.ts';
import type { CrashMode } from './sim-volume-crash.ts';
import { SimWorld } from './sim-world.ts';

/** The seams' acceptance on the simulated side, every end on the virtual clock of one seed. */

runClockAcceptance('simulated', async () => {
  const { scheduler, node } = machine('clock');
  return { clock: node.start().clock, pass: (ms) => scheduler.runFor(ms) };
});

for (const mode of ['journal', 'hostile'] as const) {
  runDiskAcceptance(`simulated, restarts are power cuts (${mode})`, async () => diskBench(mode));
}

runStoreAcceptance('simulated', async () => {
  const { scheduler, node } = machine('store');
  const stop = scheduler.pump();
  let atHand: Store | undefined = node.start().store;
  let end = (_: Error) => {};
  return {
    async open() {
      const opened = atHand ?? node.store.open(node.incarnation ?? never());
      atHand = undefined;
      const ended = new Promise<never>((_, reject) => {
        end = reject;
      });
      ended.catch(() => {});
      return untilEnd(opened, ended);
    },
    async crash() {
      // Long enough for some of the batches, too short for all.
      await scheduler.runFor(10);
      node.kill();
      end(new Error('the process is dead'));
      atHand = node.start().store;
    },
    async dispose() {
      await stop();
    },
  };
});

runHasherAcceptance('simulated', async () => {
  const { scheduler, node } = machine('hasher');
  const stop = scheduler.pump();
  const { hasher, disk } = node.start();
  let count = 0;
  return {
    hasher,
    open(content) {
      const path = `file${++count}`;
      node.drive.userWrite(path, content);
      return disk.open(path);
    },
    async stage() {
      await disk.prepare(bytes('marker'));
      return await disk.stage(`staged${++count}`);
    },
    openStaged: (file) => disk.open(file.path),
    async dispose() {
      await stop();
    },
  };
});

runNetworkAcceptance('simulated', async () => {
  const world = new SimWorld('network');
  const { scheduler } = world;
  let count = 0;
  return {
    network: async () => world.addNode(`n${++count}`).start().network,
    settle: (promise) => scheduler.settle(promise),
    deadAddress: async () => `${world.addNode(`dead${++count}`).host.ip}:1`,
    async silentAddress() {
      const { host } = world.addNode(`silent${++count}`);
      host.isUp = false;
      return `${host.ip}:1`;
    },
    close: () => scheduler.runFor(10_000),
  };
});

runDiscoveryAcceptance('simulated', async () => {
  const world = new SimWorld('discovery');
  let count = 0;
  return {
    discovery: async () => world.addNode(`n${++count}`).start().discovery,
    settle: (promise) => world.scheduler.settle(promise),
    close: () => world.scheduler.runFor(10_000),
  };
});

function machine(seed: string) {
  const world = new SimWorld(seed);
  return { scheduler: world.scheduler, node: world.addNode('alpha') };
}

function never(): never {
  throw new Error('nothing runs');
}

function diskBench(mode: CrashMode): DiskBench {
  const { scheduler, node } = machine(`disk/${mode}`);
  const stop = scheduler.pump();
  let { disk } = node.start();
  return {
    get disk(): Disk {
      return disk;
    },
    person: personAt(node.drive),
    beforeSteps(act) {
      disk.commitHook = act;
    },
    async restart() {
      node.powerLoss(mode);
      disk = node.start().disk;
    },
    async dispose() {
      await stop();
    },
  };
}

/** A person whose programs sync: what is lost in a cut is the program's own fault then. */
function personAt(drive: SimDrive): Person {
  const synced = async (act: () => void) => {
    act();
    drive.userSync();
  };
  return {
    write: (path, content) => synced(() => drive.userWrite(path, bytes(content))),
    save: (path, content) => synced(() => drive.userSave(path, bytes(content))),
    rename: (from, to) => synced(() => drive.userRename(from, to)),
    makeFolder: (path) => synced(() => drive.userMakeFolder(path)),
    async remove(path) {
      if (drive.userStat(path) !== undefined) await synced(() => drive.userDelete(path));
    },
    async read(path) {
      const content = drive.userRead(path);
      return content === undefined ? undefined : text(content);
    },
  };
}

/** In the simulation the promises of the dead stay open for ever; a test that awaits them all is told. */
function untilEnd(store: Store, ended: Promise<never>): Store {
  return {
    get: (key) => Promise.race([store.get(key), ended]),
    range: (range) => Promise.race([store.range(range), ended]),
    batch: (writes) => Promise.race([store.batch(writes), ended]),
    close: () => Promise.race([store.close(), ended]),
  };
}
