import { faultOfPath } from '../../../core/path.ts';
import { ApiError, api, type ShownFile, send, wordsOf } from '../api.ts';
import { notices } from '../notices.svelte.ts';
import { fileUrl, folderOf, nameOf, renamedPath, typedPath } from '../paths.ts';
import { questions } from '../questions.svelte.ts';
import { router } from '../router.svelte.ts';
import { countWords, listWords } from '../words.ts';
import { drafts } from './drafts.svelte.ts';
import type { Row } from './listing.svelte.ts';

/** What one does with files: asks the person where that is needed, does it, says so, and offers the way back. */

/** Calls under way at once. */
const AT_ONCE = 4;

/** Runs an act; what goes wrong is told. True: it was done. */
export async function tried(act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (thrown) {
    notices.warn(wordsOf(thrown));
    return false;
  }
}

function nameFault(text: string): string | undefined {
  if (text.trim() === '') return 'It needs a name.';
  const fault = faultOfPath(typedPath('', text));
  return fault === undefined ? undefined : `This name cannot be kept: ${fault}.`;
}

export async function rename(row: Row): Promise<void> {
  const name = await questions.ask({
    title: `Rename ${row.name}`,
    field: { label: 'New name', value: row.name, hint: 'With a slash it moves: reports/2026.txt, or from the top: /2026.txt' },
    yes: 'Rename',
    fault: nameFault,
  });
  if (name === undefined || name.trim() === row.name) return;
  const to = typedPath(folderOf(row.path), name);
  await tried(async () => {
    await renamed(row.path, to);
    notices.tell(`${row.name} is now ${nameOf(to)}.`, () => renamed(to, row.path));
  });
}

/** What is open of it, and what is typed there, go along. */
async function renamed(from: string, to: string): Promise<void> {
  await api.rename(from, to);
  drafts.move(from, to);
  const { route } = router;
  const open = route.view === 'files' ? renamedPath(route.open ?? '', from, to) : undefined;
  if (route.view === 'files' && open !== undefined) router.replace({ ...route, open });
}

/** Deleting can be undone, so nobody is asked: but for a folder, which may hold more than one sees. */
export async function remove(rows: readonly Row[]): Promise<void> {
  const what = rows.length === 1 ? (rows[0]?.name ?? '') : countWords(rows.length, 'item');
  if (rows.some(({ kind }) => kind === 'folder') && (await confirmed(what)) === undefined) return;
  const gone: string[] = [];
  const count = await doneTo(rows, 'deleted', async ({ path }) => {
    gone.push(...(await api.remove(path)).changes.map((change) => change.path));
  });
  if (count === 0) return;
  const { route } = router;
  // What is typed of it stays in sight.
  if (route.view === 'files' && route.open !== undefined && gone.includes(route.open) && !drafts.isDirty(route.open)) {
    const { open: _, ...rest } = route;
    router.replace(rest);
  }
  const done = count === rows.length ? what : countWords(count, 'item');
  // What was deleted of many can be had back also when not all of it was.
  notices.tell(`${done} ${count === 1 ? 'was' : 'were'} deleted.`, async () => {
    await allOf(gone, (path) => api.restore(path));
    // What follows a deletion is one content.
    const clashed = rows.filter((row) => row.kind === 'file' && row.file.conflict && gone.includes(row.path));
    if (clashed.length > 0)
      notices.tell(`One version of ${listWords(clashed.map(({ name }) => name))} is back. The others are in the history.`);
  });
}

function confirmed(what: string): Promise<string | undefined> {
  return questions.ask({
    title: `Delete ${what}?`,
    text: 'All files in it will be deleted on all peers. They can be restored for 30 days.',
    yes: 'Delete',
    isDangerous: true,
  });
}

export async function restore(path: string, version?: string): Promise<void> {
  await tried(async () => {
    await api.restore(path, version);
    notices.tell(version === undefined ? `${nameOf(path)} is back.` : `${nameOf(path)} is again as it was then.`);
  });
}

/** Deleted ones. */
export async function restoreAll(rows: readonly Row[]): Promise<void> {
  const count = await doneTo(rows, 'restored', async ({ path }) => {
    await api.restore(path);
  });
  if (count > 0) notices.tell(`${countWords(count, 'file')} ${count === 1 ? 'is' : 'are'} back.`);
}

export async function newText(folder: string): Promise<void> {
  const name = await questions.ask({
    title: 'New text file',
    field: { label: 'Name', value: 'notes.txt', hint: 'With a slash it goes into a folder: ideas/notes.txt' },
    yes: 'Create',
    fault: nameFault,
  });
  if (name === undefined) return;
  const path = typedPath(folder, name);
  await tried(async () => {
    await send('PUT', fileUrl(path), { body: '', headers: { 'if-none-match': '*', 'content-type': 'text/plain' } });
    const { route } = router;
    if (route.view === 'files') router.go({ view: 'files', folder: folderOf(path), open: path });
  });
}

/**
 * Saves a text over the version it was begun from, without one as a new file, and gives the version made. Undefined: somebody
 * saved another meanwhile, or has that name, and nothing was stored.
 */
export async function saveText(path: string, text: string, base: string | undefined): Promise<string | undefined> {
  try {
    const condition = base === undefined ? { 'if-none-match': '*' } : { 'if-match': `"${base}"` };
    const headers = { 'content-type': 'text/plain', ...condition };
    const reply = await send('PUT', fileUrl(path), { body: text, headers });
    return ((await reply.json()) as { version: string }).version;
  } catch (thrown) {
    if (thrown instanceof ApiError && (thrown.status === 412 || ['overtaken', 'exists'].includes(thrown.code))) return undefined;
    throw thrown;
  }
}

export async function keepOne(file: ShownFile, origin: string): Promise<void> {
  await tried(async () => {
    await api.keep(file.path, origin);
    notices.tell(`${nameOf(file.path)} is now as on ${origin}. The other version is in its history.`);
  });
}

export async function keepBoth(file: ShownFile): Promise<void> {
  await tried(async () => {
    await api.keepBoth(file.path);
    notices.tell('Both versions are kept, each under a name of its own.');
  });
}

/** Does it to each, and tells of what it could not be done to. Resolves with how many it was done to. */
async function doneTo(rows: readonly Row[], done: string, act: (row: Row) => Promise<void>): Promise<number> {
  const faults: string[] = [];
  await allOf(rows, async (row) => {
    try {
      await act(row);
    } catch (thrown) {
      faults.push(`${row.name} was not ${done}: ${wordsOf(thrown)}`);
    }
  });
  const [fault] = faults;
  if (fault !== undefined) notices.warn(faults.length === 1 ? fault : `${fault} Nor were ${faults.length - 1} more.`);
  return rows.length - faults.length;
}

async function allOf<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const open = [...items];
  const worker = async (): Promise<void> => {
    for (let item = open.shift(); item !== undefined; item = open.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
