import { MeshError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';

/** What a verb is told when its user no longer wants it. */
export function stopped(): MeshError {
  return new MeshError('failed', 'stopped: the command was called off');
}

/** Throws when the user called the verb off. */
export function checkStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw stopped();
}

/** `work`, or a rejection as soon as the user calls the verb off. What `work` does then goes on unheard. */
export function unlessStopped<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  if (signal.aborted) {
    work.catch(() => undefined);
    return Promise.reject(stopped());
  }
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(stopped());
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Resolves after `ms`. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
