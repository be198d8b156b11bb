import { TRANSFER_BUGS } from './planted-transfers.ts';

/** One change of a source text; `find` must be there exactly once. */
interface Mutation {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A defect that the suite must catch: a check that misses its bug is the thing to fix. */
export interface PlantedBug {
  readonly name: string;
  readonly edits: readonly Mutation[];
}

/** Applied to a copy of the sources, never to the working tree; the product has no hooks for them. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'no fsync',
    edits: [
      { file: 'src/folder/staging.ts', find: '      await file.sync();\n', replace: '' },
      {
        file: 'test/sim/sim-disk-commit.ts',
        find: '    if (staged !== undefined) await this.#syncStaged(staged);\n',
        replace: '    if (staged === aside) await this.#syncStaged(staged);\n',
      },
    ],
  },
  {
    name: 'acknowledgement before durable',
    edits: [
      {
        file: 'src/catalog/catalog.ts',
        find: 'if (batch.writes.length > 0) await this.#store.batch(batch.writes);',
        replace: 'if (batch.writes.length > 0) this.#store.batch(batch.writes).catch(() => undefined);',
      },
    ],
  },
  {
    name: 'last writer wins',
    edits: [
      {
        file: 'src/core/version.ts',
        find: '  if (isCovered || covered) return isCovered && (!covered || byVersionKey(a, b) < 0);\n',
        replace:
          '  if (isCovered || covered) return isCovered;\n  if (a.modifiedMs !== b.modifiedMs) return a.modifiedMs < b.modifiedMs;\n',
      },
    ],
  },
  {
    name: 'no tombstone',
    edits: [
      {
        file: 'src/core/namespace.ts',
        find: 'undominated(byPeer.map((record) => record.version))',
        replace: "undominated(byPeer.map((record) => record.version).filter((version) => version.kind === 'file'))",
      },
    ],
  },
  {
    name: 'tombstone only at the deleter',
    edits: [
      {
        file: 'src/folder/effects.ts',
        find: 'if (by !== undefined && !isRecorded) this',
        replace: "if (by?.kind === 'file' && !isRecorded) this",
      },
      {
        file: 'src/replication/holding.ts',
        find: "if (!isThere) transaction.put({ path, version: by, holding: 'none' });",
        replace: '',
      },
      { file: 'src/catalog/replacement.ts', find: "own.put({ path, version, holding: 'none' });", replace: 'continue;' },
    ],
  },
  {
    name: 'no scan',
    edits: [
      {
        file: 'src/folder/scanning.ts',
        find: 'const delayMs = isWaiting ? Math.max(config.settleMs, this.#lastTookMs, 1) : restMs;',
        replace: 'const delayMs = isWaiting ? Math.max(config.settleMs, this.#lastTookMs, 1) : restMs * 1000;',
      },
    ],
  },
  {
    name: 'no anti-entropy',
    edits: [
      {
        file: 'src/gossip/gossip.ts',
        find: 'conversations[random.integer(conversations.length)]?.exchange();',
        replace: 'random.integer(conversations.length);',
      },
    ],
  },
  {
    name: 'no compare-and-swap',
    edits: [
      {
        file: 'test/sim/sim-disk-commit.ts',
        find: 'if (this.#intent.replaces !== undefined && !isSameContent(await this.#stat(aside), this.#intent.replaces))',
        replace: 'if (this.#intent.replaces !== undefined && (await this.#stat(aside)) === undefined)',
      },
      {
        file: 'src/folder/asides.ts',
        find: 'if (stat === undefined || (aside.replaces !== undefined && isSameFile(stat, aside.replaces))) return watched;',
        replace: 'if (stat === undefined || aside.replaces !== undefined) return watched;',
      },
    ],
  },
  {
    name: 'a larger counter taken for descent',
    edits: [
      {
        file: 'src/core/version.ts',
        find: 'return seen >= newest && newest < counter;',
        replace: 'return (seen >= newest || true) && newest < counter;',
      },
    ],
  },
  {
    name: 'an owner that has not caught up',
    edits: [
      {
        file: 'src/catalog/peer-table.ts',
        find: 'this.isServing(one.id) && one.caughtUp)',
        replace: 'this.isServing(one.id))',
      },
    ],
  },
  {
    name: 'no intents across a crash',
    edits: [
      {
        file: 'src/folder/acts.ts',
        find: "        for (const act of row.phase === 'acting' ? [row.act] : row.acts) await this.#finish(act);\n",
        replace: '',
      },
    ],
  },
  {
    name: 'a folder edit based on the namespace',
    edits: [
      {
        file: 'src/folder/descent.ts',
        find: "if (held.length > 0) return { kind: 'new', base: united([...baseOfHeld(view, held), ...same]) };",
        replace: "if (held.length > 0) return { kind: 'new', base: (view?.known ?? []).map((one) => one.version) };",
      },
    ],
  },
  {
    name: 'replay without request id',
    edits: [
      {
        file: 'src/client/verbs/upload.ts',
        find: '      request: this.#request,\n      change:',
        replace: '      request: this.#session.newRequest(),\n      change:',
      },
    ],
  },
  {
    name: 'a failed sync asked again and trusted',
    edits: [{ file: 'src/folder/staging.ts', find: '      this.#fault = asMeshError(thrown);\n', replace: '' }],
  },
  {
    name: 'an act on whatever is mounted',
    edits: [
      {
        file: 'src/folder/acts.ts',
        find: '      if (!(await this.#room.belief.isItself())) this.#room.belief.assert();\n      return',
        replace: '      return',
      },
    ],
  },
  {
    name: 'a run taken without its hashes',
    edits: [
      {
        file: 'src/folder/runs-proof.ts',
        find: '      return wanted.equals(hashes);',
        replace: '      return hashes.length >= 0;',
      },
    ],
  },
  {
    name: 'a run placed twice on one peer',
    edits: [
      {
        file: 'src/core/stripe-plan.ts',
        find: '!one.has.has(run) && hasRoom',
        replace: 'hasRoom',
      },
    ],
  },
  {
    name: 'a copy counted by its most frequent run',
    edits: [{ file: 'src/core/striping.ts', find: 'Math.min(...copiesOfRuns', replace: 'Math.max(...copiesOfRuns' }],
  },
  {
    name: 'runs given up with one of their names',
    edits: [
      {
        file: 'src/folder/effects.ts',
        find: '    const paths = held.paths.filter((one) => one !== path);\n',
        replace: '    const paths: typeof held.paths = [];\n',
      },
    ],
  },
  ...TRANSFER_BUGS,
  {
    name: 'clients that nobody looks at',
    edits: [{ file: 'src/server/server.ts', find: '&& people.hasAccounts()) check', replace: '&& people === undefined) check' }],
  },
];
