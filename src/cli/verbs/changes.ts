import { remove, rename as renameFiles, resolve as resolveConflict } from '../../client/verbs/changes.ts';
import { historiesOf, historyItem, restore as restoreVersion } from '../../client/verbs/history.ts';
import { MeshError } from '../../core/errors.ts';
import { isPattern } from '../../core/glob.ts';
import { pathNamed } from '../../core/path.ts';
import { EXIT_DONE } from '../exit-codes.ts';
import { shownAge, shownSize, shownTable, shownText } from '../output.ts';
import { optionText, type VerbCommand, wordAt } from '../verb.ts';
import { tellChanges } from './change-words.ts';

/** Digits of a version that are shown; `restore` takes as few as tell it apart. */
const VERSION_DIGITS_SHOWN = 12;

export const deleteVerb: VerbCommand = {
  name: 'delete',
  words: 'NAME|FOLDER|PATTERN',
  count: { min: 1, max: 1 },
  describe: 'delete files everywhere ("restore" brings them back for a while)',
  options: {},
  examples: ['delete notes.txt', 'delete photos/2019', "delete '*.tmp'"],
  also: ['rm', 'del'],
  async run(context, line) {
    const name = wordAt(line, 0);
    const results = await remove(context.session, name, context.options);
    return tellChanges(context, 'deleted', results, results.length > 1 || isPattern(name));
  },
};

export const rename: VerbCommand = {
  name: 'rename',
  words: 'NAME|FOLDER NEWNAME',
  count: { min: 2, max: 2 },
  describe: 'give a file or a folder another name',
  options: {},
  examples: ['rename notes.txt ideas.txt', 'rename ideas.txt archive/'],
  also: ['mv', 'move'],
  async run(context, line) {
    const results = await renameFiles(context.session, wordAt(line, 0), wordAt(line, 1), context.options);
    return tellChanges(context, 'renamed to', results, results.length > 1);
  },
};

export const resolve: VerbCommand = {
  name: 'resolve',
  words: 'NAME --keep ORIGIN|--keep-both',
  count: { min: 1, max: 1 },
  describe: 'end a conflict',
  options: {
    keep: { describe: 'the version to keep, by the origin "conflicts" shows or its id', value: 'ORIGIN' },
    'keep-both': { describe: 'make each version a file of its own' },
  },
  examples: ['resolve notes.txt --keep alpha', 'resolve notes.txt --keep-both'],
  also: ['merge'],
  async run(context, line) {
    const keep = optionText(line, 'keep');
    const both = line.options.has('keep-both');
    if ((keep === undefined) === !both) throw new MeshError('usage', 'resolve takes either --keep ORIGIN or --keep-both');
    const results = await resolveConflict(context.session, wordAt(line, 0), keep, context.options);
    return tellChanges(context, 'kept', results, both);
  },
};

export const history: VerbCommand = {
  name: 'history',
  words: 'NAME|FOLDER',
  count: { min: 1, max: 1 },
  describe: 'list the versions of a file, or of the files of a folder, that can be had',
  options: {},
  examples: ['history notes.txt', 'history docs'],
  also: ['versions'],
  async run(context, line) {
    const name = wordAt(line, 0);
    const histories = await historiesOf(context.session, name, context.options);
    const all = histories.flatMap(({ path, copies }) => copies.map((copy) => ({ path, copy })));
    // Of a folder: then each line says which file it is about.
    const isFolder = histories.length !== 1 || histories[0]?.path !== pathNamed(name);
    if (context.json) {
      context.screen.value(all.map(({ path, copy }) => ({ ...(isFolder ? { path } : {}), ...historyItem(copy) })));
      return EXIT_DONE;
    }
    const rows = all.map(({ path, copy }) => [
      ...(isFolder ? [shownText(path)] : []),
      copy.hash.slice(0, VERSION_DIGITS_SHOWN),
      shownSize(copy.size),
      shownAge(copy.modified, Date.now()),
      shownText(copy.origin),
      historyItem(copy).peers.map(shownText).join(', '),
      copy.current ? 'current' : '',
    ]);
    const head = [...(isFolder ? ['name'] : []), 'version', 'size', 'age', 'origin', 'where', ''];
    context.screen.print(shownTable(head, rows, [head.indexOf('size'), head.indexOf('age')]));
    return EXIT_DONE;
  },
};

export const restore: VerbCommand = {
  name: 'restore',
  words: 'NAME|FOLDER',
  count: { min: 1, max: 1 },
  describe: 'bring back a deleted file, or an older version of one',
  options: {
    version: {
      describe: 'which one, by the first digits "history" shows (default: what was deleted, else the newest older one)',
      value: 'ID',
    },
  },
  examples: ['restore notes.txt', 'restore notes.txt --version 3f2a19c0'],
  also: ['undelete', 'revert'],
  async run(context, line) {
    const results = await restoreVersion(context.session, wordAt(line, 0), optionText(line, 'version'), context.options);
    return tellChanges(context, 'restored', results, results.length > 1);
  },
};
