/** Paths of the mesh as the page uses them: `/` between parts, none at the ends. */

/** The last part. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** All but the last part; empty at the top. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** Where a name leads that a person typed in a folder: below it, or from the top when it begins with a slash. */
export function typedPath(folder: string, text: string): string {
  const name = text.trim();
  return name.startsWith('/') ? name.slice(1) : joined(folder, name);
}

/** What a path is once `from`, a file or a folder, is `to`; undefined: as before. */
export function renamedPath(path: string, from: string, to: string): string | undefined {
  return path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : undefined;
}

/** Where the bytes of a file are: for links, pictures and films. */
export function fileUrl(path: string, asked: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(asked).toString().replace(/=(&|$)/g, '$1');
  return `/files/${path.split('/').map(encodeURIComponent).join('/')}${query === '' ? '' : `?${query}`}`;
}

/** `film.mp4` → `film (mine).mp4`. */
export function besideName(path: string, word: string): string {
  const name = nameOf(path);
  const dot = name.lastIndexOf('.');
  const [stem, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  return joined(folderOf(path), `${stem} (${word})${end}`);
}
