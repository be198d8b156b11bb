import { createHash } from 'node:crypto';
import type { PeerId } from '../../src/core/ids.ts';
import type { Address, Pipe, PipeEvents } from '../../src/platform/network.ts';
import type { Incarnation } from './incarnation.ts';
import type { Cable, Host, SimLan } from './sim-lan.ts';
import { Lane, type Segment } from './sim-lane.ts';
import { fingerprintBits } from './trace.ts';

/** `write` says wait above this. */
const UNSENT_BYTES_MAX = 256 * 1024;
/** `drain` is told at or below this. */
const DRAINED_BYTES = 128 * 1024;
/** Written over bytes that were lent: who keeps them without a copy reads this. */
const POISON = 0xdb;

/** One end's side of a connection. */
export interface PipeSide {
  readonly host: Host;
  readonly incarnation: Incarnation;
  readonly id: PeerId;
  readonly address: Address;
}

/** Connects two sides; both ends exist at once and keep what comes before they are opened. */
export function connectPipe(lan: SimLan, dialler: PipeSide, acceptor: PipeSide): { near: SimPipe; far: SimPipe } {
  const { name, random } = lan.namePipe(dialler.host, acceptor.host);
  const secret = `${lan.scheduler.seed}/${name}`;
  const near = new SimPipe(dialler, acceptor, true, secret);
  const far = new SimPipe(acceptor, dialler, false, secret);
  const laneOf = (from: SimPipe, to: SimPipe) =>
    new Lane(lan, from.side.host, to.side.host, random.fork(`from ${from.dialled}`), {
      arrived: (segment) => {
        if (random.chance(lan.weather.resetRate)) cable.reset();
        return to.arrived(segment);
      },
      departed: () => from.departed(),
      lost: (reason) => from.fail(reason),
    });
  const lanes = [laneOf(near, far), laneOf(far, near)] as const;
  const cable: Cable = {
    hosts: [dialler.host, acceptor.host],
    reset() {
      near.fail('reset');
      far.fail('reset');
    },
    silence() {
      for (const lane of lanes) lane.isSilent = true;
    },
  };
  const leave = lan.enter(cable);
  const ended = (end: SimPipe, reason: string) => {
    lan.scheduler.trace.line(lan.scheduler.nowMs, end.side.incarnation.name, `${name} over: ${reason}`);
    if (near.isOver && far.isOver) leave();
  };
  near.plug(lanes[0], lanes[1], (reason) => ended(near, reason));
  far.plug(lanes[1], lanes[0], (reason) => ended(far, reason));
  lan.scheduler.trace.line(lan.scheduler.nowMs, dialler.incarnation.name, `${name} connected`);
  return { near, far };
}

/** One end of a simulated pipe. */
export class SimPipe implements Pipe {
  readonly side: PipeSide;
  readonly remoteId: PeerId;
  readonly remoteAddress: Address;
  readonly dialled: boolean;
  readonly #secret: string;
  #out!: Lane;
  #in!: Lane;
  #ended: (reason: string) => void = () => {};
  #events: PipeEvents | undefined;
  #state: 'open' | 'closing' | 'over' = 'open';
  /** Arrived and not yet handed to the program. */
  #received: Uint8Array[] = [];
  /** The other end finished: told after what was received. */
  #finished: string | undefined;
  #reason = '';
  #isTold = false;
  #isPaused = false;
  #isFlushing = false;
  #wantsDrain = false;

  constructor(side: PipeSide, remote: PipeSide, dialled: boolean, secret: string) {
    this.side = side;
    this.remoteId = remote.id;
    this.remoteAddress = remote.address;
    this.dialled = dialled;
    this.#secret = secret;
  }

  /** For connectPipe: the lanes are made after both ends. */
  plug(out: Lane, into: Lane, ended: (reason: string) => void): void {
    this.#out = out;
    this.#in = into;
    this.#ended = ended;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  get unsent(): number {
    return this.#out.unsent;
  }

