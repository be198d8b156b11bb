import { MeshError } from './errors.ts';
import type { FilePath } from './ids.ts';

/** Bytes of UTF-8 of one component: what ext4, APFS and NTFS can all name. */
export const COMPONENT_BYTES_MAX = 255;
/** Bytes of UTF-8 of a whole path: a quarter of Linux' PATH_MAX, so that any folder can lie above it. */
export const PATH_BYTES_MAX = 1024;
/**
 * The one name that is never a file of the mesh: the program's own in the shared folder, and that of another peer, with
 * its keys, in whatever folder below it.
 */
export const PRIVATE_FOLDER = '.filemesh';
/** Patterns of what is left out of the mesh, at the top of a folder: each machine's own, and never a file of the mesh. */
export const IGNORE_FILE = '.filemeshignore';
/** A download stages beside its target under this and 16 or twice 16 hex digits: half a file, which is nobody's, in a shared folder too. */
export const DOWNLOAD_PREFIX = `${PRIVATE_FOLDER}-`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
// Marks that reorder text on a screen, so that a name shows other than it is (Unicode TR 36, CVE-2021-42574).
const BIDIRECTIONAL = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const RESERVED = /^(con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]|conin\$|conout\$)(\..*)?$/i;
const DRIVE = /^[a-z]:/i;
const NOT_ASCII = /[\u0080-\uffff]/;
const DOWNLOAD = new RegExp(`^\\${DOWNLOAD_PREFIX}[0-9a-f]{16}(-[0-9a-f]{16})?$`);

/**
 * The one checker of names, used at every door: command line, wire and disk. Returns the path in NFC, or throws
 * `bad-name` with a message that names the rule.
 */
export function checkPath(text: string): FilePath {
  const fault = faultOfPath(text);
  if (fault !== undefined) throw new MeshError('bad-name', `the name ${quote(text)} cannot be kept: ${fault}`);
  return text.normalize('NFC') as FilePath;
}

/** The path of a file or folder as a person names it: a folder may have a slash at its end. Throws as `checkPath` does. */
export function pathNamed(text: string): FilePath {
  return checkPath(text.replace(/\/+$/, ''));
}

/** Why `text` is no path of the mesh, in a few words; undefined when it is one. `text` need not be NFC. */
export function faultOfPath(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text.length > PATH_BYTES_MAX) return `it is longer than ${PATH_BYTES_MAX} bytes`;
  if (!text.isWellFormed()) return 'it is no valid Unicode';
  const path = isComposed(text) ? text : text.normalize('NFC');
  if (utf8Bytes(path) > PATH_BYTES_MAX) return `it is longer than ${PATH_BYTES_MAX} bytes`;
  if (path.startsWith('/')) return 'it must be relative';
  if (DRIVE.test(path)) return 'it names a drive';
  for (const component of path.split('/')) {
    const fault = faultOfComponent(component);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** True when `text` is in NFC. Most names are ASCII, and nothing has to be composed to see that. */
export function isComposed(text: string): boolean {
  return !NOT_ASCII.test(text) || text.normalize('NFC') === text;
}

/** True for the private folder of this peer or of another one, however it is written. */
export function isPrivate(component: string): boolean {
  return component.toLowerCase() === PRIVATE_FOLDER;
}

/** True for the file of patterns, in whatever case: some disks find it by any. */
export function isIgnoreFile(path: string): boolean {
  return path.length === IGNORE_FILE.length && foldCase(path) === IGNORE_FILE;
}

/** Throws `bad-name` where a client may store nothing. What an older program stored there can be deleted and renamed. */
export function assertStorable(path: FilePath): void {
  if (!isIgnoreFile(path)) return;
  const how = `it is each machine's own, and is written in its folder`;
  throw new MeshError('bad-name', `the name ${quote(path)} cannot be kept at the top of the mesh: ${how}`);
}

function faultOfComponent(component: string): string | undefined {
  if (component === '') return 'it has an empty part';
  if (component === '.' || component === '..') return `it has the part ${quote(component)}`;
  if (CONTROL.test(component)) return 'it has a control character';
  if (BIDIRECTIONAL.test(component)) return 'it has a character that reverses text';
  if (component.includes('\\')) return 'it has a backslash';
  if (component.endsWith('.') || component.endsWith(' ')) return 'a part of it ends in a dot or a space';
  if (isPrivate(component)) return `${PRIVATE_FOLDER} belongs to the program`;
  if (DOWNLOAD.test(component)) return 'it is a download under way, or the rest of one';
  if (RESERVED.test(component)) return `${quote(component)} is a reserved name on other systems`;
  if (utf8Bytes(component) > COMPONENT_BYTES_MAX) return `a part of it is longer than ${COMPONENT_BYTES_MAX} bytes`;
  return undefined;
}

/** What a sealed file's name ends with, for every program that opens such files. */
export const SEALED_SUFFIX = '.age';

/** True for the name of a sealed file: what is in it says whether it is one. */
export function isSealedName(path: string): boolean {
  return path.endsWith(SEALED_SUFFIX) && baseName(path).length > SEALED_SUFFIX.length;
}

/**
 * Two names with one fold are the same name on a disk that ignores case: full case folding, by way of upper case. Lower case comes
 * first for U+1E9E, whose upper case is itself and not that of its lower case, and NFC last, for not every case of a name is in it.
 */
export function foldCase(path: string): string {
  const lower = path.toLowerCase();
  return NOT_ASCII.test(path) ? lower.toUpperCase().toLowerCase().normalize('NFC') : lower;
}

/** `a/b/c` → `a/b`; `''` for a path without folder. */
export function folderOf(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut < 0 ? '' : path.slice(0, cut);
}

/** `a/b/c` → `c`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The folders a path lies in, outermost first: `a/b/c` → [`a`, `a/b`]. */
export function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let cut = path.indexOf('/'); cut >= 0; cut = path.indexOf('/', cut + 1)) folders.push(path.slice(0, cut));
  return folders;
}

/** UTF-8 length without encoding: every room counts names this way. */
export function utf8Bytes(text: string): number {
  if (!NOT_ASCII.test(text)) return text.length;
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** A name fit for a message: JSON quotes and escapes, cut at 80 characters. */
export function quote(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return JSON.stringify(shown).replace(/[\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?');
}
