import type { Interface } from 'node:readline';

/** The lines a person types, kept until they are asked for: also what was typed while a verb ran. */
export class TypedLines {
  readonly #waiting: string[] = [];
  #wake: (() => void) | undefined;
  #isOver = false;

  constructor(terminal: Interface) {
    terminal.on('line', (text) => {
      this.#waiting.push(text);
      this.#wake?.();
    });
    terminal.on('close', () => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  /** The next line; undefined when there will be none. */
  async next(): Promise<string | undefined> {
    while (this.#waiting.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#waiting.shift();
  }
}
