import { createHmac, hkdfSync } from 'node:crypto';

/** An age header is text that ends with a line of its own (age-encryption.org/v1, "Header"). */

const FIRST_LINE = 'age-encryption.org/v1\n';
/** A longer header is not opened: some 500 readers. In bytes. */
export const HEADER_BYTES_MAX = 64 * 1024;
/** Bytes of one line of a stanza's body: a shorter one ends it. */
const LINE_BYTES = 48;

/** One way to the file key: what an identity reads. */
export interface HeaderStanza {
  readonly args: readonly string[];
  readonly body: Uint8Array;
}

/** A header of these stanzas. `fileKey`: 16 bytes; whoever has it can tell that nobody changed the header. */
export function makeHeader(fileKey: Uint8Array, stanzas: readonly HeaderStanza[]): Uint8Array {
  const text = `${FIRST_LINE}${stanzas.map(stanzaText).join('')}---`;
  const macKey = new Uint8Array(hkdfSync('sha256', fileKey, new Uint8Array(0), 'header', 32));
  const mac = createHmac('sha256', macKey).update(text).digest();
  return Buffer.from(`${text} ${base64(mac)}\n`);
}

/** Where the header that `bytes` begins with ends; `more`: it does not end there yet; undefined: it is none. */
export function endOfHeader(bytes: Uint8Array): number | 'more' | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (!text.startsWith(FIRST_LINE.slice(0, text.length))) return undefined;
  const last = text.indexOf('\n--- ');
  const end = last < 0 ? -1 : text.indexOf('\n', last + 1);
  return end >= 0 ? end + 1 : text.length >= HEADER_BYTES_MAX ? undefined : 'more';
}

/** The stanzas of a whole header, as they are told: the caller has proved it by its file key. */
export function stanzasOf(header: Uint8Array): HeaderStanza[] {
  const stanzas: { args: string[]; body: string }[] = [];
  for (const line of Buffer.from(header).toString('latin1').split('\n').slice(1)) {
    if (line.startsWith('---')) break;
    if (line.startsWith('-> ')) stanzas.push({ args: line.slice(3).split(' '), body: '' });
    else {
      const last = stanzas.at(-1);
      if (last !== undefined) last.body += line;
    }
  }
  return stanzas.map(({ args, body }) => ({ args, body: Buffer.from(body, 'base64') }));
}

/** Base64 without padding, as age writes it. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

function stanzaText({ args, body }: HeaderStanza): string {
  const lines: string[] = [];
  // A body that fills its last line is ended by an empty one.
  for (let at = 0; at <= body.length; at += LINE_BYTES) lines.push(base64(body.subarray(at, at + LINE_BYTES)));
  return `-> ${args.join(' ')}\n${lines.join('\n')}\n`;
}
