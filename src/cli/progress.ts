import type { Options, Params, SingleBar } from 'cli-progress';
import type { Progress } from '../client/transfer.ts';
import { shownSize, shownText } from './output.ts';
import { ProgressRate } from './progress-rate.ts';
import { cutToWidth, shownWidth } from './shown-width.ts';

/** Work shorter than this shows no bar. */
const SHOWN_AFTER_MS = 1000;
/** Columns of a name in the bar's line, of the bar itself, and of the words behind it. */
const NAME_MAX = 40;
const NAME_MIN = 12;
const BAR_MAX = 40;
const BAR_MIN = 6;
const WORDS_COLUMNS = 64;

/** A bar on standard error for work that takes longer than a second, where there is a terminal. */
export class ProgressBar {
  readonly #enabled: boolean;
  readonly #beganMs = performance.now();
  /** Makes a bar; undefined while its library is loaded, which most verbs are too short for. */
  #make: ((name: string) => SingleBar) | undefined;
  #isLoading = false;
  #isOver = false;
  #bar: SingleBar | undefined;
  #name = '';
  #rate = new ProgressRate();

  constructor(enabled: boolean) {
    this.#enabled = enabled && process.stderr.isTTY === true;
  }

  readonly tell: Progress = (name, doneBytes, totalBytes, savedBytes = 0) => {
    if (!this.#enabled || this.#isOver) return;
    if (name !== this.#name) {
      this.clear();
      this.#rate = new ProgressRate();
    }
    this.#name = name;
    const nowMs = performance.now();
    this.#rate.add(nowMs, doneBytes - savedBytes);
    if (nowMs - this.#beganMs < SHOWN_AFTER_MS) return;
    if (this.#make === undefined) return this.#load();
    const words = { words: progressWords(this.#rate, { doneBytes, totalBytes, savedBytes }) };
    if (this.#bar === undefined) {
      this.#bar = this.#make(name);
      this.#bar.start(Math.max(1, totalBytes), doneBytes, words);
    }
    this.#bar.update(doneBytes, words);
  };

  /** Takes the bar off the screen. */
  readonly clear = (): void => {
    this.#bar?.stop();
    this.#bar = undefined;
  };

  /** The verb is over: what it left running tells nothing any more. */
  end(): void {
    this.#isOver = true;
    process.off('exit', this.clear);
    this.clear();
  }

  #load(): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    import('cli-progress')
      .then(({ default: { Format, Presets, SingleBar } }) => {
        if (this.#isOver) return;
        // The bar keeps the terminal from breaking lines: who ends the program at once gets that back too.
        process.once('exit', this.clear);
        this.#make = (name) => new SingleBar(options(name, process.stderr.columns, Format), Presets.shades_classic);
      })
      // Without a bar the work goes on as well.
      .catch(() => undefined);
  }
}

/** How far it is, how fast it goes, how long it will take, and what was there before. */
export function progressWords(
  rate: ProgressRate,
  { doneBytes, totalBytes, savedBytes }: { doneBytes: number; totalBytes: number; savedBytes: number },
): string {
  const { bytesPerSecond } = rate;
  const left = rate.secondsFor(totalBytes - doneBytes);
  // All bytes are over, and the verb is not: they are checked, or copies are made.
  const rest = doneBytes >= totalBytes ? 'finishing' : left === undefined ? undefined : `${shownSeconds(left)} left`;
  const speed = bytesPerSecond === undefined ? undefined : `${shownSize(Math.round(bytesPerSecond))}/s`;
  const saved = savedBytes > 0 ? `${shownSize(savedBytes)} saved` : undefined;
  const words = [`${shownSize(doneBytes)} of ${shownSize(totalBytes)}`, speed, rest, saved];
  return words.filter((word) => word !== undefined).join(', ');
}

function shownSeconds(seconds: number): string {
  if (seconds < 100) return `${seconds}s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 100 ? `${minutes}m` : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

type Formats = typeof import('cli-progress').Format;

/** `columns`: of the terminal. */
function options(name: string, columns: number, { BarFormat }: Formats): Options {
  const shown = shownText(name);
  const room = Math.min(NAME_MAX, Math.max(NAME_MIN, columns - WORDS_COLUMNS - BAR_MIN));
  const cut = shownWidth(shown) > room ? `…${endOf(shown, room - 1)}` : shown;
  return {
    stream: process.stderr,
    hideCursor: false,
    clearOnComplete: true,
    // Its own handlers would end the process on Ctrl-C.
    gracefulExit: false,
    barsize: Math.min(BAR_MAX, Math.max(BAR_MIN, columns - WORDS_COLUMNS - shownWidth(cut))),
    format: (given: Options, { progress }: Params, { words }: { words: string }) =>
      `${cut} ${BarFormat(progress, given)} ${Math.floor(progress * 100)}% ${words}`,
  };
}

/** The end of a path tells more than its beginning. */
function endOf(text: string, columns: number): string {
  const backwards = (one: string) => [...one].reverse().join('');
  return backwards(cutToWidth(backwards(text), columns));
}
