import { asMeshError, MeshError } from '../core/errors.ts';
import type { Role } from '../core/facts.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Address, Pipe, PipeEvents } from '../platform/network.ts';
import { Answering, namedHead } from './answering.ts';
import { type Ask, type CallName, NOTES, type Note, type NoteName } from './calls.ts';
import { encode, validate } from './codec.ts';
import { checkFrameLimits, type Frame, type FrameKind, FrameParser, framePrefix } from './frame.ts';
import type { Greeted } from './greeting.ts';
import type { Beating } from './heartbeat.ts';
import type { Answer, CallOptions, Link } from './link.ts';
import { Outbox, type OutFrame } from './outbox.ts';
import { CALL_DEADLINE_MS, PendingCalls } from './pending-calls.ts';
import type { Dispatcher } from './switchboard.ts';

/** Control frames that may wait: above, own calls are `busy` and the other end's calls are not read. Range 1–16 MiB. */
const CONTROL_BYTES_MAX = 4 * 1024 * 1024;
/** Control frames that may wait at all: who lets so much pile up is not listening, and the link is closed. */
const CONTROL_BYTES_LIMIT = 2 * CONTROL_BYTES_MAX;
/** Tails of own calls that may wait: above, such calls are `busy`. Range 8–64 MiB. */
const TAILS_BYTES_MAX = 32 * 1024 * 1024;
/** What the other end's calls and notes in work came as: above, nothing is read until one is done. Range 8–64 MiB. */
const IN_WORK_BYTES_MAX = 8 * 1024 * 1024;
/** The same while all links of that client, or of all clients, have too much in work together. Range 64 KiB – 1 MiB. */
const IN_WORK_BYTES_MIN = 256 * 1024;
/** Time for what the pipe took already, a goodbye perhaps, to go out after a close. Range 100–2,000. */
const CLOSE_GRACE_MS = 500;

const NOTHING = new Uint8Array(0);
const PEER_DIGITS_SHOWN = 12;

/** The link over one greeted pipe. See `Link` for what it promises; heartbeats are the switchboard's. */
export class PipeLink implements Link, Beating, PipeEvents {
  readonly peer: PeerId;
  readonly role: Role;
  readonly instance: string;
  readonly #pipe: Pipe;
  readonly #dispatcher: Dispatcher;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #parser = new FrameParser();
  readonly #outbox: Outbox;
  readonly #pending: PendingCalls;
  readonly #answering: Answering;
  #held = false;
  /** Bytes of notes in work. */
  #noteBytes = 0;
  /** Bytes in work, as told last to who counts those of all links. */
  #countedBytes = 0;
  #open = true;
  /** The interval of the last own beat. */
  #toldMs = Number.POSITIVE_INFINITY;
  heardMs: number;
  sentMs: number;
  promisedMs: number | undefined;
  answeredMs = Number.NEGATIVE_INFINITY;
  fullSinceMs: number | undefined;

