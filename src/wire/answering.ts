import { asMeshError, MeshError } from '../core/errors.ts';
import type { Role } from '../core/facts.ts';
import type { Log } from '../platform/log.ts';
import { shapesOf } from './call-shapes.ts';
import { type Ask, CALLS, type CallName, TAIL_BYTES_MAX, TURN_MS_MAX } from './calls.ts';
import type { Lease } from './client-memory.ts';
import { decode, encode, validate } from './codec.ts';
import { type Frame, framePrefix } from './frame.ts';
import type { Link } from './link.ts';
import type { OutFrame } from './outbox.ts';
import { CALLS_IN_FLIGHT_MAX, errorHead } from './pending-calls.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Answered, Dispatcher } from './switchboard.ts';
import { giveBackTail } from './tail-memory.ts';

/** Reads in work, or done and not yet sent: each holds up to 1 MiB. The others wait undone, as a few bytes. Range 2–32. */
const READS_IN_WORK_MAX = 8;
/** The same of manifests: each may have to be made by reading a whole file, for minutes, and no read is to wait for that. 1–4. */
const MANIFESTS_IN_WORK_MAX = 2;
/** Looks at copies of which each reads a whole file too: one link does not have a thousand of them read at once. Range 1–4. */
const VERIFIES_IN_WORK_MAX = 2;
const NOTHING = new Uint8Array(0);

export interface AnsweringOptions {
  readonly link: Link;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly send: (frame: OutFrame) => void;
  /** Called when more or less is in work than before. */
  readonly changed: () => void;
}

/** A call whose name, role and shape are right. */
interface Job {
  readonly id: number;
  readonly name: CallName;
  readonly ask: Ask<CallName>;
  readonly tail: Uint8Array;
  /** Bytes it came as, head and tail. */
  readonly bytes: number;
  /** Bytes its answer may have, taken from the limit on what is sent, and whether that is less than was asked. */
  readonly granted?: { readonly bytes: number; readonly isShort: boolean };
}

type ReadAsk = Ask<'read'> | Ask<'read-old'>;

/** Calls whose answers carry a tail, or take long to make: some are in work, or done and not yet sent; the others wait in the order of their coming. */
class Lane {
  readonly #begin: (job: Job) => void;
  readonly #inWorkMax: number;
  readonly #waiting: Job[] = [];
  #inWork = 0;

  constructor(inWorkMax: number, begin: (job: Job) => void) {
    this.#inWorkMax = inWorkMax;
    this.#begin = begin;
  }

  take(job: Job): void {
    if (this.#inWork >= this.#inWorkMax) {
      this.#waiting.push(job);
      return;
    }
    this.#inWork++;
    this.#begin(job);
  }

  readonly sent = (): void => {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inWork--;
    else this.#begin(next);
  };

  clear(): void {
    this.#waiting.length = 0;
  }
}

/** The calls of the other end: takes them in, has them answered, and sends the answers. */
export class Answering {
  readonly #options: AnsweringOptions;
  readonly #lanes: Partial<Record<CallName, Lane>>;
  /** Of answers that wait for room, are in work, or are done and not sent. */
  readonly #leases = new Set<Lease>();
  #callsInWork = 0;
  #bytesInWork = 0;
  #stopped = false;

  constructor(options: AnsweringOptions) {
    this.#options = options;
    const begin = (job: Job) => this.#beginWithRoom(job);
    const reads = new Lane(READS_IN_WORK_MAX, begin);
    const manifest = new Lane(MANIFESTS_IN_WORK_MAX, begin);
    const verify = new Lane(VERIFIES_IN_WORK_MAX, begin);
    this.#lanes = { read: reads, 'read-old': reads, 'read-many': reads, manifest, verify };
  }

  /** Bytes of the calls in work, as they came. */
  get bytesInWork(): number {
    return this.#bytesInWork;
  }

