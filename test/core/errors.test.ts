import { describe, expect, it } from 'vitest';
import { asMeshError, ERRORS, type ErrorCode, invariant, isErrorCode, MeshError } from '../../src/core/errors.ts';

/** Exit codes are a contract with scripts. */
const EXITS: Record<ErrorCode, number> = {
  failed: 1,
  busy: 1,
  full: 1,
  paused: 1,
  'bad-place': 1,
  changed: 1,
  protocol: 1,
  usage: 2,
  'bad-name': 2,
  'not-found': 3,
  exists: 4,
  unreachable: 5,
  unavailable: 5,
  gone: 5,
  corrupt: 5,
  timeout: 5,
  closed: 5,
  conflict: 6,
  overtaken: 6,
  'not-allowed': 7,
};

describe('the table of errors', () => {
  it('gives every code the exit code that scripts rely on', () => {
    expect(Object.fromEntries(Object.entries(ERRORS).map(([code, row]) => [code, row.exit]))).toEqual(EXITS);
  });

  it('knows its own words only', () => {
    expect(isErrorCode('full')).toBe(true);
    for (const word of ['Full', '', 'toString', '__proto__', 'constructor']) expect(isErrorCode(word)).toBe(false);
  });

  it.each(Object.keys(ERRORS) as ErrorCode[])('gives an error of code %s its advice and exit', (code) => {
    const error = new MeshError(code, 'words');
    expect([error.advice, error.exit]).toEqual([ERRORS[code].advice, ERRORS[code].exit]);
  });
});

describe('asMeshError', () => {
  it('leaves ours as they are, and makes all else `failed` with its words and cause', () => {
    const ours = new MeshError('full', 'no room');
    expect(asMeshError(ours)).toBe(ours);
    const cause = new RangeError('far');
    expect(asMeshError(cause)).toMatchObject({ code: 'failed', message: 'far', cause });
    expect(asMeshError('text')).toMatchObject({ code: 'failed', message: 'text' });
  });
});

describe('invariant', () => {
  it('throws what is broken, and nothing while it holds', () => {
    expect(() => invariant(false, 'one and one are two')).toThrow('one and one are two');
    expect(() => invariant(true, '')).not.toThrow();
  });
});
