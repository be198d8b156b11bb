import { type ShownFile, shownFile, type WhereResult, whereResult } from '../../client/results.ts';
import { listEntries, presentEntry } from '../../client/verbs/listing.ts';
import { EXIT_CONFLICT, EXIT_DONE } from '../exit-codes.ts';
import { counted, shownAge, shownSize, shownTable, shownText } from '../output.ts';
import { page } from '../pager.ts';
import { type VerbCommand, wordAt } from '../verb.ts';

export const show: VerbCommand = {
  name: 'show',
  words: '[PATTERN]',
  count: { min: 0, max: 1 },
  describe: 'list the files: size, age, copies, where they are',
  options: { deleted: { describe: 'list what can be restored instead' } },
  async run(context, line) {
    const pattern = line.words[0];
    const deleted = line.options.has('deleted');
    const files: ShownFile[] = [];
    for await (const entry of listEntries(context.session, { pattern, deleted }, context.options)) files.push(shownFile(entry));
    if (context.json) context.screen.value(files);
    else await page(context, fileTable(files, Date.now()));
    return EXIT_DONE;
  },
};

export const conflicts: VerbCommand = {
  name: 'conflicts',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'list the names that have several versions',
  options: {},
  async run(context) {
    const files: ShownFile[] = [];
    for await (const entry of listEntries(context.session, { conflicts: true }, context.options)) files.push(shownFile(entry));
    if (context.json) context.screen.value(files);
    else if (files.length === 0) context.screen.print('no conflicts');
    else await page(context, files.map(conflictText).join('\n'));
    return EXIT_DONE;
  },
};

export const where: VerbCommand = {
  name: 'where',
  words: 'NAME',
  count: { min: 1, max: 1 },
  describe: 'tell who holds a file, and what the loss of each would cost',
  options: {},
  async run(context, line) {
    const entry = await presentEntry(context.session, wordAt(line, 0), context.options);
    const result = whereResult(entry);
    if (context.json) context.screen.value(result);
    else context.screen.print(whereText(result, entry.note));
    return result.conflict ? EXIT_CONFLICT : EXIT_DONE;
  },
};

/** The list of files as a table, with a line that counts them. */
export function fileTable(files: readonly ShownFile[], nowMs: number): string {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const deleted = files.every((file) => file.deleted !== undefined);
  const summary = deleted ? counted(files.length, 'deleted file') : `${counted(files.length, 'file')}, ${shownSize(total)}`;
  if (files.length === 0) return 'no files';
  const rows = files.map((file) => [
    shownText(file.path),
    file.deleted === undefined ? shownSize(file.size) : '-',
    shownAge(Date.parse(file.deleted ?? file.modified), nowMs),
    file.deleted === undefined ? `${file.copies}/${file.wanted}` : 'deleted',
    `${file.holders.map(shownText).join(' ')}${markOf(file)}`,
  ]);
  return `${shownTable(['name', 'size', 'age', 'copies', 'where'], rows, [1, 2])}\n${summary}`;
}

function markOf(file: ShownFile): string {
  if (file.deleted !== undefined) return '';
  return `${file.conflict ? '  conflict' : ''}${file.available ? '' : '  unavailable: its holders are away'}`;
}

function conflictText(file: ShownFile): string {
  const versions = (file.versions ?? []).map(
    (version) =>
      `  ${shownText(version.origin)}: ${shownSize(version.size)}, ${version.modified}, on ${version.holders.map(shownText).join(' ')}`,
  );
  return [shownText(file.path), ...versions].join('\n');
}

function whereText(result: WhereResult, note: string | undefined): string {
  const head = `${shownText(result.path)}: ${shownSize(result.size)} from ${shownText(result.origin)}, ${result.copies} of ${result.wanted} copies`;
  const losses = result.loss.map(
    ({ peer, left }) => `  ${shownText(peer)}: without it ${left === 0 ? 'none is left' : `${left} left`}`,
  );
  const conflict = result.conflict ? [conflictText(result)] : [];
  return [head, ...losses, ...(note === undefined ? [] : [`  ${shownText(note)}`]), ...conflict].join('\n');
}
