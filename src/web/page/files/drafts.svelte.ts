import { SvelteMap } from 'svelte/reactivity';

/** Texts that were typed and not saved yet: whatever one looks at meanwhile, and whoever else saves, they stay. */

interface Draft {
  readonly text: string;
  /** What it was begun from, and its version. */
  readonly original: string;
  readonly base: string;
  /** What ends its lines where it is stored. */
  readonly lineEnd: string;
}

class Drafts {
  readonly #texts = new SvelteMap<string, Draft>();
  /** Something would be lost with the page. */
  isAnyDirty = $derived([...this.#texts.values()].some(({ text, original }) => text !== original));

  constructor() {
    addEventListener('beforeunload', (event) => {
      if (this.isAnyDirty) event.preventDefault();
    });
  }

  of(path: string): Draft | undefined {
    return this.#texts.get(path);
  }

  set(path: string, draft: Draft): void {
    this.#texts.set(path, draft);
  }

  drop(path: string): void {
    this.#texts.delete(path);
  }
}

export const drafts = new Drafts();
