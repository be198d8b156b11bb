import type { FilePath } from '../../src/core/ids.ts';
import { versionKey } from '../../src/core/version.ts';
import { type Finding, pathsOf, runHashesOf, type States } from './check-state.ts';
import { type History, type Operation, short } from './history.ts';
import type { MeshPeer } from './mesh.ts';

export interface Ending {
  readonly history: History;
  readonly states: States;
  /** R of this seed. */
  readonly wanted: number;
  /** Disks lost, or put back to an earlier state, in this seed. */
  readonly losses: number;
  /** What lay in each folder under its own name when the faults stopped. */
  readonly healed: ReadonlyMap<MeshPeer, ReadonlyMap<string, string>>;
}

/** Holds a converged mesh against what people did and were told. */
export function brokenPromises(ending: Ending): Finding[] {
  const judge = new Judge(ending);
  return [...judge.lostWrites(), ...judge.returned(), ...judge.lostSaves(), ...judge.madeTwice()];
}

class Judge {
  readonly #ending: Ending;
  readonly #paths: readonly FilePath[];
  /** Contents now, by path: what any survivor sees. */
  readonly #now = new Map<string, Set<string>>();
  readonly #hasTombstone = new Set<string>();

  constructor(ending: Ending) {
    this.#ending = ending;
    this.#paths = pathsOf(ending.states);
    for (const path of this.#paths) {
      const hashes = new Set<string>();
      for (const { catalog } of ending.states.values()) {
        for (const content of catalog.view(path)?.contents ?? []) hashes.add(content.hash);
        if ((catalog.view(path)?.tombstones.length ?? 0) > 0) this.#hasTombstone.add(path);
      }
      this.#now.set(path, hashes);
    }
  }

