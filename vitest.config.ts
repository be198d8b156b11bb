import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { builtWorkers } from './test/platform/built-workers.ts';

/** Whole meshes that are struck, or held to a time: what else runs beside them would be seen in what they show. */
const STRUCK = ['all-killed', 'churn', 'crowd', 'failover', 'folder-lies', 'guessing', 'partition', 'slow-senders'].map(
  (name) => `test/faults/${name}.test.ts`,
);

/** The simulated meshes take longest and wait for nothing: they begin first, beside whatever else there is. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = (file: TestSpecification) => file.moduleId.endsWith('test/sim/mesh.test.ts');
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

// On a busy machine a thing comes later, not otherwise. What is waited for has a minute: as in test/faults/process.ts.
const shared = { testTimeout: 180_000, hookTimeout: 180_000, expect: { poll: { timeout: 60_000 } } };

// What only waits and computes shares the machine, two files at a time, hosts that nobody strikes among it. Then the struck
// ones, one file at a time: they time what a user would notice, and have the machine for themselves.
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        plugins: [builtWorkers()],
        test: {
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: STRUCK,
          ...shared,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [builtWorkers()],
        test: { name: 'machines', include: STRUCK, ...shared, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
