import { createHash, createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign, timingSafeEqual } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { Packr, Unpackr } from 'msgpackr';

/**
 * A client written from docs/protocol.md alone: it imports nothing of the program. What it cannot do by that page, the
 * page does not say.
 */

const GREETING_BYTES = 275;
const PROOFS_AT = 19;
const PROOF_BYTES = 32;
const BEAT_MS = 500;
const KINDS = { note: 1, call: 2, reply: 3, error: 4, beat: 5 } as const;

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

// biome-ignore lint/suspicious/noExplicitAny: a stranger has no types of the program, and checks what it looks at
export type Value = any;

/** An error frame: code and advice as they came. */
export class Answered extends Error {
  readonly code: string;
  readonly advice: string;

  constructor(code: string, advice: string) {
    super(`answered ${code}, advice ${advice}`);
    this.code = code;
    this.advice = advice;
  }
}

/** A key, and the certificate that carries it into TLS. */
export interface StrangerKey {
  readonly key: string;
  readonly cert: string;
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length =
    body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

/** A self-signed P-256 certificate: names and dates mean nothing. */
export function newKey(): StrangerKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'));
  const name = der(0x30, der(0x31, der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from('stranger')))));
  const dates = der(0x30, der(0x18, Buffer.from('20200101000000Z')), der(0x18, Buffer.from('20990101000000Z')));
  const version = der(0xa0, der(0x02, Buffer.of(2)));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const body = der(0x30, version, der(0x02, Buffer.of(1)), ecdsaWithSha256, name, dates, name, spki);
  const signature = der(0x03, Buffer.of(0), sign('sha256', body, privateKey));
  const certificate = der(0x30, body, ecdsaWithSha256, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
  };
}

/** The id of who has this public key: SHA-256 of its DER SPKI. */
function idOf(key: string | Buffer): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex');
}

/** Mesh id of a first join line. */
export function meshIdOf(line: string): string {
  const cut = line.indexOf('/');
  return createHash('sha256')
    .update(`filemesh mesh\0${line.slice(0, cut)}\0${line.slice(cut + 1)}`)
    .digest('hex');
}

function proofOf(secret: string, side: string, binding: Buffer): Buffer {
  const key = createHash('sha256').update(`filemesh admission\0${secret}`).digest();
  return createHmac('sha256', key).update(side).update(binding).digest();
}

/** What one end of a TLS connection has said so far; `until` resolves when there are so many bytes, or it is over. */
class Ear {
  bytes = Buffer.alloc(0);
  isOver = false;
  #wake: () => void = () => undefined;

  constructor(socket: TLSSocket) {
    socket.on('data', (bytes) => {
      this.bytes = Buffer.concat([this.bytes, bytes]);
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isOver = true;
      this.#wake();
    });
  }

