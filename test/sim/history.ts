import type { Scheduler } from './scheduler.ts';

/** What one act does to one path: it replaces the contents its maker had read there by another, or by nothing. */
export interface Effect {
  readonly path: string;
  /** Hashes of the contents its maker saw there. */
  readonly reads: readonly string[];
  /** Hash of what is there afterwards; undefined: nothing. */
  readonly makes: string | undefined;
}

export type OperationKind =
  | 'create'
  | 'put'
  | 'delete'
  | 'rename'
  | 'resolve'
  | 'resolve-both'
  | 'drop'
  | 'save'
  | 'folder-delete'
  | 'folder-rename'
  | 'crash'
  | 'restored';

/** `folder`: a person's act in a folder, promised to nobody; `unknown`: no answer came, it may have happened. */
export type Outcome = 'running' | 'acknowledged' | 'refused' | 'unknown' | 'folder';

/** One thing somebody did, or asked for. */
export interface Operation {
  readonly id: number;
  readonly who: string;
  readonly kind: OperationKind;
  readonly effects: Effect[];
  readonly startMs: number;
  endMs: number | undefined;
  outcome: Outcome;
  /** Error code of a refusal. */
  code: string | undefined;
  /** Copies told with the acknowledgement. */
  copies: number | undefined;
}

/** What was asked, acknowledged and refused in one seed: the truth that the mesh is held against. */
export class History {
  readonly operations: Operation[] = [];
  /** Every content that was ever complete. */
  readonly contents = new Map<string, Uint8Array>();
  /** Called with every operation as it is acknowledged, within the same event. */
  onAcknowledged: (operation: Operation) => void = () => {};
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  begin(who: string, kind: OperationKind, effects: readonly Effect[]): Operation {
    const operation: Operation = {
      id: this.operations.length + 1,
      who,
      kind,
      effects: [...effects],
      startMs: this.#scheduler.nowMs,
      endMs: undefined,
      outcome: 'running',
      code: undefined,
      copies: undefined,
    };
    this.operations.push(operation);
    const said = effects.map(({ path, reads, makes }) => `${path} ${reads.map(short)}>${short(makes)}`).join(' & ');
    this.#tell(operation, `asks ${kind} ${said}`);
    return operation;
  }

  end(operation: Operation, outcome: Outcome, detail: { code?: string; copies?: number; note?: string | undefined } = {}): void {
    operation.outcome = outcome;
    operation.endMs = this.#scheduler.nowMs;
    operation.code = detail.code;
    operation.copies = detail.copies;
    this.#tell(operation, `${outcome} ${detail.code ?? ''} ${detail.copies ?? ''} ${detail.note ?? ''}`);
    if (outcome === 'acknowledged') this.onAcknowledged(operation);
  }

  /** A person's act in a folder: done when it is told. */
  folder(who: string, kind: OperationKind, effects: readonly Effect[]): void {
    const operation = this.begin(who, kind, effects);
    operation.outcome = 'folder';
    operation.endMs = this.#scheduler.nowMs;
  }

  count(outcome: Outcome): number {
    return this.operations.filter((one) => one.outcome === outcome).length;
  }

  /** All that made `hash` at `path`. */
  makers(path: string, hash: string): Operation[] {
    return this.operations.filter(({ effects }) => effects.some((effect) => effect.path === path && effect.makes === hash));
  }

  /** All that read `hash` at `path` and put something else, or nothing, there. */
  replacers(path: string, hash: string): { operation: Operation; effect: Effect }[] {
    return this.operations.flatMap((operation) =>
      operation.effects
        .filter((effect) => effect.path === path && effect.makes !== hash && effect.reads.includes(hash))
        .map((effect) => ({ operation, effect })),
    );
  }

  #tell(operation: Operation, what: string): void {
    this.#scheduler.trace.line(this.#scheduler.nowMs, operation.who, `#${operation.id} ${what}`);
  }
}

export function short(hash: string | undefined): string {
  return hash?.slice(0, 6) ?? '-';
}
