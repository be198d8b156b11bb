import { describe, expect, it } from 'vitest';
import { roomForManifest } from '../../src/server/manifest-memory.ts';

const MIB = 1024 * 1024;
const one = (mib: number, by?: string) => ({ manifestBytes: mib * MIB, by });
const nobody = () => false;
const busy = expect.objectContaining({ code: 'busy' });

describe('manifests that are in memory', () => {
  it('have 64 MiB all together, to the byte', () => {
    const others = [one(20, 'anna'), one(20, 'bob'), one(23)];
    expect(roomForManifest(one(1), others, nobody)).toEqual([]);
    expect(() => roomForManifest({ manifestBytes: MIB + 1, by: undefined }, others, nobody)).toThrow(busy);
  });

  it('have half of that of one account, so that others find room; where nobody is told apart, all of it', () => {
    const others = [one(20, 'anna'), one(11, 'anna')];
    expect(roomForManifest(one(1, 'anna'), others, nobody)).toEqual([]);
    expect(() => roomForManifest({ manifestBytes: MIB + 1, by: 'anna' }, others, nobody)).toThrow(busy);
    expect(roomForManifest(one(20, 'bob'), others, nobody)).toEqual([]);
    expect(roomForManifest(one(20), [one(20), one(20)], nobody)).toEqual([]);
  });

  it('are let go as far as they may and as is needed, the first first', () => {
    const others = [one(0), one(10), one(30), one(24)];
    const gone = (wanted: number, mayGo = (_: object) => true) => roomForManifest(one(wanted), others, mayGo);
    expect(gone(10)).toEqual([others[1]]);
    expect(gone(11)).toEqual([others[1], others[2]]);
    expect(gone(11, (other) => other !== others[1] && other !== others[2])).toEqual([others[3]]);
    // What does not help stays.
    expect(() => gone(25, (other) => other === others[3])).toThrow(busy);
  });

  it('of one account make room for it before those of others do', () => {
    const others = [one(30, 'bob'), one(20, 'anna'), one(12, 'anna')];
    expect(roomForManifest(one(2, 'anna'), others, () => true)).toEqual([others[1]]);
    expect(roomForManifest(one(20, 'anna'), others, () => true)).toEqual([others[1]]);
  });
});
