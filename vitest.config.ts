import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { builtWorkers } from './test/platform/built-workers.ts';

const MACHINES = 'test/faults/**/*.test.ts';

/** The simulated meshes take longest and wait for nothing: they begin first, beside whatever else there is. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = (file: TestSpecification) => file.moduleId.endsWith('test/sim/mesh.test.ts');
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

const shared = { testTimeout: 60_000, hookTimeout: 60_000 };

// What only waits and computes shares the machine, two files at a time. Then whole meshes under faults, one file at a time:
// they time what a user would notice, and have the machine for themselves.
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        plugins: [builtWorkers()],
        test: {
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: [MACHINES],
          ...shared,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [builtWorkers()],
        test: { name: 'machines', include: [MACHINES], ...shared, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
