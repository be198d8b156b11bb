import { asMeshError } from '../../core/errors.ts';
import type { ActFault, DiskPath } from '../disk.ts';
import { asReadWriteError } from './system-error.ts';

export function isFault(answer: unknown): answer is ActFault {
  return typeof answer === 'object' && answer !== null && 'code' in answer;
}

export function asFault(thrown: unknown): ActFault {
  const { code, message } = asMeshError(thrown);
  return { code, message };
}

/** What one of many gives, or why it does not. */
export async function orFault<Given>(act: () => Promise<Given>, asError: (thrown: unknown) => Error): Promise<Given | ActFault> {
  try {
    return await act();
  } catch (thrown) {
    return asFault(asError(thrown));
  }
}

export async function faultOf(act: () => Promise<void>, path: DiskPath): Promise<ActFault | undefined> {
  try {
    await act();
    return undefined;
  } catch (thrown) {
    return asFault(asReadWriteError(thrown, 'cannot make durable', path));
  }
}
