import type { ReadStream, WriteStream } from 'node:tty';
import { wrapToWidth } from './shown-width.ts';

/** Where a command talks to: values go to standard output, words to standard error. */
export interface Screen {
  /** One JSON value. */
  value(value: unknown): void;
  /** The result in words, on standard output. */
  print(text: string): void;
  /** The result in sentences, on standard output; a terminal gets them broken at blanks. */
  say(text: string): void;
  /** Something beside the result, on standard error; a terminal gets it broken at blanks. */
  note(text: string): void;
  /** Raw bytes on standard output; resolves when they are taken. */
  bytes(bytes: Uint8Array): Promise<void>;
  /** True while so much waits to be read from standard output that more would only fill the memory; `bytes`: while more than that. */
  isBehind(bytes?: number): boolean;
  /** Lines and columns of the terminal; undefined where there is none. */
  size(): { rows: number; columns: number } | undefined;
}

/** What may wait for a reader that is slow, or reads no more. Range 64 KiB–16 MiB. */
const BEHIND_BYTES = 1024 * 1024;
/** A terminal of fewer lines is not paged. */
const ROWS_MIN = 4;
/** In a narrower one, or one that tells no width, nothing is broken. */
const COLUMNS_MIN = 20;

/** The screen of this process. */
export function processScreen(): Screen {
  const out = process.stdout as WriteStream;
  return {
    value: (value) => void out.write(`${JSON.stringify(value)}\n`),
    print: (text) => void out.write(text.endsWith('\n') || text === '' ? text : `${text}\n`),
    say: (text) => void out.write(`${fitted(text, out)}\n`),
    note: (text) => void process.stderr.write(`${fitted(text, process.stderr)}\n`),
    bytes: (bytes) =>
      new Promise((resolve, reject) => {
        out.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    isBehind: (bytes = BEHIND_BYTES) => out.writableLength > bytes,
    // Some terminals tell no size, or none that a list fits in.
    size: () => (out.isTTY && out.rows >= ROWS_MIN ? { rows: out.rows, columns: out.columns } : undefined),
  };
}

/** A program gets every text in the lines it has. */
export function fitted(text: string, stream: Pick<WriteStream, 'isTTY' | 'columns'>): string {
  return stream.isTTY && stream.columns >= COLUMNS_MIN ? wrapToWidth(text, stream.columns - 1) : text;
}

/** True where a person can be asked. */
export function isInteractive(): boolean {
  return (process.stdin as ReadStream).isTTY === true && process.stderr.isTTY === true;
}
