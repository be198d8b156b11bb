import type { Role } from '../../src/core/facts.ts';
import type { PeerId } from '../../src/core/ids.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Log } from '../../src/platform/log.ts';
import type { Pipe } from '../../src/platform/network.ts';
import type { Greeted } from '../../src/wire/greeting.ts';
import { PipeLink } from '../../src/wire/pipe-link.ts';
import { Switchboard } from '../../src/wire/switchboard.ts';
import type { SimNode, SimPlatform } from '../sim/sim-node.ts';
import { type Profile, SimWorld } from '../sim/sim-world.ts';

/** A log that a test can read. */
class KeptLog implements Log {
  readonly lines: string[] = [];
  debug(event: string, facts?: Record<string, unknown>): void {
    this.#keep('debug', event, facts);
  }
  info(event: string, facts?: Record<string, unknown>): void {
    this.#keep('info', event, facts);
  }
  warn(event: string, facts?: Record<string, unknown>): void {
    this.#keep('warn', event, facts);
  }
  error(event: string, facts?: Record<string, unknown>): void {
    this.#keep('error', event, facts);
  }
  #keep(level: string, event: string, facts?: Record<string, unknown>): void {
    this.lines.push(`${level} ${event} ${JSON.stringify(facts ?? {})}`);
  }
}

/** One machine with a switchboard. */
export interface End {
  readonly node: SimNode;
  readonly platform: SimPlatform;
  readonly clock: Clock;
  readonly log: KeptLog;
  readonly switchboard: Switchboard;
  readonly role: Role;
  /** `peer reason` of every link that went down. */
  readonly downs: string[];
}

/** Some machines on a simulated LAN, whose links need no greeting. */
export class LinkBench {
  readonly world: SimWorld;

  constructor(seed = 'wire', profile: Profile = 'calm') {
    this.world = new SimWorld(seed, { profile });
  }

  end(name: string, role: Role = 'peer'): End {
    const node = this.world.addNode(name);
    const platform = node.start();
    const log = new KeptLog();
    const { clock } = platform;
    const switchboard = new Switchboard({ clock, log });
    const downs: string[] = [];
    switchboard.onDown((_link, reason) => downs.push(reason));
    return { node, platform, clock, log, switchboard, role, downs };
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.world.scheduler.settle(promise);
  }

  runFor(ms: number): Promise<void> {
    return this.world.scheduler.runFor(ms);
  }

  /** Both raw ends of a new pipe. */
  async pipes(from: End, to: End): Promise<{ near: Pipe; far: Pipe }> {
    let accept: (pipe: Pipe) => void = () => {};
    const accepted = new Promise<Pipe>((resolve) => {
      accept = resolve;
    });
    const listener = await this.settle(to.platform.network.listen({ port: 0, accept: (pipe) => accept(pipe) }));
    const address = listener.addresses()[0] as string;
    const [near, far] = await this.settle(Promise.all([from.platform.network.dial(address), accepted]));
    await this.settle(listener.close());
    return { near, far };
  }

  /** Links at both ends, made and not yet up. */
  async links(from: End, to: End): Promise<{ near: PipeLink; far: PipeLink }> {
    const { near, far } = await this.pipes(from, to);
    return { near: linkOver(near, from, to.role), far: linkOver(far, to, from.role) };
  }

  /** Links at both ends, up. */
  async connect(from: End, to: End): Promise<{ near: PipeLink; far: PipeLink }> {
    const { near, far } = await this.links(from, to);
    from.switchboard.add(near);
    to.switchboard.add(far);
    return { near, far };
  }
}

export function linkOver(pipe: Pipe, end: Pick<End, 'clock' | 'log' | 'switchboard'>, role: Role): PipeLink {
  return new PipeLink(greeted(pipe, role), end.switchboard, end);
}

function greeted(pipe: Pipe, role: Role = 'peer', peer: PeerId = pipe.remoteId): Greeted {
  return { peer, role, instance: '00112233aabbccdd', pipe };
}