  /** Invariants 1 to 3: every acknowledged content is there, or was replaced by somebody who had read it. */
  lostWrites(): Finding[] {
    const { history } = this.#ending;
    return history.operations
      .filter((operation) => operation.outcome === 'acknowledged' && this.#isPromised(operation))
      .flatMap((operation) => operation.effects.flatMap(({ path, makes }) => this.#lost(operation, path, makes)));
  }

  /** Invariant 3: what an acknowledged act replaced or deleted is not there again, unless somebody made it again. */
  returned(): Finding[] {
    const { history } = this.#ending;
    const findings: Finding[] = [];
    for (const operation of history.operations) {
      if (operation.outcome !== 'acknowledged' || !this.#isPromised(operation)) continue;
      for (const { path, reads, makes } of operation.effects) {
        for (const hash of reads) {
          if (hash === makes || !this.#isNow(path, hash) || this.#isMadeAgain(path, hash, operation)) continue;
          const words = `${path} ${short(hash)} was replaced by #${operation.id} (${operation.kind}) and is there again`;
          findings.push({ invariant: 3, words });
        }
      }
    }
    return findings;
  }

  /** Invariant 9: what lay in a folder when the faults stopped is in the mesh, or replaced by who had read it, or set aside. */
  lostSaves(): Finding[] {
    const findings: Finding[] = [];
    for (const [machine, plain] of this.#ending.healed) {
      for (const [path, hash] of plain) {
        if (this.#isCovered(path, hash, new Set()) || this.#isAside(hash) || this.#isUnanswered(path, hash)) continue;
        findings.push({
          invariant: 9,
          words: `${path} ${short(hash)} lay on ${machine.name} after the faults and is nowhere now`,
        });
      }
    }
    return findings;
  }

  /** Invariant 8: one request, one content, one place; and no replay is refused for what it made itself. */
  madeTwice(): Finding[] {
    return [...this.#requestsWithTwoContents(), ...this.#contentsAtForeignPaths(), ...this.#refusedForItself()];
  }

  #requestsWithTwoContents(): Finding[] {
    const made = new Map<string, Map<string, string>>();
    for (const path of this.#paths) {
      for (const { catalog } of this.#ending.states.values()) {
        for (const { version } of catalog.records(path)) {
          if (version.request === undefined) continue;
          const key = `${version.request} at ${path}`;
          const contents = made.get(key) ?? new Map<string, string>();
          made.set(key, contents.set(version.kind === 'file' ? version.hash : 'deleted', versionKey(version)));
        }
      }
    }
    const twice = [...made].filter(([, contents]) => contents.size > 1);
    return twice.map(([key, contents]) => ({
      invariant: 8,
      words: `request ${key} made ${[...contents.keys()].map(short).join(' and ')}`,
    }));
  }

  #contentsAtForeignPaths(): Finding[] {
    const { history } = this.#ending;
    const findings: Finding[] = [];
    for (const [path, hashes] of this.#now) {
      for (const hash of hashes) {
        const isSplit = history.operations.some((one) => one.kind === 'resolve-both' && one.effects[0]?.reads.includes(hash));
        if (!isSplit && history.makers(path, hash).length === 0) {
          findings.push({ invariant: 8, words: `${path} shows ${short(hash)}, which nobody put there` });
        }
      }
    }
    return findings;
  }

  #refusedForItself(): Finding[] {
    const { history } = this.#ending;
    const findings: Finding[] = [];
    for (const operation of history.operations) {
      if (operation.code !== 'exists' && operation.code !== 'overtaken') continue;
      const effect = operation.effects.at(-1);
      if (effect?.makes === undefined || !this.#isNow(effect.path, effect.makes)) continue;
      if (history.operations.some((other) => other !== operation && touches(other, operation))) continue;
      findings.push({
        invariant: 8,
        words: `#${operation.id} (${operation.kind}) was refused as ${operation.code} for what it made itself`,
      });
    }
    return findings;
  }

  /** A promise of R copies survives R−1 lost disks; one of fewer copies was told as such. */
  #isPromised(operation: Operation): boolean {
    const { losses, wanted } = this.#ending;
    return losses === 0 || (operation.copies ?? 0) >= wanted;
  }

  #lost(operation: Operation, path: string, hash: string | undefined): Finding[] {
    if (hash === undefined) return [];
    const what = `${path} ${short(hash)} of #${operation.id} (${operation.kind}, ${operation.copies} copies)`;
    if (!this.#isCovered(path, hash, new Set())) {
      const now = [...(this.#now.get(path) ?? [])].map(short).join();
      if (now !== '') return [{ invariant: 2, words: `${what} was overwritten unread by ${now}` }];
      if (this.#hasTombstone.has(path)) return [{ invariant: 3, words: `${what} was deleted by who had not read it` }];
      return [{ invariant: 1, words: `${what} is lost` }];
    }
    return this.#isNow(path, hash) && !this.#hasBytes(path, hash)
      ? [{ invariant: 1, words: `${what}: no survivor has its bytes` }]
      : [];
  }

  /** True when the content is there, or somebody who had read it replaced it by one of which the same holds. */
  #isCovered(path: string, hash: string, seen: Set<string>): boolean {
    if (this.#isNow(path, hash)) return true;
    if (seen.has(hash)) return false;
    seen.add(hash);
    return this.#ending.history.replacers(path, hash).some(({ operation, effect }) => {
      // What is refused at a replay may have been done before: it counts where it shows.
      if (effect.makes !== undefined) return this.#isCovered(path, effect.makes, seen);
      return operation.outcome === 'acknowledged' || this.#showsDelete(path, operation);
    });
  }

  /** A delete nobody was told of has left its tombstone, or a later content that follows it. */
  #showsDelete(path: string, deleting: Operation): boolean {
    if (this.#hasTombstone.has(path)) return true;
    const now = [...(this.#now.get(path) ?? [])];
    const makers = now.flatMap((hash) => this.#ending.history.makers(path, hash));
    // A file in a folder is taken in some time after it was put there, on top of what its peer knows by then.
    return makers.some((maker) => maker.outcome === 'folder' || isAfter(maker, deleting));
  }

  #isNow(path: string, hash: string): boolean {
    return this.#now.get(path)?.has(hash) === true;
  }

  /** Somebody else put it there, not before `operation` began. */
  #isMadeAgain(path: string, hash: string, operation: Operation): boolean {
    const makers = this.#ending.history.makers(path, hash);
    return makers.some((maker) => {
      if (maker === operation) return false;
      // What a backup brought back and no store knew of is a new file, whenever its peer gets round to it.
      if (maker.kind === 'restored' || isAfter(maker, operation)) return true;
      // A resolve that keeps it makes a version of its own: who read the content may not have read that one.
      return maker.effects.some((effect) => effect.path === path && effect.makes === hash && effect.reads.includes(hash));
    });
  }

  #hasBytes(path: string, hash: string): boolean {
    const states = [...this.#ending.states.values()];
    const right = runHashesOf(this.#ending.history.contents.get(hash));
    // In parts: each run on some survivor.
    if (right.length > 0 && right.every((wanted, run) => states.some(({ runs }) => runs.get(hash)?.get(run) === wanted)))
      return true;
    return [...this.#ending.states.values()].some(
      ({ plain, rooms }) => plain.get(path) === hash || rooms.get('siblings')?.has(hash as never) === true,
    );
  }

  /** Put in place for a client that was never told: an act of the peer that it may take back. */
  #isUnanswered(path: string, hash: string): boolean {
    const makers = this.#ending.history.makers(path, hash);
    return makers.length > 0 && makers.every(({ outcome }) => ['running', 'unknown', 'refused'].includes(outcome));
  }

  #isAside(hash: string): boolean {
    const rooms = ['trash', 'versions', 'siblings'];
    return [...this.#ending.states.values()].some((state) =>
      rooms.some((room) => state.rooms.get(room)?.has(hash as never) === true),
    );
  }
}

/** False only when `maker` was over before `other` began. */
function isAfter(maker: Operation, other: Operation): boolean {
  return maker.endMs === undefined || maker.endMs >= other.startMs;
}

function touches(other: Operation, operation: Operation): boolean {
  return other.effects.some((effect) => operation.effects.some((own) => own.path === effect.path && effect.makes !== undefined));
}