  constructor(greeted: Greeted, dispatcher: Dispatcher, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.peer = greeted.peer;
    this.role = greeted.role;
    this.instance = greeted.instance;
    this.#pipe = greeted.pipe;
    this.#dispatcher = dispatcher;
    this.#clock = clock;
    this.#log = log;
    this.#outbox = new Outbox(greeted.pipe);
    this.#pending = new PendingCalls(clock);
    this.#answering = new Answering({
      link: this,
      dispatcher,
      log,
      send: (frame) => this.#send(frame),
      changed: this.#holdOrRead,
    });
    this.heardMs = clock.now();
    this.sentMs = Number.NEGATIVE_INFINITY;
    dispatcher.opened(this);
    greeted.pipe.open(this);
  }

  get remoteAddress(): Address {
    return this.#pipe.remoteAddress;
  }

  get dialled(): boolean {
    return this.#pipe.dialled;
  }

  get open(): boolean {
    return this.#open;
  }

  get held(): boolean {
    return this.#held;
  }

  /** See `Link`. Rejects with `busy`, and sends nothing, when too much waits already. */
  async call<N extends CallName>(name: N, ask: Ask<N>, options: CallOptions = {}): Promise<Answer<N>> {
    if (!this.#open) throw new MeshError('closed', `the link is closed: "${name}" cannot be asked`);
    const tail = options.tail ?? NOTHING;
    const congested = tail.length > 0 ? this.#outbox.tailBytes > TAILS_BYTES_MAX : this.#outbox.controlBytes > CONTROL_BYTES_MAX;
    if (this.#pending.full || congested) throw new MeshError('busy', `too many calls wait for ${this.#shownPeer()}`);
    const head = encode([name, ask]);
    checkFrameLimits('call', head.length, tail.length);
    let frame: OutFrame | undefined;
    const send = (id: number): void => {
      frame = { start: framePrefix('call', id, head, tail.length), tail };
      this.#send(frame);
    };
    const withdraw = (): void => {
      if (frame !== undefined) frame.withdrawn = true;
    };
    return this.#pending.begin(name, options.deadlineMs ?? CALL_DEADLINE_MS, send, withdraw);
  }

  /** See `Link`. At most once; a closed link drops it. Throws `protocol` when it is too large. */
  note<N extends NoteName>(name: N, body: Note<N>): void {
    this.#put('note', 0, encode([name, body]));
  }

  close(reason: string): void {
    if (!this.#open) return;
    this.#end(reason);
    this.#pipe.close(CLOSE_GRACE_MS);
  }

  beat(intervalMs: number): void {
    this.#toldMs = intervalMs;
    this.#put('beat', intervalMs, NOTHING);
  }

  renew(): void {
    this.heardMs = this.#clock.now();
    if (this.fullSinceMs !== undefined) this.fullSinceMs = this.heardMs;
  }

  data(bytes: Uint8Array): void {
    if (!this.#open) return;
    this.heardMs = this.#clock.now();
    try {
      this.#parser.push(bytes, (frame) => {
        if (this.#open) this.#take(frame);
      });
    } catch (thrown) {
      this.#log.warn('closed a link that broke the protocol', { peer: this.#shownPeer(), error: asMeshError(thrown).message });
      this.close('protocol');
    }
  }

  drain(): void {
    if (!this.#open) return;
    this.heardMs = this.#clock.now();
    this.#outbox.drained();
    this.fullSinceMs = this.#outbox.hasRoom ? undefined : this.heardMs;
    this.#holdOrRead();
  }

  closed(reason: string): void {
    this.#end(reason);
  }

  #end(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#outbox.clear();
    this.#answering.stop();
    this.#countWork();
    this.#pending.abandon(reason);
    this.#dispatcher.closed(this, reason);
  }

  #take(frame: Frame): void {
    if (frame.tail.length > 0) this.#dispatcher.moved(this, frame.tail.length, 0);
    switch (frame.kind) {
      case 'beat':
        this.promisedMs = frame.id;
        this.#beatBack();
        return;
      case 'reply':
      case 'error':
        this.answeredMs = this.#clock.now();
        this.#pending.settle(frame);
        return;
      case 'note':
        this.#hear(frame.head);
        return;
      case 'call':
        this.#answering.take(frame);
    }
  }

  /** A beat that is soon due goes with the acknowledgement of the one that came: one packet and one wake-up less. */
  #beatBack(): void {
    if (this.#clock.now() - this.sentMs >= this.#toldMs / 2) this.beat(this.#toldMs);
  }

  #hear(head: Uint8Array): void {
    const [name, body] = namedHead(head);
    if (!Object.hasOwn(NOTES, name)) {
      this.#log.debug('a note of unknown name', { name: name.slice(0, 32), peer: this.#shownPeer() });
      return;
    }
    const { callers, body: shape } = NOTES[name as NoteName];
    if (!(callers as readonly Role[]).includes(this.role)) {
      this.#log.warn('a note that is not for this role', { name, role: this.role, peer: this.#shownPeer() });
      return;
    }
    const note = validate(shape, body, `a note "${name}"`) as Note<NoteName>;
    const working = this.#dispatcher.note(name as NoteName, note, this, head.length);
    if (working === undefined) return;
    this.#countNote(head.length);
    working.then(() => this.#countNote(-head.length)).catch(() => {});
  }

  #countNote(bytes: number): void {
    this.#noteBytes += bytes;
    this.#holdOrRead();
  }

  #put(kind: FrameKind, id: number, head: Uint8Array): void {
    this.#send({ start: framePrefix(kind, id, head), tail: NOTHING });
  }

  #send(frame: OutFrame): void {
    if (!this.#open) return;
    this.sentMs = this.#clock.now();
    if (frame.tail.length > 0) this.#dispatcher.moved(this, 0, frame.tail.length);
    this.#outbox.put(frame);
    if (!this.#outbox.hasRoom) this.fullSinceMs ??= this.sentMs;
    if (this.#outbox.controlBytes <= CONTROL_BYTES_LIMIT) return;
    this.#log.warn('closed a link whose other end does not listen', { peer: this.#shownPeer() });
    this.close('stalled');
  }

  /** Back-pressure: reads on only while what was read can be worked on and its answers sent. */
  readonly #holdOrRead = (): void => {
    const inWork = this.#countWork();
    const inWorkMax = this.#dispatcher.memory.isFull(this) ? IN_WORK_BYTES_MIN : IN_WORK_BYTES_MAX;
    const hold = inWork > inWorkMax || this.#outbox.controlBytes > CONTROL_BYTES_MAX;
    if (hold === this.#held || !this.#open) return;
    this.#held = hold;
    this.heardMs = this.#clock.now();
    if (hold) this.#pipe.pause();
    else this.#pipe.resume();
  };

  /** Of a link that is over nothing counts: what came before it was up is never answered. */
  #countWork(): number {
    const inWork = this.#open ? this.#answering.bytesInWork + this.#noteBytes : 0;
    this.#dispatcher.memory.noteWork(this, inWork - this.#countedBytes);
    this.#countedBytes = inWork;
    return inWork;
  }

  #shownPeer(): string {
    return this.peer.slice(0, PEER_DIGITS_SHOWN);
  }
}
