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

/** What this tab kept, and what tabs left that are no more: whoever asks first has it from then on. */
export async function takeLeftUploads(user: string): Promise<readonly KeptUpload[]> {
  const others = await otherTabs();
  const left: KeptUpload[] = [];
  try {
    const prefix = `${KEY}/${user}/`;
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(prefix) || others.has(key.slice(prefix.length))) continue;
      left.push(...keptUnder(key));
      localStorage.removeItem(key);
    }
  } catch {
    // The same.
  }
  return left;
}

async function otherTabs(): Promise<ReadonlySet<string>> {
  const { held = [], pending = [] } = (await navigator.locks?.query()) ?? {};
  const names = [...held, ...pending].map(({ name = '' }) => name).filter((name) => name.startsWith(`${LOCK}/`));
  return new Set(names.map((name) => name.slice(LOCK.length + 1)).filter((other) => other !== tab));
}

function keptUnder(key: string): readonly KeptUpload[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(kept) ? kept.slice(0, KEPT_MAX).filter(isUnfinished) : [];
  } catch {
    return [];
  }
}
