import { describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import type { ContentHash, PeerId, VersionKey } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { AskingMany } from '../../src/replication/asking-many.ts';
import { codeOf } from '../server/story.ts';
import { HandClock } from './hand-clock.ts';

const TARGET = 'a'.repeat(64) as PeerId;

function askOf(name: string) {
  return { path: checkPath(name), hash: 'b'.repeat(64) as ContentHash, version: 'v' as VersionKey, size: 1, holders: [] };
}

describe('a batch that was asked for', () => {
  it('tells of each what became of it: of a late one only when it is taken, or declined after all', async () => {
    const clock = new HandClock();
    const alone: string[] = [];
    const ends = new Map<string, () => void>();
    const asking = new AskingMany(clock, {
      many: () => Promise.resolve({ declined: [{ item: 1, code: 'full' }], late: [2, 3] }),
      one: (_, { path }) => {
        alone.push(path);
        return new Promise((resolve, reject) => {
          ends.set(path, path === 'late and taken' ? resolve : () => reject(new MeshError('bad-place', 'not here')));
        });
      },
    });
    const told: [string, unknown][] = [];
    const names = ['taken', 'declined', 'late and taken', 'late and declined'];
    const asked = names.map(async (name) => told.push([name, await codeOf(asking.ask(TARGET, askOf(name)))]));
    await clock.pass(10);
    expect(told.sort()).toEqual([
      ['declined', 'full'],
      ['taken', undefined],
    ]);
    // By themselves, which joins what the taker is doing.
    expect(alone).toEqual(['late and taken', 'late and declined']);
    for (const end of ends.values()) end();
    await Promise.all(asked);
    expect(told.slice(2).sort()).toEqual([
      ['late and declined', 'bad-place'],
      ['late and taken', undefined],
    ]);
  });
});