  bind(label: string): Uint8Array {
    return new Uint8Array(createHash('sha256').update(`${this.#secret}/${label}`).digest());
  }

  open(events: PipeEvents): void {
    this.#events = events;
    this.#flushSoon();
  }

  write(parts: readonly Uint8Array[], sent?: () => void): boolean {
    if (this.#state !== 'open' || this.side.incarnation.isDead) return false;
    // Whoever wants to use them again gets them back as soon as can be.
    this.#out.push(sent === undefined ? parts : parts.map((part) => new Uint8Array(part)));
    sent?.();
    const hasRoom = this.#out.unsent <= UNSENT_BYTES_MAX;
    if (!hasRoom) this.#wantsDrain = true;
    return hasRoom;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#flushSoon();
  }

  close(graceMs = 0): void {
    if (this.#state === 'over' || this.side.incarnation.isDead) return;
    if (graceMs <= 0 || this.#out.unsent === 0) this.#finish('closed here', 'closed by the other end');
    else if (this.#state === 'open') {
      this.#state = 'closing';
      this.side.incarnation.after(graceMs, () => this.#finish('closed here', 'closed by the other end'));
    }
  }

  /** The process of this end died. With the power on its kernel says so, else there is silence. */
  die(isReset: boolean): void {
    if (this.#state === 'over') return;
    if (!this.side.host.isUp) {
      this.#end('the power is off');
      this.#out.abandon();
    } else if (isReset) {
      this.#finish('killed', RESET);
    } else this.#finish('killed', 'closed by the other end');
  }

  /** The pipe is over for this end, at once, and what was not handed on is lost. The other end hears nothing from here. */
  fail(reason: string): void {
    if (this.#state === 'over') return;
    this.#received = [];
    this.#end(reason);
    this.#out.abandon();
  }

  /** From the lane: the next segment. False when this end knows nothing of the pipe any more. */
  arrived(segment: Segment): boolean {
    if (this.#state === 'over') return 'end' in segment;
    if ('bytes' in segment) {
      this.side.incarnation.mix(fingerprintBits(segment.bytes));
      this.#received.push(segment.bytes);
    } else if (segment.end === RESET) {
      this.fail('reset by the other end');
      return true;
    } else this.#finished = segment.end;
    if (this.side.incarnation.isStopped) this.#flushSoon();
    else if (!this.#isFlushing) this.#flush();
    return true;
  }

  /** From the lane: bytes left the send buffer. */
  departed(): void {
    if (this.#state === 'closing' && this.#out.unsent === 0) this.#finish('closed here', 'closed by the other end');
    if (!this.#wantsDrain || this.#out.unsent > DRAINED_BYTES) return;
    this.#wantsDrain = false;
    this.side.incarnation.after(0, () => {
      if (this.#state === 'open') this.#events?.drain();
    });
  }

  #finish(reasonHere: string, reasonThere: string): void {
    if (this.#state === 'over') return;
    this.#received = [];
    this.#end(reasonHere);
    this.#out.finish(reasonThere);
  }

  #end(reason: string): void {
    this.#state = 'over';
    this.#reason = reason;
    this.#ended(reason);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#events === undefined) return;
    this.#isFlushing = true;
    this.side.incarnation.after(0, () => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  /** Hands on one piece of what was received, or the end; the rest in events of their own. */
  #flush(): void {
    if (this.#events === undefined) return;
    if (this.#state === 'over') {
      if (this.#isTold) return;
      this.#isTold = true;
      this.#events.closed(this.#reason);
      return;
    }
    if (this.#isPaused) return;
    const bytes = this.#received.shift();
    if (bytes !== undefined) {
      const size = bytes.length;
      this.#events.data(bytes);
      bytes.fill(POISON);
      this.#in.consumed(size);
      this.#flushSoon();
    } else if (this.#finished !== undefined) this.fail(this.#finished);
  }
}

/** The end that discards what is on its way to the program. */
const RESET = 'reset';
