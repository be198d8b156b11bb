import { setReplicas } from '../../src/client/verbs/mesh.ts';
import { asMeshError } from '../../src/core/errors.ts';
import { logInAll } from './accounts.ts';
import { closedDoors } from './check-doors.ts';
import { brokenPromises } from './check-promises.ts';
import { type Finding, halfFiles, pending, statesOf } from './check-state.ts';
import { FolderUsers } from './folder-users.ts';
import { History } from './history.ts';
import { Mesh, type MeshOptions } from './mesh.ts';
import { plainHashes } from './mesh-state.ts';
import { Nemesis } from './nemesis.ts';
import { SimRandom } from './sim-random.ts';
import { Contents, drawNames, Workload } from './workload.ts';

/** Phases, in virtual ms. */
const INIT_MS = 6_000;
const SAFETY_MS = 60_000;
const LIVENESS_MS_MAX = 150_000;
/** Contents so large are striped in some seeds: about half of them are. */
const STRIPE_OVER_BYTES = 200;
/** Contents so large come by chunks in some seeds: most of them do. */
const CHUNKED_BYTES_MIN = 40;
/** Between two looks at a mesh that heals; two looks in a row must find nothing. */
const LOOK_MS = 3_000;

/** What a program never says of the world, only of itself. */
const DEFECT = /invariant broken|(Type|Reference|Range)Error/;

/** How one seed ended. */
export interface SeedResult {
  readonly seed: number;
  readonly hash: string;
  readonly findings: readonly Finding[];
  readonly virtualMs: number;
  readonly events: number;
  readonly acknowledged: number;
  readonly plan: string;
  /** The last lines of the trace; all of them when asked for. */
  readonly lines: readonly string[];
}

/** Runs one seed from init to checkers. The same seed, the same result, hash included. */
export async function runSeed(seed: number, options: { keepAllLines?: boolean } = {}): Promise<SeedResult> {
  const run = new SeedRun(seed, options.keepAllLines ?? false);
  let findings: Finding[];
  try {
    findings = await run.findings();
  } catch (thrown) {
    const stack = thrown instanceof Error ? (thrown.stack ?? '').split('\n').slice(0, 6).join(' < ') : '';
    findings = [{ invariant: 0, words: `the simulation broke: ${asMeshError(thrown).message} ${stack}` }];
  }
  return run.result(findings);
}

class SeedRun {
  readonly #seed: number;
  readonly #mesh: Mesh;
  readonly #history: History;
  readonly #workload: Workload;
  readonly #users: FolderUsers;
  readonly #nemesis: Nemesis;
  readonly #wanted: number;
  readonly #lostByDoom: number;
  readonly #hasDoom: boolean;
  /** From the start everybody logs in; then a client that does not gets nothing anywhere. */
  readonly #hasAccounts: boolean;
  readonly #hasFaults: boolean;
  readonly #random: SimRandom;

  constructor(seed: number, keepAllLines: boolean) {
    this.#seed = seed;
    const draw = new SimRandom(`${seed}/mesh`);
    this.#random = draw;
    this.#hasFaults = draw.chance(0.88);
    const hasStripes = seed % 3 === 0;
    this.#hasAccounts = seed % 5 === 4;
    const options: MeshOptions = {
      seed: String(seed),
      peers: draw.pick([3, 3, 3, 4, 4, 5, 7]),
      clients: 2 + draw.integer(2),
      profile: this.#hasFaults && draw.chance(0.75) ? 'swarm' : 'calm',
      settleMs: draw.pick([200, 500, 1_000]),
      scanEveryMs: draw.pick([4_000, 10_000]),
      healAfterMs: draw.pick([3_000, 10_000, 25_000]),
      // Some meshes stage on the disk what is small, and fetch it by chunks: large files are few here.
      ...(seed % 2 === 0 ? {} : { smallBytesMax: 0, chunkedBytesMin: CHUNKED_BYTES_MIN }),
      // Some spread what is not tiny in runs.
      ...(hasStripes ? { stripeOverBytes: STRIPE_OVER_BYTES } : {}),
      keepAllLines,
    };
    this.#wanted = options.peers >= 5 && draw.chance(0.4) ? 3 : 2;
    this.#hasDoom = this.#hasFaults && draw.chance(0.5);
    this.#lostByDoom = this.#hasDoom && draw.chance(0.5) ? this.#wanted - 1 : 0;
    const mesh = new Mesh(options);
    this.#mesh = mesh;
    // Rot without a scrub is for the stories: here every copy that was good stays good.
    for (const { drive } of mesh.world.nodes) drive.faults = { ...drive.faults, bitFlipRate: 0, sparesUserFiles: true };
    const history = new History(mesh.scheduler);
    this.#history = history;
    const contents = new Contents(history, mesh.scheduler.random.fork('contents'));
    const names = drawNames(draw);
    const { random } = mesh.scheduler;
    this.#workload = new Workload({ mesh, history, contents, names, hasStripes, random: random.fork('workload') });
    const syncRate = draw.pick([0, 0.5, 1]);
    this.#users = new FolderUsers({ mesh, history, contents, names, random: random.fork('users'), syncRate });
    const lossesMax = this.#wanted - 1 - this.#lostByDoom;
    this.#nemesis = new Nemesis({ mesh, history, random: random.fork('nemesis'), lossesMax });
    mesh.scheduler.trace.watch((line) => {
      if (DEFECT.test(line)) mesh.scheduler.fail(new Error(`a defect shows in the log: ${line}`));
    });
    mesh.onCrash = (machine, path, before, after) => {
      const bytes = after === undefined ? undefined : machine.node.drive.userRead(path);
      if (bytes !== undefined) contents.note(bytes);
      history.folder(machine.name, 'crash', [{ path, reads: before === undefined ? [] : [before], makes: after }]);
    };
    // Set aside at that moment, it comes back to its name with what the power cut left of it.
    mesh.onAsideCrash = (machine, path, before, place) => {
      const bytes = machine.node.drive.userRead(place);
      if (bytes === undefined || history.makers(path, before).length === 0) return;
      history.folder(machine.name, 'crash', [{ path, reads: [before], makes: contents.note(bytes).hash }]);
    };
  }

