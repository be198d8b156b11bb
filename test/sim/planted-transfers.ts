import type { PlantedBug } from './planted-bugs.ts';

/** Of chunks, partials, batches and what lends: see PLANTED_BUGS. */
export const TRANSFER_BUGS: readonly PlantedBug[] = [
  {
    name: 'a chunk taken without its hash',
    edits: [
      {
        file: 'src/folder/staged-chunks.ts',
        find: 'if (!check.over.has(chunk) && !wrong.has(chunk)) this.#right.add(chunk);',
        replace: 'if (!check.over.has(chunk)) this.#right.add(chunk);',
      },
    ],
  },
  {
    name: 'chunks noted before they are on the disk',
    edits: [
      {
        file: 'src/folder/staging.ts',
        find: '    const row = rowOf(this.have, this.#chunks);\n    await this.#sync(file);\n',
        replace: '    await this.#sync(file);\n    const row = rowOf(this.have, this.#chunks);\n',
      },
    ],
  },
  {
    name: 'a partial taken for one of another version',
    edits: [
      {
        file: 'src/folder/staging-row.ts',
        find: "  return cut?.manifest === manifest ? Buffer.from(cut.chunks, 'base64') : undefined;",
        replace: "  return manifest.length > 0 && cut !== undefined ? Buffer.from(cut.chunks, 'base64') : undefined;",
      },
    ],
  },
  {
    name: 'bytes that two sources gave counted twice',
    edits: [
      {
        file: 'src/wire/content-fetch.ts',
        find: "    else if (piece.state === 'asked') {\n",
        replace: '    else {\n',
      },
    ],
  },
  {
    name: 'a source that lies goes on',
    edits: [
      {
        file: 'src/wire/content-fetch.ts',
        find: '      if (!wrong.has(chunk)) continue;\n',
        replace: '      if (!wrong.has(chunk) || givers.size > 0) continue;\n',
      },
    ],
  },
  {
    name: 'a file changed while it settles taken for what it was',
    edits: [
      {
        file: 'src/folder/digesting.ts',
        find: 'ahead !== undefined && isSameStat(ahead.stat, file.stat) ? await ahead.digest : undefined;',
        replace: 'ahead !== undefined && ahead.stat.size === file.stat.size ? await ahead.digest : undefined;',
      },
    ],
  },
  {
    name: 'a batch put in place before its intents are told',
    edits: [
      {
        file: 'src/folder/acts.ts',
        find: '    await queue.write(rows.map(togetherWrite));\n',
        replace: '    await queue.write([]);\n',
      },
    ],
  },
  {
    name: 'a batch told before its folders are synced',
    edits: [
      {
        file: 'test/sim/sim-disk-many.ts',
        find: 'this.#acts.syncFoldersOf(...linked.map(({ intent }) => intent.path))',
        replace: 'this.#acts.syncFoldersOf(STAGE)',
      },
    ],
  },
  {
    name: 'a batch kept without its hashes',
    edits: [
      {
        file: 'src/folder/many.ts',
        find: 'if (bytes.length !== version.size || hasher.hash(bytes) !== version.hash)',
        replace: 'if (bytes.length !== version.size && hasher.hash(bytes) !== version.hash)',
      },
    ],
  },
  {
    name: 'a run lent from another place',
    edits: [
      {
        file: 'src/folder/lent-runs.ts',
        find: 'const from = places.get(first + index);',
        replace: 'const from = places.get(index);',
      },
    ],
  },
  {
    name: 'a run that could not be lent stays staged',
    edits: [
      {
        file: 'src/folder/lent-runs.ts',
        find: '      await staging.discard();\n      throw thrown;',
        replace: '      throw thrown;',
      },
    ],
  },
  {
    name: 'what lends runs stays open',
    edits: [{ file: 'src/folder/lent-runs.ts', find: '      await copy?.close();\n', replace: '      void copy;\n' }],
  },
  {
    name: 'a run lent without its hashes',
    edits: [
      {
        file: 'src/folder/runs.ts',
        find: 'if (!(await this.#proof.isRight(',
        replace: "if (taken.kind === 'hold-runs' && !(await this.#proof.isRight(",
      },
    ],
  },
];
