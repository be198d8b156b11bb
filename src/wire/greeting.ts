import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { Role } from '../core/facts.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Pipe } from '../platform/network.ts';
import { HandoverPipe } from './handover-pipe.ts';

/** Of everything behind the greeting. Another version: no conversation. */
export const PROTOCOL_VERSION = 4;
/** Time for the whole greeting. Range 1,000–30,000. */
export const GREETING_MS = 5_000;
/** Proofs one end sends. Always as many, so that a stranger cannot count the secrets: the newest ones, then filling. */
const PROOFS_MAX = 8;
/** Time to send a refusal before the pipe is closed. */
const REFUSAL_GRACE_MS = 500;

const MAGIC = Buffer.from('filemesh', 'latin1');
const PROOF_BYTES = 32;
const INSTANCE_BYTES = 8;
const VERSION_AT = MAGIC.length;
const ROLE_AT = VERSION_AT + 2;
const INSTANCE_AT = ROLE_AT + 1;
const PROOFS_AT = INSTANCE_AT + INSTANCE_BYTES;
/** magic, version (u16, big-endian), role (u8), instance (8 bytes), 8 proofs of 32 bytes. One byte of verdict follows. */
export const GREETING_BYTES = PROOFS_AT + PROOFS_MAX * PROOF_BYTES;
const ROLES: readonly Role[] = ['peer', 'client'];
const REFUSED = 0;
const ADMITTED = 1;

/** What is known of an identity by its key. A removed one is never admitted, whatever it proves. */
export type Standing = 'member' | 'removed' | 'unknown';

/** A secret of the mesh as it is known at this end. */
export interface KnownSecret {
  readonly generation: number;
  readonly secret: string;
}

export interface GreetingOptions {
  readonly role: Role;
  /** Of this process: 16 hex digits. */
  readonly instance: string;
  /** Every secret known here, in any order: they prove to the other end that this one belongs to the mesh. */
  secrets(): readonly KnownSecret[];
  /** Whether a secret of that generation still admits an unknown identity; absent: every one known here does. */
  accepts?(generation: number): boolean;
  standing(peer: PeerId): Standing;
  readonly clock: Clock;
}

/** Who is at the other end of a pipe whose two ends have admitted each other. */
export interface Greeted {
  readonly peer: PeerId;
  /** As the other end says. */
  readonly role: Role;
  /** Of the other end's process, as it says: 16 hex digits. */
  readonly instance: string;
  /** The newest generation whose secret the other end proved to know; absent: it was admitted by its key alone. */
  readonly provedGeneration?: number;
  /** To be opened once, by a link. Nothing that came behind the greeting is lost. */
  readonly pipe: Pipe;
}

/**
 * Admission on a raw pipe, which it opens. Both ends speak at once and say the same: who they are and, for each secret
 * they know, that they know it. A proof is an HMAC-SHA-256 over the side and the pipe's keying material: worth nothing
 * on another pipe, or sent back. Then each says one byte: admitted or not. A stranger learns that a mesh is here, a role
 * and a random number. Rejects with `not-allowed` (refused by either end), `protocol` (no greeting, or another version),
 * `timeout` or `closed`; the pipe is closed then.
 */
export function greet(pipe: Pipe, options: GreetingOptions): Promise<Greeted> {
  return new Promise((resolve, reject) => new Greeting(pipe, options, resolve, reject));
}

type Met = Omit<Greeted, 'pipe'>;

/** One greeting under way. */
class Greeting {
  readonly #options: GreetingOptions;
  readonly #pipe: HandoverPipe;
  readonly #timer: Timer;
  readonly #resolve: (greeted: Greeted) => void;
  readonly #reject: (error: MeshError) => void;
  /** At most a greeting, a verdict and one piece of what follows. */
  #heard: Uint8Array = new Uint8Array(0);
  #met: Met | undefined;
  #over = false;

