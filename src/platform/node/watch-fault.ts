import { MeshError } from '../../core/errors.ts';
import { systemCode } from './system-error.ts';

/** For a person: what it means that a directory could not be watched. */
export function watchFault(thrown: unknown): string {
  const code = systemCode(thrown);
  return code === 'ENOSPC' || code === 'EMFILE'
    ? "the system's limit of file watches is reached: changes are found by scans only (raise fs.inotify.max_user_watches)"
    : `some changes are found by scans only: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
}

/** For the caller of `watchRoot`: why the root cannot be watched. */
export function notWatchable(reason: string): MeshError {
  return new MeshError('failed', `cannot watch the folder: ${reason}`);
}
