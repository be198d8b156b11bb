import { invariant } from '../core/errors.ts';
import type { FilePath, RequestId } from '../core/ids.ts';
import type { Version } from '../core/version.ts';
import type { Acts } from './acts.ts';
import { ChangePlan } from './change-plan.ts';
import type { Step } from './face.ts';
import type { Room } from './room.ts';
import { lockOf } from './runs-upkeep.ts';
import type { Stagings } from './stagings.ts';

/** Changes by clients: all steps of one are one act. */
export class Making {
  readonly #room: Room;
  readonly #acts: Acts;
  readonly #stagings: Stagings;

  constructor(room: Room, acts: Acts, stagings: Stagings) {
    this.#room = room;
    this.#acts = acts;
    this.#stagings = stagings;
  }

  /** See Folder.make. */
  async make(request: RequestId, steps: readonly Step[]): Promise<Version[]> {
    this.#room.assertOpen();
    const locksOfAll = () => steps.flatMap((step) => this.#locksOf(step));
    const locks = locksOfAll();
    const made = await this.#room.locks.with(locks, async () => {
      // The first run of a content may have come while its path was waited for.
      const isLocked = locksOfAll().every((lock) => locks.includes(lock));
      return isLocked ? await this.#makeLocked(request, steps) : undefined;
    });
    return made ?? (await this.make(request, steps));
  }

  #locksOf(step: Step): FilePath[] {
    if (step.kind === 'copy') return [step.path, step.from];
    if (step.kind === 'stripe') return [step.path, lockOf(step.facts.hash)];
    const striped = step.kind === 'bury' ? this.#room.runs.recordsOf(this.#room.options.ledger, step.path) : [];
    return [step.path, ...striped.map(({ version }) => lockOf(version.hash))];
  }

  async #makeLocked(request: RequestId, steps: readonly Step[]): Promise<Version[]> {
    const plan = new ChangePlan(this.#room, this.#stagings, request, steps);
    let made: readonly (Version | undefined)[];
    try {
      await plan.draw();
      made = await this.#acts.run(plan.act());
    } catch (thrown) {
      await plan.discardCopies();
      throw thrown;
    }
    await plan.finish();
    return plan.results.map((index) => {
      const version = made[index];
      invariant(version !== undefined, 'every step of a change has a version');
      return version;
    });
  }
}
