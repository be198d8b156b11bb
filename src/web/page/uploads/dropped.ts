import { joined } from '../paths.ts';
import type { Dropped } from './uploads.svelte.ts';

/** Files that were dropped or chosen, folders with all below them. */

/** One more than uploads take, so that they tell of it. */
const FILES_MAX = 20_001;

/** What a drop came to: its files, and names of what could not be read. */
export interface DroppedFiles {
  readonly files: readonly Dropped[];
  readonly unread: readonly string[];
}

/** Of a drop: must be called at once, while the event lasts; what it resolves with comes later. */
export async function droppedFiles(transfer: DataTransfer, folder: string): Promise<DroppedFiles> {
  const entries: FileSystemEntry[] = [];
  const files: File[] = [];
  for (const item of transfer.items) {
    const entry = item.webkitGetAsEntry();
    const file = entry === null ? item.getAsFile() : null;
    if (entry !== null) entries.push(entry);
    // Not of a disk, such as a picture dragged out of another page.
    else if (file !== null) files.push(file);
  }
  const { files: found, unread } = await walked(entries, folder);
  return { files: [...chosenFiles(files, folder), ...found], unread };
}

/** Of a choice of files, or of a folder (which names its files from the folder on). */
export function chosenFiles(files: Iterable<File>, folder: string): Dropped[] {
  return [...files].map((file) => ({ path: joined(folder, tidy(file.webkitRelativePath || file.name)), file }));
}

/** Of the clipboard: pictures come without a name of their own. */
export function pastedFiles(transfer: DataTransfer, folder: string): Dropped[] {
  return chosenFiles(transfer.files, folder);
}

async function walked(entries: readonly FileSystemEntry[], folder: string): Promise<DroppedFiles> {
  const found: Dropped[] = [];
  const unread: string[] = [];
  const open = entries.map((entry) => ({ entry, folder }));
  for (let next = open.shift(); next !== undefined && found.length < FILES_MAX; next = open.shift()) {
    const path = joined(next.folder, tidy(next.entry.name));
    try {
      if (next.entry.isFile) found.push({ path, file: await fileOf(next.entry as FileSystemFileEntry) });
      else for (const entry of await childrenOf(next.entry as FileSystemDirectoryEntry)) open.push({ entry, folder: path });
    } catch {
      // Not allowed, or gone meanwhile: no reason to leave out the rest.
      unread.push(next.entry.name);
    }
  }
  return { files: found, unread };
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** A browser gives them in pages, the last one empty. */
async function childrenOf(entry: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = entry.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const page = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (page.length === 0) return all;
    all.push(...page);
  }
}

function tidy(name: string): string {
  return name.normalize('NFC');
}
