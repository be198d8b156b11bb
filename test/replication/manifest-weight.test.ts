import { describe, expect, it } from 'vitest';
import { MANIFESTS_WEIGHT_MAX, manifestWeight } from '../../src/replication/manifest-weight.ts';

describe('what a manifest weighs', () => {
  it('is one up to hundreds of GB, and lets three of several TB be in memory at once', () => {
    expect([0, 1e6, 1e9, 7e11].map(manifestWeight)).toEqual([1, 1, 1, 1]);
    const weight = manifestWeight(4e12);
    expect([2, 3].map((count) => count * weight <= MANIFESTS_WEIGHT_MAX)).toEqual([true, true]);
    expect(4 * weight).toBeGreaterThan(MANIFESTS_WEIGHT_MAX);
  });
});