  /** The link is over: what waits is not begun any more. */
  stop(): void {
    this.#stopped = true;
    for (const lane of Object.values(this.#lanes)) lane.clear();
    for (const lease of this.#leases) lease.end();
    this.#leases.clear();
  }

  /** Throws `protocol` for a head that is no call; a call that cannot be taken is answered with an error. */
  take(frame: Frame): void {
    const [name, given] = namedHead(frame.head);
    let job: Job;
    try {
      job = this.#jobOf(frame, name, given);
    } catch (thrown) {
      const error = asMeshError(thrown);
      this.#options.log.debug('refused a call', { ...this.#facts(name), code: error.code, error: error.message });
      this.#options.send({ start: framePrefix('error', frame.id, encode(errorHead(error))), tail: NOTHING });
      return;
    }
    this.#callsInWork++;
    this.#bytesInWork += job.bytes;
    if (isRead(job) && this.#options.dispatcher.limits.up !== undefined)
      this.#queueInTurn(job, this.#options.dispatcher.limits.up);
    else this.#queue(job);
    this.#options.changed();
  }

  #queue(job: Job): void {
    const lane = this.#lanes[job.name];
    if (lane === undefined) this.#begin(job);
    else lane.take(job);
  }

  /** Before it takes a place in its lane: there it would keep back one whose turn has come. */
  #queueInTurn(job: Job & { readonly ask: ReadAsk }, limit: RateLimit): void {
    const { peer, instance } = this.#options.link;
    const transfer = `${peer}/${instance}/${job.ask.hash}/${job.ask.path}`;
    const queue = (granted: number): void => {
      if (this.#stopped) limit.giveBack(granted);
      else
        this.#queue({
          ...job,
          ask: { ...job.ask, length: granted },
          granted: { bytes: granted, isShort: granted < job.ask.length },
        });
    };
    limit.grant(transfer, job.ask.length, TURN_MS_MAX).then(queue, () => undefined);
  }

  /** A shape or name this version does not know may be of a later one: the call fails, the link stays. */
  #jobOf({ id, head, tail }: Frame, word: string, given: unknown): Job {
    if (!Object.hasOwn(CALLS, word)) throw new MeshError('protocol', 'a call of unknown name');
    const name = word as CallName;
    const callers: readonly Role[] = CALLS[name].callers;
    if (!callers.includes(this.#options.link.role)) throw new MeshError('not-allowed', 'a call that is not for this role');
    if (this.#callsInWork >= CALLS_IN_FLIGHT_MAX) throw new MeshError('busy', 'too many calls of one link in work');
    const ask = validate(shapesOf(name).ask, given, `a call "${name}"`) as Ask<CallName>;
    return { id, name, ask, tail, bytes: head.length + tail.length };
  }

  /** An answer with a tail: it is not begun before there is room for it. */
  #beginWithRoom(job: Job): void {
    const { dispatcher, link } = this.#options;
    this.#leases.add(dispatcher.memory.lease(link, bytesAhead(job), (lease) => this.#begin(job, lease)));
  }

  #begin(job: Job, lease?: Lease): void {
    this.#work(job, lease).catch((thrown: unknown) => {
      this.#options.log.error('an answer could not be sent', { ...this.#facts(job.name), error: asMeshError(thrown).message });
    });
  }

  async #work(job: Job, lease: Lease | undefined): Promise<void> {
    const { dispatcher, link, send, changed } = this.#options;
    let start: Uint8Array;
    let tail: Uint8Array = NOTHING;
    let isAnswered = false;
    try {
      const answered = await dispatcher.call(job.name, job.ask, link, job.tail, job.bytes);
      isAnswered = true;
      const [reply, bytes] = replyAndTail(answered);
      const told = job.granted?.isShort === true ? { ...reply, given: bytes.length } : reply;
      start = framePrefix('reply', job.id, encode(told), bytes.length);
      tail = bytes;
    } catch (thrown) {
      start = framePrefix('error', job.id, this.#errorHead(job.name, thrown, isAnswered));
    }
    if (job.granted !== undefined) dispatcher.limits.up?.giveBack(job.granted.bytes - tail.length);
    this.#callsInWork--;
    this.#bytesInWork -= job.bytes;
    send(this.#frameOf(job, start, tail, lease));
    changed();
  }

  #frameOf(job: Job, start: Uint8Array, tail: Uint8Array, lease: Lease | undefined): OutFrame {
    const lane = this.#lanes[job.name];
    if (lane === undefined || lease === undefined) return { start, tail };
    lease.resize(tail.length);
    const gone = (): void => {
      giveBackTail(tail);
      this.#leases.delete(lease);
      lease.end();
    };
    return { start, tail, sent: lane.sent, gone };
  }

  /** The code goes out, the words stay home. `isAnswered`: there was an answer, which could not be sent. */
  #errorHead(name: CallName, thrown: unknown, isAnswered: boolean): Uint8Array {
    const error = asMeshError(thrown);
    const facts = { ...this.#facts(name), code: error.code, error: error.message };
    // What a room refuses may be the fault of who asked, as often as that one likes: no defect of this end.
    if (thrown instanceof MeshError && !isAnswered) this.#options.log.debug('answered a call with an error', facts);
    else this.#options.log.error('a call failed', { ...facts, stack: thrown instanceof Error ? thrown.stack : undefined });
    return encode(errorHead(error));
  }

  #facts(name: string): Record<string, unknown> {
    const { peer, role } = this.#options.link;
    return { name: name.slice(0, 32), role, peer: peer.slice(0, 12) };
  }
}

function isRead(job: Job): job is Job & { readonly ask: ReadAsk } {
  return job.name === 'read' || job.name === 'read-old';
}

/** Bytes an answer takes while it is in work. A manifest counts when it is done: it may be made for minutes, and reads go on. */
function bytesAhead(job: Job): number {
  if (job.name === 'manifest' || job.name === 'verify') return 0;
  return isRead(job) ? Math.min(job.ask.length, TAIL_BYTES_MAX) : TAIL_BYTES_MAX;
}

/** `[name, body]`, the head of calls and notes. Throws `protocol` when it is something else. */
export function namedHead(head: Uint8Array): [string, unknown] {
  const value = decode(head);
  if (Array.isArray(value) && value.length === 2 && typeof value[0] === 'string') return [value[0], value[1]];
  throw new MeshError('protocol', 'a message without a name');
}

/** No reply of a call has a member `tail`, so one that has carries it. */
function replyAndTail(answered: Answered<CallName>): [object, Uint8Array] {
  if ('tail' in answered && answered.tail instanceof Uint8Array) return [answered.reply, answered.tail];
  return [answered, NOTHING];
}
