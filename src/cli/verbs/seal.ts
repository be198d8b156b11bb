import type { Incoming, Sink } from '../../client/transfer.ts';
import { download } from '../../client/verbs/download.ts';
import { findEntry, presentEntry } from '../../client/verbs/listing.ts';
import { inConflict, store } from '../../client/verbs/upload.ts';
import { MeshError } from '../../core/errors.ts';
import { checkPath, isSealedName, quote, SEALED_SUFFIX } from '../../core/path.ts';
import type { Entry } from '../../wire/calls.ts';
import { EXIT_DONE } from '../exit-codes.ts';
import { shownText } from '../output.ts';
import type { Parsed } from '../parse.ts';
import { makeHeader, stanzasOf } from '../sealing/age-header.ts';
import { fingerprintOf } from '../sealing/known-keys.ts';
import { NewReaders } from '../sealing/new-readers.ts';
import type { Opened } from '../sealing/opening.ts';
import { Openings } from '../sealing/openings.ts';
import { addedTo, readersNamed } from '../sealing/reader-names.ts';
import { type Reader, readersOf, stanzasForReaders } from '../sealing/readers.ts';
import { keysOf, OPEN_OPTIONS } from '../sealing/seal-options.ts';
import { type VerbCommand, type VerbContext, wordAt } from '../verb.ts';
import { tellChanges } from './change-words.ts';

export const seal: VerbCommand = {
  name: 'seal',
  words: 'NAME --add USER|--remove USER',
  count: { min: 1, max: 1 },
  describe: 'change who may open a sealed file; its content stays as it is sealed',
  options: {
    add: { describe: 'let USER open it from now on, repeatable', value: 'USER', repeats: true },
    remove: {
      describe: 'not from now on, repeatable; earlier versions, and what USER has opened or kept, stay open to USER',
      value: 'USER',
      repeats: true,
    },
    identity: OPEN_OPTIONS.identity,
  },
  examples: ['seal report.pdf --add carol', 'seal report.pdf --remove bob'],
  async run(context, line) {
    const [add, remove] = [line.options.get('add') ?? [], line.options.get('remove') ?? []];
    if (add.length + remove.length === 0) throw new MeshError('usage', 'seal takes --add USER, --remove USER or both');
    const entry = await sealedEntry(context, wordAt(line, 0));
    const { opened, content } = await openedHead(context, entry, line);
    const readers = readersOf(stanzasOf(opened.header), opened.fileKey);
    if (readers === undefined) {
      const why = 'it is sealed with a passphrase, or by another program, and does not tell for whom';
      throw new MeshError('usage', `${quote(entry.path)} cannot get other readers: ${why}; store it anew with "upload --seal"`);
    }
    const next = addedTo(without(entry, readers, remove), await readersNamed(context, add));
    const header = makeHeader(opened.fileKey, stanzasForReaders(next, opened.fileKey));
    const facts = { size: content.size, mode: content.mode, modifiedMs: content.modified };
    const source = await NewReaders.open(opened.header, header, facts);
    try {
      // All of it comes, for its new hash; only what changed is sent.
      const open = ({ hash }: Incoming): Promise<Sink> => {
        if (hash === content.hash) return Promise.resolve(source);
        throw new MeshError('overtaken', `${quote(entry.path)} was changed meanwhile, by somebody else; try again`);
      };
      await download(context.session, entry, open, context.options);
      const put = { kind: 'put', path: entry.path, base: entry.base, source, striped: true } as const;
      const stored = await store(context.session, put, context.options);
      for (const name of remove) context.screen.note(stillOpenWords(entry.path, name));
      tellChanges(context, 'sealed', [stored], false);
      if (!context.json) context.screen.print(`it opens for ${next.map(readerWords).join(', ')}`);
      return EXIT_DONE;
    } finally {
      await source.close();
    }
  },
};

/** Nothing can be taken back that somebody may have. */
function stillOpenWords(path: string, name: string): string {
  return `note: earlier versions of ${shownText(path)} stay open to ${shownText(name)} while peers keep them, and what was opened or kept does for ever`;
}

/** A key that was named as such tells of nobody. */
function readerWords({ name, recipient }: Reader): string {
  return name === recipient ? name : `${shownText(name)} (${fingerprintOf(recipient)})`;
}

/** The file of that name, or the sealed one of what is called so. Rejects with `not-found`. */
async function sealedEntry(context: VerbContext, name: string): Promise<Entry> {
  const sealed = isSealedName(name)
    ? undefined
    : await findEntry(context.session, checkPath(`${name}${SEALED_SUFFIX}`), context.options);
  const entry =
    sealed === undefined || sealed.contents.length === 0 ? await presentEntry(context.session, name, context.options) : sealed;
  if (entry.contents.length > 1) throw inConflict(entry.path);
  if (isSealedName(entry.path)) return entry;
  throw new MeshError('usage', `${quote(entry.path)} is not sealed; "filemesh upload --seal" stores a file sealed`);
}

/** Rejects with `not-allowed` when the keys here do not open it. */
async function openedHead(context: VerbContext, entry: Entry, line: Parsed) {
  const [content] = entry.contents;
  if (content === undefined) throw new MeshError('not-found', `there is no file ${quote(entry.path)}`);
  const openings = new Openings(context.session, await keysOf(context, line), context.options);
  const { size, hash, mode, modified } = content;
  const looked = await openings.look(entry.path, { path: entry.path, size, hash, mode, modifiedMs: modified });
  if (looked !== undefined && !('reason' in looked)) return { opened: looked satisfies Opened, content };
  throw new MeshError('not-allowed', `only who can open ${quote(entry.path)} can let others do so`);
}

/** Rejects with `usage` for somebody who is no reader. */
function without(entry: Entry, readers: readonly Reader[], names: readonly string[]): Reader[] {
  const isNamed = ({ name, recipient }: Reader) => names.includes(name) || names.includes(recipient);
  const stranger = names.find((name) => !readers.some((one) => one.name === name || one.recipient === name));
  const all = readers.map(({ name }) => name).join(', ');
  if (stranger !== undefined)
    throw new MeshError('usage', `${quote(entry.path)} is not sealed for ${quote(stranger)}, but for ${all}`);
  const left = readers.filter((one) => !isNamed(one));
  if (left.length > 0) return left;
  throw new MeshError('usage', `nobody could open ${quote(entry.path)} any more: it is sealed for ${all} alone`);
}
