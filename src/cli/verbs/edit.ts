import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { download } from '../../client/verbs/download.ts';
import { presentEntry } from '../../client/verbs/listing.ts';
import { inConflict, store } from '../../client/verbs/upload.ts';
import { asMeshError, MeshError } from '../../core/errors.ts';
import { isSealedName, quote } from '../../core/path.ts';
import type { Entry } from '../../wire/calls.ts';
import { editorCommand, runEditor } from '../editor.ts';
import { EXIT_DONE } from '../exit-codes.ts';
import { FileSink, FileSource } from '../local-file.ts';
import { shownText } from '../output.ts';
import { noTemporaryFile } from '../standard-input.ts';
import { type VerbCommand, type VerbContext, wordAt } from '../verb.ts';
import { tellChanges } from './change-words.ts';

export const edit: VerbCommand = {
  name: 'edit',
  words: 'NAME',
  count: { min: 1, max: 1 },
  describe: 'change a file in your editor',
  options: {},
  details:
    'The editor is that of VISUAL or EDITOR; one with a window of its own must wait, as "code --wait" does. Nothing is stored when the text stays as it was; it is kept, and its place told, when it cannot be stored.',
  examples: ['edit notes.txt'],
  also: ['vi', 'vim', 'nano'],
  async run(context, line) {
    const entry = await presentEntry(context.session, wordAt(line, 0), context.options);
    if (entry.contents.length > 1) throw inConflict(entry.path);
    if (isSealedName(entry.path)) {
      const how = 'download it, change it, and store it with "filemesh upload --seal"';
      throw new MeshError('usage', `${quote(entry.path)} is sealed, and would be stored in plain: ${how}`);
    }
    const command = editorCommand(process.env);
    // Only this user may look into it.
    const folder = await mkdtemp(join(tmpdir(), 'filemesh-edit-')).catch(noTemporaryFile);
    let isKept = false;
    try {
      const file = join(folder, basename(entry.path));
      await download(
        context.session,
        entry,
        (incoming) => FileSink.open(file, { ...incoming, mode: 0o600 }, false),
        context.options,
      );
      context.quiet();
      const keep = () => {
        isKept = true;
      };
      await edited(context, entry, file, () => context.lendTerminal(() => runEditor(command, file)), keep);
      return await storeEdited(context, entry, file, keep);
    } finally {
      if (!isKept) await rm(folder, { recursive: true, force: true });
    }
  },
};

/** Runs the editor. One that crashes may have saved before: then `keep` is called, and the error says where the text is. */
async function edited(
  context: VerbContext,
  entry: Entry,
  file: string,
  run: () => Promise<void>,
  keep: () => void,
): Promise<void> {
  try {
    await run();
  } catch (thrown) {
    const isSame = await isUnchanged(context, entry, file).catch(() => false);
    if (isSame || !existsSync(file)) throw thrown;
    keep();
    const { code, message } = asMeshError(thrown);
    throw new MeshError(code, `${message}; your text is kept in ${file}`, { cause: thrown });
  }
}

async function isUnchanged(context: VerbContext, entry: Entry, file: string): Promise<boolean> {
  const source = await FileSource.open(file, context.cutter);
  try {
    return (await hashOf(context, source)) === entry.contents[0]?.hash;
  } finally {
    await source.close();
  }
}

/** Stores the edited text on top of the version that was fetched. `keep` is called when the text must not be lost. */
async function storeEdited(context: VerbContext, entry: Entry, file: string, keep: () => void): Promise<number> {
  const current = entry.contents[0];
  // Editors replace files as well as write into them: it is opened anew.
  const source = await FileSource.open(file, context.cutter);
  try {
    if (current !== undefined && (await hashOf(context, source)) === current.hash) return tellUnchanged(context, entry);
    const upload = {
      kind: 'put',
      path: entry.path,
      base: entry.base,
      source: {
        size: source.size,
        mode: current?.mode ?? 0o644,
        read: source.read.bind(source),
        ...(source.cut && { cut: source.cut }),
        check: source.check.bind(source),
      },
    } as const;
    const result = await store(context.session, upload, context.options);
    return tellChanges(context, 'stored', [result], false);
  } catch (thrown) {
    keep();
    const { code, message } = asMeshError(thrown);
    throw new MeshError(code, `${message}; your text is kept in ${file}`, { cause: thrown });
  } finally {
    await source.close();
  }
}

function tellUnchanged(context: VerbContext, entry: Entry): number {
  const current = entry.contents[0];
  if (context.json) {
    context.screen.value({
      path: entry.path,
      version: current?.hash ?? '',
      copies: current?.copies ?? 0,
      wanted: entry.wanted,
      note: 'unchanged',
    });
  } else {
    context.screen.print(`${shownText(entry.path)} is unchanged`);
  }
  return EXIT_DONE;
}

/** Files of any size are edited, if the editor takes them: so it is read in pieces. */
async function hashOf(context: VerbContext, source: FileSource): Promise<string> {
  const hash = context.options.newHash();
  const pieceBytes = 1024 * 1024;
  for (let offset = 0; offset < source.size; offset += pieceBytes) hash.update(await source.read(offset, pieceBytes));
  return hash.hex();
}
