import { statSync } from 'node:fs';
import { appendFile, rename } from 'node:fs/promises';
import { pino } from 'pino';
import type { Log } from '../log.ts';

/** Bytes of the file after which it becomes `<file>.1` and a new one begins: at most twice as much lies on the disk. */
const FILE_BYTES_MAX = 5 * 1024 * 1024;
/** Bytes that wait for a slow or full disk, or for who reads standard error; further lines are dropped. */
const WAITING_BYTES_MAX = 1024 * 1024;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface NodeLogOptions {
  /** Where lines of JSON go; its folder must be there. */
  readonly file?: string;
  /** From which level on lines go to standard error, in words. Default: none. */
  readonly standardError?: LogLevel;
  /** From which level on lines go to the file. Default: info. */
  readonly level?: LogLevel;
  /** For tests. */
  readonly fileBytesMax?: number;
}

/** A Log that must be closed, so that its last lines are written. It never throws and never waits. */
export interface NodeLog extends Log {
  close(): Promise<void>;
}

export function openNodeLog(options: NodeLogOptions): NodeLog {
  const file = options.file === undefined ? undefined : new BoundedFile(options.file, options.fileBytesMax ?? FILE_BYTES_MAX);
  const streams: { level: pino.Level; stream: { write(line: string): void } }[] = [];
  const [fileLevel, errorLevel] = [options.level ?? 'info', options.standardError ?? 'silent'];
  if (file !== undefined && fileLevel !== 'silent') streams.push({ level: fileLevel, stream: file });
  if (errorLevel !== 'silent') {
    const write = (line: string) => {
      // Nobody reads it any more: the file has it.
      if (process.stderr.writableLength < WAITING_BYTES_MAX) process.stderr.write(inWords(line));
    };
    streams.push({ level: errorLevel, stream: { write } });
  }
  const logger = pino({ base: null, level: 'debug', messageKey: 'event' }, pino.multistream(streams));
  return {
    debug: (event, facts = {}) => logger.debug(facts, event),
    info: (event, facts = {}) => logger.info(facts, event),
    warn: (event, facts = {}) => logger.warn(facts, event),
    error: (event, facts = {}) => logger.error(facts, event),
    close: async () => file?.close(),
  };
}

/** A log file that never grows beyond its bound: lines wait for the disk in memory, where they are bounded as well. */
class BoundedFile {
  readonly #path: string;
  readonly #bytesMax: number;
  #bytes: number;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;

  constructor(path: string, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  write(line: string): void {
    if (this.#waitingBytes + line.length > WAITING_BYTES_MAX) return;
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#writing ??= this.#writeAll();
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // The lines of one turn of the event loop go out together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0);
      this.#waitingBytes = 0;
      // A log that cannot be written is no reason to stop: its lines are lost, and come again when the disk has room.
      await this.#append(lines).catch(() => {});
    }
    this.#writing = undefined;
  }

  /** Appends as many at once as the file has room for. */
  async #append(lines: readonly string[]): Promise<void> {
    let [batch, bytes] = ['', 0];
    for (const line of lines) {
      const lineBytes = Buffer.byteLength(line);
      if (this.#bytes + bytes > 0 && this.#bytes + bytes + lineBytes > this.#bytesMax) {
        if (batch !== '') await appendFile(this.#path, batch);
        await rename(this.#path, `${this.#path}.1`).catch(() => {}); // Somebody may have removed it.
        this.#bytes = 0;
        [batch, bytes] = ['', 0];
      }
      batch += line;
      bytes += lineBytes;
    }
    await appendFile(this.#path, batch);
    this.#bytes += bytes;
  }
}

/** A line of JSON as a person reads it: `12:00:01 warn link lost peer=bravo`. */
function inWords(line: string): string {
  const { level, time, event, ...facts } = JSON.parse(line) as { level: number; time: number; event: string };
  const at = new Date(time).toTimeString().slice(0, 8);
  const rest = Object.entries(facts).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${at} ${pino.levels.labels[level] ?? level} ${event}${rest.join('')}\n`;
}
