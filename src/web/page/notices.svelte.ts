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
    setTimeout(() => this.dismiss(id), notice.isBad ? SHOWN_BAD_MS : SHOWN_MS);
  }
}

export const notices = new Notices();