  async findings(): Promise<Finding[]> {
    await this.#init();
    const early = await this.#safety();
    if (early.length > 0) return early;
    if (this.#hasDoom) await this.#doom();
    return await this.#healing();
  }

  result(findings: readonly Finding[]): SeedResult {
    const { scheduler } = this.#mesh;
    return {
      seed: this.#seed,
      hash: scheduler.trace.hash(),
      findings,
      virtualMs: scheduler.nowMs,
      events: scheduler.eventCount,
      acknowledged: this.#history.count('acknowledged'),
      plan: `${this.#mesh.peers.length} peers, R=${this.#wanted}, ${this.#hasFaults ? this.#nemesis.plan : 'no faults'}${
        this.#hasDoom ? `, doom takes ${this.#lostByDoom}` : ''
      }`,
      lines: scheduler.trace.lines(),
    };
  }

  /** All start at nearly the same moment; some folders have files before there is a mesh. */
  async #init(): Promise<void> {
    const mesh = this.#mesh;
    if (this.#random.chance(0.3)) {
      for (const machine of mesh.peers)
        for (const name of drawNames(this.#random).slice(0, 2)) this.#users.act(machine, 'drop', name);
    }
    for (const machine of mesh.peers) mesh.scheduler.outside.after(this.#random.between(0, 400), () => mesh.start(machine));
    await mesh.run(INIT_MS);
    if (this.#hasAccounts) await mesh.settle(logInAll(mesh));
    if (this.#wanted === 2) return;
    const session = mesh.clients[0]?.open();
    if (session !== undefined) await mesh.settle(setReplicas(session, this.#wanted, {}));
  }

  /** Work and harm at once. What is wrong already needs no healing to be seen. */
  async #safety(): Promise<Finding[]> {
    this.#workload.start();
    this.#users.start();
    if (this.#hasFaults) this.#nemesis.start();
    const endMs = this.#mesh.scheduler.nowMs + SAFETY_MS;
    while (this.#mesh.scheduler.nowMs < endMs) {
      await this.#mesh.run(LOOK_MS);
      const half = halfFiles(
        this.#mesh.peers.map((machine) => [machine, { plain: plainHashes(machine.node) }] as const),
        this.#history,
      );
      if (half.length > 0) return half;
    }
    this.#workload.stop();
    this.#users.stop();
    return [];
  }

  /** The next acknowledgement is the last thing before the lights go out; without one they go out after a while. */
  async #doom(): Promise<void> {
    this.#nemesis.stop();
    const before = this.#history.count('acknowledged');
    await this.#mesh.scheduler.runUntil(() => this.#history.count('acknowledged') > before, 10_000);
    this.#nemesis.doom(this.#lostByDoom);
    await this.#mesh.run(1_000);
  }

  async #healing(): Promise<Finding[]> {
    const mesh = this.#mesh;
    this.#nemesis.heal();
    const healed = new Map(mesh.survivors.map((machine) => [machine, plainHashes(machine.node)] as const));
    const endMs = mesh.scheduler.nowMs + LIVENESS_MS_MAX;
    let found: Finding[] = [];
    for (let quiet = 0; quiet < 2; ) {
      await mesh.run(LOOK_MS);
      found = pending(mesh, await statesOf(mesh), this.#history.contents);
      if (this.#workload.running > 0) found.push({ invariant: 10, words: `${this.#workload.running} verbs have not ended` });
      quiet = found.length === 0 ? quiet + 1 : 0;
      if (mesh.scheduler.nowMs > endMs) break;
    }
    const states = await statesOf(mesh);
    const { losses } = this.#nemesis;
    const broken = brokenPromises({ history: this.#history, states, wanted: this.#wanted, losses, healed });
    const all = [...found, ...halfFiles(states, this.#history), ...broken, ...this.#failedForNothing()];
    return all.length > 0 ? all : await closedDoors(mesh);
  }

  /** Where nothing was broken, every verb is carried out or refused. */
  #failedForNothing(): Finding[] {
    if (this.#hasFaults) return [];
    const failed = this.#history.operations.filter((one) => one.outcome === 'unknown');
    return failed.map(({ id, kind, code }) => ({ invariant: 10, words: `#${id} (${kind}) failed without a fault: ${code}` }));
  }
}
