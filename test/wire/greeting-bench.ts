import type { MeshError } from '../../src/core/errors.ts';
import { type Greeted, type GreetingOptions, greet, type Standing } from '../../src/wire/greeting.ts';
import { type End, LinkBench } from './link-bench.ts';

/** What one end knows before the greeting. */
export type Knowing = Partial<Pick<GreetingOptions, 'role' | 'accepts'>> & {
  readonly secrets?: readonly (readonly [number, string])[];
  readonly standing?: Standing;
};

/** How a greeting ended: who is there, or the code of the error. */
export type Outcome = Greeted | string;

export const right = [[1, 'the right secret']] as const;

/** Two machines that greet. */
export class GreetingBench extends LinkBench {
  readonly alpha: End;
  readonly bravo: End;

  constructor() {
    super('greeting');
    this.alpha = this.end('alpha');
    this.bravo = this.end('bravo');
  }

  options(end: End, { role = 'peer', secrets = [], standing = 'unknown', accepts }: Knowing): GreetingOptions {
    return {
      role,
      instance: (end === this.alpha ? 'a' : 'b').repeat(16),
      secrets: () => secrets.map(([generation, secret]) => ({ generation, secret })),
      standing: () => standing,
      clock: end.clock,
      ...(accepts && { accepts }),
    };
  }

  async greetBoth(knowAlpha: Knowing, knowBravo: Knowing): Promise<[Outcome, Outcome]> {
    const { near, far } = await this.pipes(this.alpha, this.bravo);
    const first = outcomeOf(greet(near, this.options(this.alpha, knowAlpha)));
    const second = outcomeOf(greet(far, this.options(this.bravo, knowBravo)));
    return this.settle(Promise.all([first, second]));
  }
}

export function outcomeOf(greeting: Promise<Greeted>): Promise<Outcome> {
  return greeting.catch((error: MeshError) => error.code);
}