  async until(count: number): Promise<void> {
    while (this.bytes.length < count && !this.isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Takes the first bytes off; rejects when it is over before they have come. */
  async take(count: number): Promise<Buffer> {
    await this.until(count);
    if (this.bytes.length < count) throw new Error(`closed after ${this.bytes.length} bytes of ${count}`);
    const taken = this.bytes.subarray(0, count);
    this.bytes = this.bytes.subarray(count);
    return taken;
  }
}

function connectTo(address: string, { key, cert }: StrangerKey): Promise<TLSSocket> {
  const [host = '', port] = address.split(':');
  const options = { key, cert, minVersion: 'TLSv1.3', rejectUnauthorized: false, ALPNProtocols: ['filemesh/1'] } as const;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ...options }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Of one process: 8 random bytes. */
function newInstance(): string {
  return randomBytes(8).toString('hex');
}

function greetingOf(secret: string, binding: Buffer, instance: string): Buffer {
  const start = Buffer.concat([Buffer.from('filemesh'), Buffer.of(0, 4, 1), Buffer.from(instance, 'hex')]);
  return Buffer.concat([start, proofOf(secret, 'dialler', binding), randomBytes(7 * PROOF_BYTES)]);
}

/** All that a peer says to who greets it with that secret and then listens: until it hangs up, or so many bytes. */
export async function heardWith(address: string, secret: string, enough: number): Promise<Buffer> {
  const socket = await connectTo(address, newKey());
  const ear = new Ear(socket);
  const binding = socket.exportKeyingMaterial(32, 'EXPORTER-filemesh-greeting', Buffer.alloc(0));
  // A stranger that would admit anyone, and asks at once.
  const ask = frameOf(KINDS.call, 1, ['list', { after: '', limit: 1, deleted: false, conflicts: false }]);
  socket.write(Buffer.concat([greetingOf(secret, binding, newInstance()), Buffer.of(1), ask]));
  await ear.until(enough);
  socket.destroy();
  return ear.bytes;
}

function frameOf(kind: number, id: number, value?: Value, tail: Uint8Array = new Uint8Array(0)): Buffer {
  const head = value === undefined ? Buffer.alloc(0) : packr.pack(value);
  const prefix = Buffer.alloc(13);
  prefix.writeUInt32BE(9 + head.length + tail.length, 0);
  prefix.writeUInt8(kind, 4);
  prefix.writeUInt32BE(id, 5);
  prefix.writeUInt32BE(head.length, 9);
  return Buffer.concat([prefix, head, tail]);
}

interface Waiting {
  resolve(answer: { reply: Value; tail: Buffer }): void;
  reject(error: Error): void;
}

/** One link to a peer, as a client. */
export class StrangerClient {
  /** Of the peer, by its key. */
  readonly peer: string;
  /** Facts told so far. */
  readonly facts: Value[] = [];
  readonly #socket: TLSSocket;
  readonly #ear: Ear;
  readonly #waiting = new Map<number, Waiting>();
  readonly #beating: NodeJS.Timeout;
  #lastId = 0;
  /** Why the link ended. */
  #over: Error | undefined;

  private constructor(socket: TLSSocket, ear: Ear, peer: string) {
    this.peer = peer;
    this.#socket = socket;
    this.#ear = ear;
    const beat = () => socket.write(frameOf(KINDS.beat, BEAT_MS));
    beat();
    this.#beating = setInterval(beat, BEAT_MS);
    this.#listen().catch((thrown: unknown) => this.#end(thrown as Error));
  }

  /**
   * Joins with a join line. `proves` false: with a key that is known there, and noise for proofs. Rejects when the peer
   * does not admit, or does not prove the secret.
   */
  static async join(address: string, line: string, key: StrangerKey, proves = true): Promise<StrangerClient> {
    const secret = line.slice(line.indexOf('/') + 1);
    const socket = await connectTo(address, key);
    const ear = new Ear(socket);
    const binding = socket.exportKeyingMaterial(32, 'EXPORTER-filemesh-greeting', Buffer.alloc(0));
    const instance = newInstance();
    socket.write(greetingOf(proves ? secret : newInstance(), binding, instance));
    const heard = await ear.take(GREETING_BYTES);
    if (heard.subarray(0, 11).compare(Buffer.from('filemesh\0\x04\0', 'latin1')) !== 0) throw new Error('no peer of version 4');
    const expected = proofOf(secret, 'listener', binding);
    const proofs = Array.from({ length: 8 }, (_, index) =>
      heard.subarray(PROOFS_AT + index * PROOF_BYTES).subarray(0, PROOF_BYTES),
    );
    if (!proofs.some((proof) => timingSafeEqual(proof, expected))) {
      socket.end(Buffer.of(0));
      throw new Error('it does not know the secret');
    }
    socket.write(Buffer.of(1));
    if ((await ear.take(1))[0] !== 1) throw new Error('refused');
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new Error('no certificate');
    const client = new StrangerClient(socket, ear, idOf(certificate.publicKey.export({ type: 'spki', format: 'pem' }) as string));
    await client.call('hello', {
      name: 'stranger',
      instance,
      addresses: [],
      caughtUp: true,
      load: { bytes: 0, capacity: 0, files: 0, incomingBytes: 0, incomingFiles: 0 },
      factsDigest: '0'.repeat(64),
    });
    return client;
  }

  /** Rejects with `Answered`, or with what ended the link. */
  call(name: string, body: Value, tail?: Uint8Array): Promise<{ reply: Value; tail: Buffer }> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(frameOf(KINDS.call, id, [name, body], tail));
    });
  }

  close(): void {
    this.#socket.end(frameOf(KINDS.note, 0, ['goodbye', {}]));
    this.#end(new Error('closed here'));
  }

  #end(why: Error): void {
    this.#over ??= why;
    clearInterval(this.#beating);
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
  }

  async #listen(): Promise<void> {
    for (;;) {
      const prefix = await this.#ear.take(13);
      const headBytes = prefix.readUInt32BE(9);
      const head = await this.#ear.take(headBytes);
      const tail = await this.#ear.take(prefix.readUInt32BE(0) - 9 - headBytes);
      this.#hear(prefix.readUInt8(4), prefix.readUInt32BE(5), head, tail);
    }
  }

  #hear(kind: number, id: number, head: Buffer, tail: Buffer): void {
    if (kind === KINDS.beat) return;
    const value: Value = unpackr.unpack(head);
    const waiting = this.#waiting.get(id);
    if (kind === KINDS.note && value[0] === 'facts') this.facts.push(...value[1].facts);
    if (kind === KINDS.call) this.#socket.write(frameOf(KINDS.error, id, ['protocol', 'never']));
    if (kind !== KINDS.reply && kind !== KINDS.error) return;
    this.#waiting.delete(id);
    if (kind === KINDS.reply) waiting?.resolve({ reply: value, tail });
    else waiting?.reject(new Answered(value[0], value[1]));
  }
}
