/** What just happened, in a line at the bottom, with a way back where there is one. */

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly isBad: boolean;
  readonly undo?: () => Promise<void>;
}

/** Long enough to read it and to reach for "Undo"; longer for what went wrong. */
const SHOWN_MS = 8_000;
const SHOWN_BAD_MS = 20_000;
/** What is under the pointer or has the keys is looked at again after so long. */
const HELD_MS = 2_000;
/** More would cover what one works on: the oldest goes. */
const NOTICES_MAX = 3;

class Notices {
  list = $state<readonly Notice[]>([]);
  #next = 1;

  tell(text: string, undo?: () => Promise<void>): void {
    this.#add({ id: 0, text, isBad: false, ...(undo && { undo }) });
  }

  /** Something went wrong. */
  warn(text: string): void {
    this.#add({ id: 0, text, isBad: true });
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  #add(notice: Notice): void {
    const id = this.#next++;
    this.list = [...this.list, { ...notice, id }].slice(-NOTICES_MAX);
    this.#dismissAfter(id, notice.isBad ? SHOWN_BAD_MS : SHOWN_MS);
  }

  #dismissAfter(id: number, ms: number): void {
    setTimeout(() => (isHeld() ? this.#dismissAfter(id, HELD_MS) : this.dismiss(id)), ms);
  }
}

/** The pointer or the keys are on them: none goes by itself. */
function isHeld(): boolean {
  return document.querySelector('.notices:is(:hover, :focus-within)') !== null;
}

export const notices = new Notices();
