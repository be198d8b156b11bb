import { crc32 } from 'node:zlib';

/** The archive format of PKWARE's APPNOTE 6.3, as far as it is needed: files stored as they are, sizes of any length. */

/** One file of an archive. */
export interface ZipFile {
  /** Path in the archive. */
  readonly name: string;
  readonly size: number;
  readonly modifiedMs: number;
}

interface Written extends ZipFile {
  readonly offset: number;
  readonly crc: number;
}

const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
/** Names are UTF-8 (bit 11); checksum and sizes stand behind the bytes (bit 3). */
const FLAGS = 0x0808;
/** The first version that knows sizes of 64 bits, under Unix. */
const VERSION = 45;
const MADE_BY = (3 << 8) | VERSION;
const MODE = 0o100644 << 16;
const WORD_MAX = 0xffffffff;
const COUNT_MAX = 0xffff;

const LOCAL_BYTES = 30;
const LOCAL_EXTRA_BYTES = 20 + 9;
const DESCRIPTOR_BYTES = 24;
const CENTRAL_BYTES = 46;
const CENTRAL_EXTRA_BYTES = 28 + 9;
const ENDS_BYTES = 56 + 20 + 22;

/** Bytes of the whole archive of these files. */
export function zipBytes(files: readonly ZipFile[]): number {
  const frame = LOCAL_BYTES + LOCAL_EXTRA_BYTES + DESCRIPTOR_BYTES + CENTRAL_BYTES + CENTRAL_EXTRA_BYTES;
  return files.reduce((sum, { name, size }) => sum + frame + 2 * Buffer.byteLength(name) + size, ENDS_BYTES);
}

/** Writes an archive from its first byte to its last. */
export class ZipWriter {
  readonly #take: (bytes: Uint8Array) => Promise<void>;
  readonly #written: Written[] = [];
  #offset = 0;
  #file: (ZipFile & { readonly offset: number }) | undefined;
  #crc = 0;

  constructor(take: (bytes: Uint8Array) => Promise<void>) {
    this.#take = take;
  }

  /** The next file; its bytes follow by `write`, exactly `size` of them, then `end`. */
  async begin(file: ZipFile): Promise<void> {
    this.#file = { ...file, offset: this.#offset };
    this.#crc = 0;
    const name = Buffer.from(file.name);
    const head = Buffer.alloc(LOCAL_BYTES + LOCAL_EXTRA_BYTES);
    head.writeUInt32LE(LOCAL, 0);
    head.writeUInt16LE(VERSION, 4);
    head.writeUInt16LE(FLAGS, 6);
    head.writeUInt32LE(dosTime(file.modifiedMs), 10);
    head.writeUInt32LE(WORD_MAX, 18);
    head.writeUInt32LE(WORD_MAX, 22);
    head.writeUInt16LE(name.length, 26);
    head.writeUInt16LE(LOCAL_EXTRA_BYTES, 28);
    head.writeUInt16LE(1, LOCAL_BYTES);
    head.writeUInt16LE(16, LOCAL_BYTES + 2);
    writeTime(file.modifiedMs, head, LOCAL_BYTES + 20);
    await this.#put(Buffer.concat([head.subarray(0, LOCAL_BYTES), name, head.subarray(LOCAL_BYTES)]));
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#crc = crc32(bytes, this.#crc);
    await this.#put(bytes);
  }

  async end(): Promise<void> {
    if (this.#file === undefined) return;
    const { size } = this.#file;
    const tail = Buffer.alloc(DESCRIPTOR_BYTES);
    tail.writeUInt32LE(DESCRIPTOR, 0);
    tail.writeUInt32LE(this.#crc, 4);
    tail.writeBigUInt64LE(BigInt(size), 8);
    tail.writeBigUInt64LE(BigInt(size), 16);
    this.#written.push({ ...this.#file, crc: this.#crc });
    this.#file = undefined;
    await this.#put(tail);
  }

  /** The table of all files, and the end. */
  async finish(): Promise<void> {
    const offset = this.#offset;
    for (const file of this.#written) await this.#put(centralOf(file));
    await this.#put(endsOf(this.#written.length, offset, this.#offset - offset));
  }

  async #put(bytes: Uint8Array): Promise<void> {
    this.#offset += bytes.length;
    await this.#take(bytes);
  }
}

function centralOf({ name: text, size, modifiedMs, crc, offset }: Written): Buffer {
  const name = Buffer.from(text);
  const row = Buffer.alloc(CENTRAL_BYTES);
  row.writeUInt32LE(CENTRAL, 0);
  row.writeUInt16LE(MADE_BY, 4);
  row.writeUInt16LE(VERSION, 6);
  row.writeUInt16LE(FLAGS, 8);
  row.writeUInt32LE(dosTime(modifiedMs), 12);
  row.writeUInt32LE(crc, 16);
  row.writeUInt32LE(WORD_MAX, 20);
  row.writeUInt32LE(WORD_MAX, 24);
  row.writeUInt16LE(name.length, 28);
  row.writeUInt16LE(CENTRAL_EXTRA_BYTES, 30);
  row.writeUInt32LE(MODE >>> 0, 38);
  row.writeUInt32LE(WORD_MAX, 42);
  const extra = Buffer.alloc(CENTRAL_EXTRA_BYTES);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  extra.writeBigUInt64LE(BigInt(size), 4);
  extra.writeBigUInt64LE(BigInt(size), 12);
  extra.writeBigUInt64LE(BigInt(offset), 20);
  writeTime(modifiedMs, extra, 28);
  return Buffer.concat([row, name, extra]);
}

function endsOf(count: number, offset: number, bytes: number): Buffer {
  const ends = Buffer.alloc(ENDS_BYTES);
  ends.writeUInt32LE(END_64, 0);
  ends.writeBigUInt64LE(44n, 4);
  ends.writeUInt16LE(MADE_BY, 12);
  ends.writeUInt16LE(VERSION, 14);
  for (const at of [24, 32]) ends.writeBigUInt64LE(BigInt(count), at);
  ends.writeBigUInt64LE(BigInt(bytes), 40);
  ends.writeBigUInt64LE(BigInt(offset), 48);
  ends.writeUInt32LE(LOCATOR_64, 56);
  ends.writeBigUInt64LE(BigInt(offset + bytes), 64);
  ends.writeUInt32LE(1, 72);
  ends.writeUInt32LE(END, 76);
  for (const at of [84, 86]) ends.writeUInt16LE(Math.min(count, COUNT_MAX), at);
  ends.writeUInt32LE(WORD_MAX, 88);
  ends.writeUInt32LE(WORD_MAX, 92);
  return ends;
}

/** The moment (extended timestamp of Info-ZIP: seconds since 1970 in 32 bits): the other time is read as of whatever zone one is in. */
function writeTime(wallMs: number, into: Buffer, at: number): void {
  const seconds = Math.floor(wallMs / 1000);
  const isTold = seconds === (seconds | 0);
  into.writeUInt16LE(0x5455, at);
  into.writeUInt16LE(5, at + 2);
  into.writeUInt8(isTold ? 1 : 0, at + 4);
  into.writeInt32LE(isTold ? seconds : 0, at + 5);
}

/** Date and time of day in steps of two seconds, in UTC: the format has no zone. */
function dosTime(wallMs: number): number {
  const date = new Date(wallMs);
  const year = Math.min(127, Math.max(0, date.getUTCFullYear() - 1980));
  const day = (year << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  return ((day << 16) | time) >>> 0;
}
