import type { Options, Params, SingleBar } from 'cli-progress';
import type { Progress } from '../client/transfer.ts';
import { shownSize, shownText } from './output.ts';
import { cutToWidth, shownWidth } from './shown-width.ts';

/** Work shorter than this shows no bar. */
const SHOWN_AFTER_MS = 1000;
/** Columns of a name in the bar's line. */
const NAME_MAX = 40;

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

  constructor(enabled: boolean) {
    this.#enabled = enabled && process.stderr.isTTY === true;
  }

  readonly tell: Progress = (name, doneBytes, totalBytes) => {
    if (!this.#enabled || this.#isOver || performance.now() - this.#beganMs < SHOWN_AFTER_MS) return;
    if (this.#make === undefined) return this.#load();
    if (name !== this.#name) this.clear();
    this.#name = name;
    const sizes = { done: shownSize(doneBytes), all: shownSize(totalBytes) };
    if (this.#bar === undefined) {
      this.#bar = this.#make(name);
      this.#bar.start(Math.max(1, totalBytes), doneBytes, sizes);
    }
    this.#bar.update(doneBytes, sizes);
  };

  /** Takes the bar off the screen. */
  readonly clear = (): void => {
    this.#bar?.stop();
    this.#bar = undefined;
  };

  /** The verb is over: what it left running tells nothing any more. */
  end(): void {
    this.#isOver = true;
    this.clear();
  }

  #load(): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    import('cli-progress')
      .then(({ default: { Format, Presets, SingleBar } }) => {
        this.#make = (name) => new SingleBar(options(name, Format), Presets.shades_classic);
      })
      // Without a bar the work goes on as well.
      .catch(() => undefined);
  }
}

type Formats = typeof import('cli-progress').Format;

function options(name: string, { BarFormat, TimeFormat }: Formats): Options {
  const shown = shownText(name);
  const cut = shownWidth(shown) > NAME_MAX ? `…${endOf(shown, NAME_MAX - 1)}` : shown;
  return {
    stream: process.stderr,
    hideCursor: false,
    clearOnComplete: true,
    // Its own handlers would end the process on Ctrl-C.
    gracefulExit: false,
    format: (given: Options, { value, total, progress, eta }: Params, sizes: Record<string, string>) => {
      // All bytes are over, and the verb is not: they are checked, or copies are made.
      const rest = value >= total ? 'finishing' : `${TimeFormat(eta, given, 1)} left`;
      return `${cut} ${BarFormat(progress, given)} ${Math.floor(progress * 100)}% ${sizes.done} of ${sizes.all}, ${rest}`;
    },
  };
}

/** The end of a path tells more than its beginning. */
function endOf(text: string, columns: number): string {
  const backwards = (one: string) => [...one].reverse().join('');
  return backwards(cutToWidth(backwards(text), columns));
}
