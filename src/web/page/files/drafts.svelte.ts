import { SvelteMap } from 'svelte/reactivity';
import { renamedPath } from '../paths.ts';

/** Texts that were typed and not saved yet: whatever one looks at meanwhile, and whoever else saves, they stay. */

interface Draft {
  /** The same whatever is typed, and wherever it moves. */
  readonly id: symbol;
  readonly text: string;
  /** What it was begun from, and its version. */
  readonly original: string;
  readonly base: string;
  /** What ends its lines where it is stored. */
  readonly lineEnd: string;
}

class Drafts {
  readonly #texts = new SvelteMap<string, Draft>();
  /** Whose they are: the name of an account, empty where there are none; undefined: nobody is here yet. */
  #user: string | undefined;
  /** Something would be lost with the page. */
  isAnyDirty = $derived([...this.#texts.keys()].some((path) => this.isDirty(path)));

  constructor() {
    addEventListener('beforeunload', (event) => {
      if (this.isAnyDirty) event.preventDefault();
    });
  }

  /** Somebody is here: what another one typed is not theirs to see. */
  recall(user: string): void {
    if (this.#user !== undefined && this.#user !== '' && this.#user !== user) this.#texts.clear();
    this.#user = user;
  }

  of(path: string): Draft | undefined {
    return this.#texts.get(path);
  }

  /** Where it is now; undefined: it was saved, or thrown away. */
  pathOf(id: symbol): string | undefined {
    return [...this.#texts].find(([, draft]) => draft.id === id)?.[0];
  }

  /** Something was typed there that is not saved. */
  isDirty(path: string): boolean {
    const draft = this.of(path);
    return draft !== undefined && draft.text !== draft.original;
  }

  set(path: string, draft: Draft): void {
    this.#texts.set(path, draft);
  }

  drop(path: string): void {
    this.#texts.delete(path);
  }

  /** What they are of has another name now: a file, or a folder with all below it. */
  move(from: string, to: string): void {
    for (const [path, draft] of [...this.#texts]) {
      const next = renamedPath(path, from, to);
      if (next === undefined) continue;
      this.#texts.delete(path);
      this.#texts.set(next, draft);
    }
  }
}

export const drafts = new Drafts();
