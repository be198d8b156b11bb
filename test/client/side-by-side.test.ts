import { describe, expect, test } from 'vitest';
import { sideBySide } from '../../src/client/side-by-side.ts';
import { type ErrorCode, MeshError } from '../../src/core/errors.ts';

/** Work on five items, of which the second fails. */
async function withFailure(code: ErrorCode): Promise<{ begun: number[]; message: string }> {
  const begun: number[] = [];
  const work = async (item: number): Promise<number> => {
    begun.push(item);
    if (item === 2) throw new MeshError(code, 'the second fails');
    return item;
  };
  const message = await sideBySide([1, 2, 3, 4, 5], 1, work).then(String, (error: Error) => error.message);
  return { begun, message };
}

describe('work side by side', () => {
  test('keeps the order of the items', async () => {
    expect(await sideBySide([3, 1, 2], 2, async (item) => item * 2)).toEqual([6, 2, 4]);
  });

  test("one name's failure does not keep the others, and is told with what was done", async () => {
    expect(await withFailure('conflict')).toEqual({
      begun: [1, 2, 3, 4, 5],
      message: 'the second fails (4 of 5 files are done)',
    });
  });

  test('a failure that meets all stops further ones', async () => {
    expect(await withFailure('unreachable')).toEqual({ begun: [1, 2], message: 'the second fails (1 of 5 files are done)' });
  });

  test('of one item the failure is told as it is', async () => {
    const work = () => Promise.reject(new MeshError('exists', 'it is there'));
    await expect(sideBySide([1], 4, work)).rejects.toMatchObject({ code: 'exists', message: 'it is there' });
  });
});
