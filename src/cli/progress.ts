import type { SingleBar } from 'cli-progress';
import type { Progress } from '../client/transfer.ts';
import { shownSize, shownText } from './output.ts';

/** Work shorter than this shows no bar. */
const SHOWN_AFTER_MS = 1000;
/** Characters of a name in the bar's line. */
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
      .then(({ default: { Presets, SingleBar } }) => {
        this.#make = (name) => new SingleBar(options(name), Presets.shades_classic);
      })
      // Without a bar the work goes on as well.
      .catch(() => undefined);
  }
}

function options(name: string) {
  const shown = shownText(name);
  const cut = [...shown].length > NAME_MAX ? `…${[...shown].slice(1 - NAME_MAX).join('')}` : shown;
  return {
    stream: process.stderr,
    hideCursor: false,
    clearOnComplete: true,
    // Its own handlers would end the process on Ctrl-C.
    gracefulExit: false,
    format: `${cut.replace(/[{}]/g, '_')} {bar} {percentage}% {done} of {all}, {eta_formatted} left`,
  };
}
