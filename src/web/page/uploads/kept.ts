import { isUnfinished, type Unfinished } from '../handover.ts';

/**
 * What of uploads is remembered over a reload, and after a tab was closed: for each tab and person by itself. What a tab sends
 * is that tab's own as long as it is open.
 */

export interface KeptUpload extends Unfinished {
  readonly url?: string | undefined;
  readonly sent?: number | undefined;
}

/** Of one tab. */
export const KEPT_MAX = 100;
const KEY = 'filemesh-uploads';
const LOCK = 'filemesh-tab';
/** A tab that is there holds a lock of its name; a browser without locks knows of no other tab. */
const tab = Math.random().toString(36).slice(2);
void navigator.locks?.request(`${LOCK}/${tab}`, () => new Promise(() => undefined));

/** Of the tab of this page. `user`: the name of an account, empty where there are none. */
export function keepUploads(user: string, kept: readonly KeptUpload[]): void {
  const key = `${KEY}/${user}/${tab}`;
  try {
    if (kept.length === 0) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing: a reload begins anew.
  }
}

/**
 * Gives what this tab kept, at once, and what each other tab keeps as soon as that one is no more: the first that waits for it has it
 * from then on.
 *
 * @param isHere false: that person is here no more, and nothing is taken.
 */
export function takeLeftUploads(user: string, isHere: () => boolean, take: (left: readonly KeptUpload[]) => void): void {
  const prefix = `${KEY}/${user}/`;
  for (const key of keysOf(prefix)) {
    const other = key.slice(prefix.length);
    const takeIt = (): void => {
      const left = isHere() ? keptUnder(key) : [];
      if (left.length === 0) return;
      localStorage.removeItem(key);
      take(left);
    };
    if (other === tab || navigator.locks === undefined) takeIt();
    else void navigator.locks.request(`${LOCK}/${other}`, takeIt);
  }
}

function keysOf(prefix: string): readonly string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

function keptUnder(key: string): readonly KeptUpload[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(kept) ? kept.slice(0, KEPT_MAX).filter(isUnfinished) : [];
  } catch {
    return [];
  }
}
