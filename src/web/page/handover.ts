import { hashOf, type Route } from './routes.ts';

/**
 * What goes along to the page of another peer, in the part of the address that no server is told. Anybody can make such an
 * address, and addresses are kept in histories: so no secret is in it, and whoever gets it looks first where it comes from.
 */

/** An upload that was cut short, for which the file is asked again. */
export interface Unfinished {
  readonly path: string;
  readonly size: number;
  /** Wall milliseconds. */
  readonly modified: number;
}

export interface Handover {
  readonly unfinished: readonly Unfinished[];
}

const UNFINISHED_MAX = 50;
/** An address that is longer is cut by some browsers. */
const CHARACTERS_MAX = 30_000;

/** The whole address: `http` is that of the other page. */
export function handoverUrl(http: string, route: Route, handover: Handover): string {
  const hash = hashOf(route);
  const unfinished = [...handover.unfinished].slice(0, UNFINISHED_MAX);
  let carried = '';
  do carried = encodeURIComponent(JSON.stringify({ unfinished }));
  while (carried.length > CHARACTERS_MAX && unfinished.pop() !== undefined);
  return `${http}/${hash}${hash.includes('?') ? '&' : '?'}handover=${carried}`;
}

/** What a hash brings along; undefined: nothing, or nothing that makes sense. */
export function handoverOf(hash: string): Handover | undefined {
  const carried = new URLSearchParams(hash.split('?', 2)[1] ?? '').get('handover');
  if (carried === null || carried.length > CHARACTERS_MAX) return undefined;
  try {
    const { unfinished } = JSON.parse(carried) as Record<string, unknown>;
    if (!Array.isArray(unfinished)) return undefined;
    return { unfinished: unfinished.filter(isUnfinished).slice(0, UNFINISHED_MAX) };
  } catch {
    return undefined;
  }
}

export function isUnfinished(item: unknown): item is Unfinished {
  const { path, size, modified } = (item ?? {}) as Partial<Record<keyof Unfinished, unknown>>;
  return typeof path === 'string' && path.length > 0 && Number.isSafeInteger(size) && Number.isSafeInteger(modified);
}
