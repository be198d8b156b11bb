import { describe, expect, it } from 'vitest';
import { Queue } from '../../src/folder/queue.ts';

describe('a queue', () => {
  it('gives back what it got, in order, however many come and go', () => {
    const queue = new Queue<number>();
    const taken: number[] = [];
    let put = 0;
    for (let round = 0; round < 200; round++) {
      for (let count = 0; count < 40; count++) queue.push(put++);
      for (let count = 0; count < 25; count++) taken.push(queue.shift() as number);
      expect(queue.length).toBe(put - taken.length);
    }
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) taken.push(item);
    expect(taken).toEqual(Array.from({ length: put }, (_, index) => index));
    expect(queue.length).toBe(0);
  });

  it('has nothing when it is empty', () => {
    const queue = new Queue<string>();
    expect(queue.shift()).toBeUndefined();
    queue.push('one');
    expect(queue.shift()).toBe('one');
    expect(queue.shift()).toBeUndefined();
    expect(queue.length).toBe(0);
  });
});
