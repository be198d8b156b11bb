/** Where in the page one is: what the part of the address behind `#` says. Moving to another peer keeps it. */

export type PeoplePart = 'accounts' | 'rights' | 'log' | 'invite' | 'peers';

export type Route =
  | {
      readonly view: 'files';
      /** Without slashes at its ends; empty: the top. */
      readonly folder: string;
      /** Path of the file whose details are open. */
      readonly open?: string;
      /** Names all over the mesh that have these words, instead of the folder. */
      readonly search?: string;
      readonly show?: 'deleted' | 'conflicts';
      /** Seconds into a film or a song. */
      readonly at?: number;
    }
  | { readonly view: 'mesh'; readonly file?: string }
  | {
      readonly view: 'people';
      readonly part: PeoplePart;
      /** Whose rights are looked at. */
      readonly path?: string;
    };

const PARTS: readonly PeoplePart[] = ['accounts', 'rights', 'log', 'invite', 'peers'];

const HOME: Route = { view: 'files', folder: '' };

/** What a hash says; whatever is no address of the page is its first view. Never throws. */
export function routeOf(hash: string): Route {
  const [place = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  const words = place
    .split('/')
    .filter((word) => word !== '')
    .map(decoded);
  const asked = new URLSearchParams(query);
  const view = words[0];
  if (view === 'mesh') {
    const file = asked.get('file');
    return file ? { view, file } : { view };
  }
  if (view === 'people') {
    const part = PARTS.find((part) => part === words[1]) ?? 'accounts';
    const path = asked.get('path');
    return part === 'rights' && path ? { view, part, path } : { view, part };
  }
  if (view !== 'files') return HOME;
  return filesRoute(words.slice(1).join('/'), asked);
}

function filesRoute(folder: string, asked: URLSearchParams): Route {
  const open = asked.get('open');
  const search = asked.get('search');
  const show = asked.get('show');
  const at = Number(asked.get('at') ?? Number.NaN);
  return {
    view: 'files',
    folder,
    ...(open && { open }),
    ...(search && { search }),
    ...((show === 'deleted' || show === 'conflicts') && { show }),
    ...(Number.isFinite(at) && at > 0 && { at }),
  };
}

/** The hash of a route: `routeOf` gives the route back. */
export function hashOf(route: Route): string {
  if (route.view === 'mesh') return route.file === undefined ? '#/mesh' : `#/mesh?${query({ file: route.file })}`;
  if (route.view === 'people')
    return `#/people/${route.part}${route.path === undefined ? '' : `?${query({ path: route.path })}`}`;
  const { folder, open, search, show, at } = route;
  const place = [
    '#/files',
    ...folder
      .split('/')
      .filter((word) => word !== '')
      .map(encodeURIComponent),
  ].join('/');
  const asked = query({ open, search, show, at: at === undefined ? undefined : String(at) });
  return asked === '' ? place : `${place}?${asked}`;
}

function query(values: Record<string, string | undefined>): string {
  const given = Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '');
  return new URLSearchParams(given).toString();
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
