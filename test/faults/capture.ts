import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Lan, lanMissing } from './lan.ts';
import { type Process, until } from './process.ts';

/** Looking for words in what goes over the cables of a LAN. */

const inPath = (name: string) =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some((folder) => existsSync(join(folder, name)));

/** Why it cannot be tried here with those programs; undefined where it can. */
export function lacks(...names: string[]): string | undefined {
  const missing = names.filter((name) => !inPath(name));
  return missing.length === 0 ? lanMissing() : `not installed: ${missing.join(', ')}`;
}

/** A word nobody says by chance. */
export const canary = (what: string) => `canary${what}${randomBytes(6).toString('hex')}`;

/** A word as it might stand in a packet: plain, wide, or in one of the usual codes. */
export function spellings(word: string | Buffer): Buffer[] {
  const plain = Buffer.from(word as string);
  const codes = [plain.toString('hex'), plain.toString('hex').toUpperCase()].map((text) => Buffer.from(text));
  // Base64 of a word within a text depends on where it stands: three spellings, each of the letters that are of the word alone.
  // All of them: a few letters arise by chance in what is encrypted.
  const base64 = [0, 1, 2].map((shift) => {
    const letters = Buffer.concat([Buffer.alloc(shift), plain]).toString('base64');
    return Buffer.from(letters.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + plain.length) * 8) / 6)));
  });
  const wide = typeof word === 'string' ? [Buffer.from(word, 'utf16le'), Buffer.from(word.toUpperCase())] : [];
  return [plain, ...wide, ...codes, ...base64];
}

/** Everything that passes where all cables of a LAN meet. */
export class Capture {
  readonly #lan: Lan;
  readonly #file: string;

  /** Resolves when it runs. */
  static async start(lan: Lan): Promise<Capture> {
    const capture = new Capture(lan);
    const words = ['-i', 'any', '-U', '-s', '0', '-B', '65536', '-w', capture.#file, '-Z', 'root'];
    const process: Process = lan.startAtSwitch(['tcpdump', ...words]);
    await until('the capture runs', () => process.error.includes('listening on'));
    return capture;
  }

  private constructor(lan: Lan) {
    this.#lan = lan;
    this.#file = join(lan.folder, 'wire.pcap');
  }

  /** All that was captured so far. A word said in the open is found in it: the search works. */
  async taken(): Promise<Buffer> {
    const control = canary('control');
    const said = `require('node:dgram').createSocket('udp4').send(${JSON.stringify(control)}, 9, '10.83.0.2', function () { this.close(); })`;
    return await until('the control word is captured', async () => {
      // Again and again: what comes while its memory is full a capture misses.
      await this.#lan.start(1, [process.execPath, '-e', said]).ended;
      const captured = readFileSync(this.#file);
      return captured.includes(control) ? captured : undefined;
    });
  }
}
