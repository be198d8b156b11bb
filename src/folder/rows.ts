import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Hasher } from '../platform/hasher.ts';

/** Where the folder keeps its rows in the store: the keyspace `f/`. A path is told by its hash, as keys are short ASCII. */
export const ROOT_KEY = 'f/root';
export const HELD_KEYS = { from: 'f/h/', to: 'f/h0' };
export const INTENT_KEYS = { from: 'f/i/', to: 'f/i0' };
export const OLD_KEYS = { from: 'f/o/', to: 'f/o0' };
export const STAGING_KEYS = { from: 'f/s/', to: 'f/s0' };
export const HOOK_KEYS = { from: 'f/k/', to: 'f/k0' };
export const RUNS_KEYS = { from: 'f/r/', to: 'f/r0' };
export const LOST_KEYS = { from: 'f/l/', to: 'f/l0' };
/** How far the scrub has come. */
export const SCRUB_KEY = 'f/scrub';
/** How far the calendar has come. */
export const CALENDAR_KEY = 'f/calendar';
/** Set while the trash may not be purged. */
export const TRASH_HELD_KEY = 'f/trash-held';
/** Set while older versions may not be purged. */
export const VERSIONS_HELD_KEY = 'f/versions-held';

export function heldKey(hasher: Hasher, path: FilePath, hash: ContentHash): string {
  return `f/h/${hasher.hash(Buffer.from(path))}/${hash}`;
}

/** Of what was lost where it lies, or lay. */
export function lostKey(hasher: Hasher, disk: string): string {
  return `f/l/${hasher.hash(Buffer.from(disk))}`;
}

export function intentKey(id: string): string {
  return `f/i/${id}`;
}

export function oldKey(copy: string): string {
  return `f/o/${copy}`;
}

export function stagingKey(name: string): string {
  return `f/s/${name}`;
}

export function runsKey(hash: ContentHash): string {
  return `f/r/${hash}`;
}

/** The hooks of a content whose manifest is kept. */
export function hooksKey(hash: ContentHash): string {
  return `f/k/${hash}`;
}

/** The manifest of a content, in pieces: it may be larger than a value of the store. */
export function manifestKeys(hash: ContentHash): { from: string; to: string } {
  return { from: `f/m/${hash}/`, to: `f/m/${hash}0` };
}

export function manifestKey(hash: ContentHash, piece: number): string {
  return `f/m/${hash}/${String(piece).padStart(4, '0')}`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const JSON_START = '{'.charCodeAt(0);

/** The bytes of a row. */
export function encodeRow(row: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(row));
}

/** Whether `encodeRow` made it: of rows that may be a list by position. */
export function isJson(row: Uint8Array): boolean {
  return row[0] === JSON_START;
}

/** What `encodeRow` was given: rows are this program's own, so they are believed. */
export function decodeRow<Row>(bytes: Uint8Array): Row {
  return JSON.parse(decoder.decode(bytes)) as Row;
}
