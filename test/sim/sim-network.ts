import { MeshError } from '../../src/core/errors.ts';
import type { PeerId } from '../../src/core/ids.ts';
import type { Address, Listener, ListenOptions, Network, Pipe } from '../../src/platform/network.ts';
import type { Incarnation } from './incarnation.ts';
import type { Door, Host, SimLan } from './sim-lan.ts';
import { connectPipe, type PipeSide, type SimPipe } from './sim-pipe.ts';
import type { SimRandom } from './sim-random.ts';

/** Contract of Network.dial. */
const DIAL_MS_MAX = 5_000;
/** The kernel knocks again after these (RFC 6298: 1 s, doubling). */
const KNOCKS_MS = [0, 1_000, 3_000];
/** Ports given out when none is asked for. */
const EPHEMERAL_PORT_FIRST = 40_000;
const LOOPBACK_IP = '127.0.0.1';

/** The Network of one incarnation. */
export class SimNetwork implements Network {
  readonly selfId: PeerId;
  readonly #incarnation: Incarnation;
  readonly #lan: SimLan;
  readonly #host: Host;
  readonly #random: SimRandom;
  readonly #ends = new Set<SimPipe>();
  #nextPort = EPHEMERAL_PORT_FIRST;

  constructor(incarnation: Incarnation, lan: SimLan, host: Host, selfId: PeerId, random: SimRandom) {
    this.#incarnation = incarnation;
    this.#lan = lan;
    this.#host = host;
    this.selfId = selfId;
    this.#random = random;
    incarnation.onEnd(() => {
      for (const [port, door] of host.doors) if (door.incarnation === incarnation) host.doors.delete(port);
      for (const end of this.#ends) end.die(random.chance(0.5));
    });
  }

  listen(options: ListenOptions): Promise<Listener> {
    return this.#incarnation.perform(this.#random.between(0, 1), false, () => {
      const { doors, ip } = this.#host;
      let port = options.port === 0 ? this.#nextPort++ : options.port;
      while (doors.has(port)) port += 1;
      const door = {
        incarnation: this.#incarnation,
        selfId: this.selfId,
        accept: (pipe: SimPipe) => {
          this.#keep(pipe);
          this.#incarnation.after(this.#random.between(0, 1), () => {
            if (doors.get(port) === door) options.accept(pipe, () => {});
            else pipe.close();
          });
        },
      };
      doors.set(port, door);
      return {
        port,
        addresses: () => [`${ip}:${port}`],
        close: () =>
          this.#incarnation.perform(this.#random.between(0, 1), true, () => {
            if (doors.get(port) === door) doors.delete(port);
          }),
      };
    });
  }

  dial(address: Address, expected?: PeerId): Promise<Pipe> {
    return new Promise((resolve, reject) => {
      new Dial({
        lan: this.#lan,
        from: this.#host,
        to: this.#hostOf(address),
        address,
        expected,
        incarnation: this.#incarnation,
        near: {
          host: this.#host,
          incarnation: this.#incarnation,
          id: this.selfId,
          address: `${this.#host.ip}:${this.#nextPort++}`,
        },
        resolve: (pipe) => {
          this.#keep(pipe);
          resolve(pipe);
        },
        reject,
      }).begin();
    });
  }

  #hostOf(address: Address): Host | undefined {
    const ip = address.slice(0, address.lastIndexOf(':'));
    return ip === LOOPBACK_IP ? this.#host : this.#lan.hostAt(ip);
  }

  /** Remembers an end for the death of this process; those that are over are forgotten now and then. */
  #keep(pipe: SimPipe): void {
    for (const end of this.#ends) if (end.isOver) this.#ends.delete(end);
    this.#ends.add(pipe);
  }
}

interface DialTask {
  readonly lan: SimLan;
  readonly from: Host;
  /** Undefined: nobody has that address. */
  readonly to: Host | undefined;
  readonly address: Address;
  readonly expected: PeerId | undefined;
  readonly incarnation: Incarnation;
  readonly near: PipeSide;
  readonly resolve: (pipe: SimPipe) => void;
  readonly reject: (error: MeshError) => void;
}

/** One attempt to connect: knocks, handshake, answer. What is answered is answered by events of the dialling incarnation. */
class Dial {
  readonly #task: DialTask;
  #isMet = false;
  #isAnswered = false;

  constructor(task: DialTask) {
    this.#task = task;
  }

  begin(): void {
    const { incarnation, lan, address } = this.#task;
    if (incarnation.isDead) return;
    incarnation.tell(`dial ${address}`);
    this.#answer(DIAL_MS_MAX, () => this.#refuse('unreachable', `${address} does not answer`));
    for (const delayMs of KNOCKS_MS) lan.scheduler.outside.after(delayMs, () => this.#knock());
  }

  #knock(): void {
    const { lan, from, to } = this.#task;
    if (to === undefined || this.#isMet || this.#task.incarnation.isDead) return;
    lan.scheduler.outside.after(lan.latencyMs(from, to), () => {
      if (!this.#isMet && lan.isOpen(from, to) && lan.isOpen(to, from)) this.#meet(to);
    });
  }

  /** The knock is heard: refused, or a handshake (one more round trip, TLS 1.3). */
  #meet(to: Host): void {
    const { lan, from, address } = this.#task;
    this.#isMet = true;
    const door = to.doors.get(Number(address.slice(address.lastIndexOf(':') + 1)));
    const backMs = lan.latencyMs(to, from);
    if (door === undefined) {
      this.#answer(backMs, () => this.#refuse('unreachable', `nobody listens at ${address}`));
      return;
    }
    // The handshake needs the process, not only its kernel: a stopped one takes the knock and answers nothing.
    door.incarnation.after(backMs + lan.latencyMs(from, to), () => this.#shakeHands(to, door));
  }

  #shakeHands(to: Host, door: Door): void {
    const { lan, from, address, expected, near, incarnation, resolve } = this.#task;
    if (this.#isAnswered || incarnation.isDead || !lan.isOpen(from, to) || !lan.isOpen(to, from)) return;
    const backMs = lan.latencyMs(to, from);
    if (expected !== undefined && expected !== door.selfId) {
      this.#answer(backMs, () => this.#refuse('not-allowed', `${address} is another than expected`));
      return;
    }
    const acceptor = { host: to, incarnation: door.incarnation, id: door.selfId, address };
    const { near: nearEnd, far: farEnd } = connectPipe(lan, near, acceptor);
    door.accept(farEnd);
    incarnation.after(backMs, () => {
      if (this.#isAnswered) nearEnd.close();
      else resolve(nearEnd);
      this.#isAnswered = true;
    });
  }

  #answer(delayMs: number, act: () => void): void {
    this.#task.incarnation.after(delayMs, () => {
      if (this.#isAnswered) return;
      this.#isAnswered = true;
      act();
    });
  }

  #refuse(code: 'unreachable' | 'not-allowed', message: string): void {
    this.#task.reject(new MeshError(code, message));
  }
}
