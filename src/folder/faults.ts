import { MeshError } from '../core/errors.ts';
import type { ActFault } from '../platform/disk.ts';

/** True for an answer of an act of many that says why it was not done. */
export function isFault(answer: object | undefined): answer is ActFault {
  return answer !== undefined && 'code' in answer;
}

export function errorOf({ code, message }: ActFault): MeshError {
  return new MeshError(code, message);
}
