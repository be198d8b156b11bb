import { renameSync, statSync } from 'node:fs';
import { pino } from 'pino';
import type { Log } from '../log.ts';

/** Bytes of the file after which it becomes `<file>.1` and a new one begins: at most twice as much lies on the disk. */
const FILE_BYTES_MAX = 5 * 1024 * 1024;
/** Bytes that wait for a slow or full disk; further lines are dropped. */
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
    streams.push({ level: errorLevel, stream: { write: (line) => void process.stderr.write(inWords(line)) } });
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

/** A log file that never grows beyond its bound. */
class BoundedFile {
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #destination: ReturnType<typeof pino.destination>;
  #bytes: number;
  #broken = false;

  constructor(path: string, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.#destination = pino.destination({ dest: path, sync: false, maxLength: WAITING_BYTES_MAX });
    // A log that cannot be written is no reason to stop: the lines are lost, and come again when the disk has room.
    this.#destination.on('error', () => {
      this.#broken = true;
    });
  }

  write(line: string): void {
    if (this.#bytes >= this.#bytesMax) this.#rotate();
    this.#bytes += Buffer.byteLength(line);
    this.#destination.write(line);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#broken) return resolve();
      this.#destination.once('close', () => resolve());
      this.#destination.once('error', () => resolve());
      this.#destination.end();
    });
  }

  #rotate(): void {
    this.#bytes = 0;
    try {
      renameSync(this.#path, `${this.#path}.1`);
      this.#destination.reopen();
    } catch {
      // Nothing lies there: somebody removed the file. It is made anew by the reopening at the next bound.
    }
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