  constructor(pipe: Pipe, options: GreetingOptions, resolve: (greeted: Greeted) => void, reject: (error: MeshError) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = options.clock.after(GREETING_MS, () =>
      this.#fail(new MeshError('timeout', `no greeting within ${GREETING_MS} ms`)),
    );
    this.#pipe = new HandoverPipe(pipe, {
      data: (bytes) => this.#hear(bytes),
      drain: () => {},
      closed: (reason) => this.#fail(new MeshError('closed', `the pipe ended during the greeting: ${reason}`)),
    });
    this.#guarded(() => {
      if (!this.#over) this.#pipe.write([greetingOf(pipe, options)]);
    });
  }

  #hear(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#heard = Buffer.concat([this.#heard, bytes]);
    this.#guarded(() => this.#go());
  }

  /** Whatever fails, a pipe that ended meanwhile too, ends the greeting and nothing else. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#fail(asMeshError(thrown), REFUSAL_GRACE_MS);
    }
  }

  #go(): void {
    const heard = this.#heard;
    checkStart(heard);
    if (heard.length < GREETING_BYTES) return;
    if (this.#met === undefined) {
      this.#met = this.#judge(heard);
      this.#pipe.write([Uint8Array.of(ADMITTED)]);
    }
    if (heard.length === GREETING_BYTES) return;
    if (heard[GREETING_BYTES] !== ADMITTED)
      throw new MeshError('not-allowed', 'the other end admits neither this identity nor a secret known here');
    this.#over = true;
    this.#timer.cancel();
    this.#pipe.handOver(heard.subarray(GREETING_BYTES + 1));
    this.#resolve({ ...this.#met, pipe: this.#pipe });
  }

  /** Who speaks, if that one may come in; else sends the refusal and throws `not-allowed`. */
  #judge(heard: Uint8Array): Met {
    const peer = this.#pipe.remoteId;
    const role = ROLES[heard[ROLE_AT] as number];
    if (role === undefined) throw new MeshError('protocol', 'a greeting of an unknown role');
    const instance = Buffer.from(heard.subarray(INSTANCE_AT, PROOFS_AT)).toString('hex');
    const standing = this.#options.standing(peer);
    const proved = provedGeneration(heard, this.#pipe, this.#options);
    if (standing === 'removed' || (standing === 'unknown' && proved === undefined)) {
      this.#pipe.write([Uint8Array.of(REFUSED)]);
      const why = standing === 'removed' ? 'it was removed from the mesh' : 'it is no member and proved no secret that admits';
      throw new MeshError('not-allowed', `the identity ${peer.slice(0, 12)} is refused: ${why}`);
    }
    return { peer, role, instance, ...(proved !== undefined && { provedGeneration: proved }) };
  }

  #fail(error: MeshError, graceMs = 0): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.cancel();
    this.#heard = new Uint8Array(0);
    this.#pipe.close(graceMs);
    this.#reject(error);
  }
}

/** Throws `protocol` as soon as the first bytes are those of no greeting, or of another version. */
function checkStart(heard: Uint8Array): void {
  const length = Math.min(heard.length, MAGIC.length);
  if (MAGIC.compare(heard, 0, length, 0, length) !== 0) throw new MeshError('protocol', 'the other end does not speak filemesh');
  if (heard.length < ROLE_AT) return;
  const version = (heard[VERSION_AT] as number) * 256 + (heard[VERSION_AT + 1] as number);
  if (version === PROTOCOL_VERSION) return;
  throw new MeshError('protocol', `the other end speaks protocol ${version}, this one ${PROTOCOL_VERSION}: update the older`);
}

function greetingOf(pipe: Pipe, { role, instance, secrets }: GreetingOptions): Uint8Array {
  const bytes = new Uint8Array(GREETING_BYTES);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint16(VERSION_AT, PROTOCOL_VERSION);
  bytes[ROLE_AT] = ROLES.indexOf(role);
  bytes.set(Buffer.from(instance, 'hex').subarray(0, INSTANCE_BYTES), INSTANCE_AT);
  const side = pipe.dialled ? 'dialler' : 'listener';
  const binding = pipe.bind('greeting');
  const known = newestFirst(secrets());
  for (let index = 0; index < PROOFS_MAX; index++) {
    const secret = known[index]?.secret;
    // Filling is keyed with a secret too, so that nobody outside can tell it from a proof.
    const proof =
      secret === undefined ? proofOf(known[0]?.secret ?? '', `filling ${index}`, binding) : proofOf(secret, side, binding);
    bytes.set(proof, PROOFS_AT + index * PROOF_BYTES);
  }
  return bytes;
}

/** The newest accepted generation of which one of the proofs heard shows the secret. */
function provedGeneration(heard: Uint8Array, pipe: Pipe, options: GreetingOptions): number | undefined {
  const side = pipe.dialled ? 'listener' : 'dialler';
  const binding = pipe.bind('greeting');
  let newest: number | undefined;
  for (const { generation, secret } of options.secrets()) {
    if (options.accepts?.(generation) === false) continue;
    const expected = proofOf(secret, side, binding);
    for (let at = PROOFS_AT; at < GREETING_BYTES; at += PROOF_BYTES) {
      if (timingSafeEqual(expected, heard.subarray(at, at + PROOF_BYTES))) newest = Math.max(generation, newest ?? generation);
    }
  }
  return newest;
}

function newestFirst(secrets: readonly KnownSecret[]): KnownSecret[] {
  return [...secrets].sort((a, b) => b.generation - a.generation);
}

function proofOf(secret: string, label: string, binding: Uint8Array): Uint8Array {
  const key = createHash('sha256').update('filemesh admission\0').update(secret).digest();
  return createHmac('sha256', key).update(label).update(binding).digest();
}
