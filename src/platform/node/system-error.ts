import { type ErrorCode, MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';

/** What the system's errors mean to the mesh; whatever is not listed is `failed`. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'gone',
  ENOSPC: 'full',
  EDQUOT: 'full',
  ENOTDIR: 'bad-place',
  EISDIR: 'bad-place',
  EEXIST: 'bad-place',
  ELOOP: 'bad-place',
  ENAMETOOLONG: 'bad-place',
  EINVAL: 'bad-place',
  EILSEQ: 'bad-place',
  EXDEV: 'bad-place',
  EMLINK: 'bad-place',
};

const MESSAGES: Readonly<Partial<Record<ErrorCode, string>>> = {
  gone: 'it is not there',
  full: 'the disk is full; free some space',
  'bad-place': 'that name is impossible on this disk, or a file or a link lies where a folder must be',
};

/** The system's word for what went wrong, such as ENOENT; undefined for anything else. */
export function systemCode(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** A system error as the mesh's own; a MeshError stays as it is. `doing`: such as `cannot open`. */
export function asDiskError(thrown: unknown, doing: string, path: string): Error {
  // Anything without a system code is ours already, or a defect: it keeps its own words and its stack.
  const word = systemCode(thrown);
  if (thrown instanceof MeshError || word === undefined) return thrown as Error;
  const code = CODES[word] ?? 'failed';
  return new MeshError(code, `${doing} ${quote(path)}: ${MESSAGES[code] ?? 'the disk says'} (${word})`, { cause: thrown });
}

/** The same for acts on an open descriptor, where a name cannot be at fault. */
export function asReadWriteError(thrown: unknown, doing: string, path: string): Error {
  const word = systemCode(thrown);
  if (thrown instanceof MeshError || word === undefined) return thrown as Error;
  if (CODES[word] === 'full') return asDiskError(thrown, doing, path);
  return new MeshError('failed', `${doing} ${quote(path)}: the disk says ${word}`, { cause: thrown });
}
