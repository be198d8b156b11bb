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
        find: '    await queue.write(rows);\n',
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
  {
    name: 'a batch waits for its late ones',
    edits: [
      {
        file: 'src/replication/taking-many.ts',
        find: 'await this.#soon(Promise.all(single));',
        replace: 'await Promise.all(single);',
      },
    ],
  },
  {
    name: 'late ones that nobody is told of',
    edits: [
      {
        file: 'src/replication/taking-many.ts',
        find: '...(left.size > 0 && { late: [...left] })',
        replace: '...(left.size > items.length && { late: [...left] })',
      },
    ],
  },
  {
    name: 'a late one taken for kept',
    edits: [
      {
        file: 'src/replication/asking-many.ts',
        find: 'if (stragglers.has(index)) this.#send.one(target, one.ask).then(one.taken, one.declined);',
        replace: 'if (stragglers.has(index)) one.taken();',
      },
    ],
  },
  {
    name: 'a late one fetched once more',
    edits: [
      {
        file: 'src/replication/taking.ts',
        find: '    if (running !== undefined) return running;\n',
        replace: '    void running;\n',
      },
    ],
  },
  {
    name: 'equal contents sent for each name of a batch',
    edits: [
      {
        file: 'src/replication/taking-many.ts',
        find: '[...new Map(some.map(({ item: { path, hash } }) => [hash, { path, hash }])).values()]',
        replace: 'some.map(({ item: { path, hash } }) => ({ path, hash }))',
      },
    ],
  },
  {
    name: 'a batch waits for a file whose read hangs',
    edits: [{ file: 'src/folder/many.ts', find: 'await this.#soon(Promise.all(reads));', replace: 'await Promise.all(reads);' }],
  },
  {
    name: 'a chunk asked for in parts under a limit',
    edits: [
      {
        file: 'src/wire/content-fetch.ts',
        find: 'const leastBytes = Math.min(source.readBytes, this.#watch?.lengthLeft(at) ?? Math.min(READ_BYTES_MIN, size - at));',
        replace: 'const leastBytes = 1;',
      },
    ],
  },
  {
    name: 'manifests of runs without a bound',
    edits: [
      {
        file: 'src/server/run-receiver.ts',
        find: '    this.#makeRoom(upload, { by, manifestBytes });\n',
        replace: '    void by;\n',
      },
    ],
  },
  {
    name: 'an upload let go between its runs is lost',
    edits: [
      {
        file: 'src/server/run-takers.ts',
        find: "if (!isNew || asMeshError(thrown).code !== 'gone') throw thrown;",
        replace: 'if (isNew || !isNew) throw asMeshError(thrown);',
      },
    ],
  },
  {
    name: 'what nobody can go on with stays staged',
    edits: [
      {
        file: 'src/server/uploads.ts',
        find: 'const isOrphan = upload.isTransient === true && !upload.from.open;',
        replace: 'const isOrphan = upload.isTransient === true && !upload.from.open && nowMs < 0;',
      },
    ],
  },
  {
    name: 'what can be gone on with goes with its client',
    edits: [
      {
        file: 'src/server/uploads.ts',
        find: 'const isOrphan = upload.isTransient === true && !upload.from.open;',
        replace: 'const isOrphan = !upload.from.open;',
      },
    ],
  },
  {
    name: 'runs taken for kept on the word of one',
    edits: [
      {
        file: 'src/server/striped-uploads.ts',
        find: 'kept: isThere && lacking.length === 0 ? 1 : 0',
        replace: 'kept: isThere ? 1 : 0',
      },
    ],
  },
  {
    name: 'a change made of bytes that nobody proved',
    edits: [
      {
        file: 'src/server/pulling.ts',
        find: 'if ((await staging.digest()).hash === content.hash) return staging;',
        replace: 'if ((await staging.digest()).size === content.size) return staging;',
      },
    ],
  },
  {
    name: 'some of a deleted file stays staged',
    edits: [
      {
        file: 'src/replication/cut-short.ts',
        find: 'if (!isCutShort || path === undefined) return await staging.discard();',
        replace: 'if (!isCutShort) return await staging.discard();\n    if (path === undefined) return;',
      },
    ],
  },
  {
    name: 'what was fetched of a changed file stays staged',
    edits: [
      {
        file: 'src/replication/cut-short.ts',
        find: 'if (name === undefined) this.#discard(staging, asked);',
        replace: 'if (name === undefined) continue;',
      },
    ],
  },
  {
    name: 'a renamed file is copied by those that have it',
    edits: [
      {
        file: 'src/replication/holding.ts',
        find: 'return await folder.renaming.follow(from, path, content.shown, by);',
        replace: 'return false;',
      },
    ],
  },
  {
    name: 'a file renamed on is looked for under its first new name',
    edits: [
      {
        file: 'src/replication/holding.ts',
        find: 'duty.renamedTo && lastNameOf(this.#slice.catalog, duty.renamedTo, version.hash)',
        replace: 'duty.renamedTo',
      },
    ],
  },
];
