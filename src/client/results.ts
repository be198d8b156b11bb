import { isSealedName } from '../core/path.ts';
import { copiesOf, hasRun, runEnds, type Spread } from '../core/striping.ts';
import type { Ask, Done, Entry, Reply, ShownContent } from '../wire/calls.ts';

/** The values verbs return: exactly what `--json` prints (the command line's contract). Times are ISO 8601 in UTC. */

interface ShownVersion {
  readonly version: string;
  readonly origin: string;
  readonly size: number;
  readonly modified: string;
  readonly holders: readonly string[];
  /** True: no peers that live have all of it; absent otherwise. */
  readonly unavailable?: boolean;
  /** Where they were asked for, and somebody could tell them. */
  readonly chunks?: readonly ShownChunk[];
}

/** One chunk of one content. */
export interface ShownChunk {
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly size: number;
  /** BLAKE3 of the chunk, hex. */
  readonly hash: string;
  /** Names of all known holders, those away too. */
  readonly holders: readonly string[];
}

export interface ShownFile {
  readonly path: string;
  /** Bytes; in a conflict those of the first version. */
  readonly size: number;
  readonly modified: string;
  /** BLAKE3 of the content, hex. */
  readonly version: string;
  readonly origin: string;
  /** Names of all known holders, those away too. */
  readonly holders: readonly string[];
  /** Live and verified; in a conflict of the version that has fewest. */
  readonly copies: number;
  readonly wanted: number;
  /** Peers that live have all of it; in a conflict of one version at least. */
  readonly available: boolean;
  /** True: peers that live have runs of it, but not all; absent otherwise. */
  readonly incomplete?: boolean;
  /** True: by its name it is sealed, and no peer can read it; absent otherwise. */
  readonly sealed?: boolean;
  readonly conflict: boolean;
  readonly versions?: readonly ShownVersion[];
  /** When it was deleted; only in a list of deleted files, whose other fields tell nothing. */
  readonly deleted?: string;
}

export interface WhereResult extends ShownFile {
  /** What the loss of each holder would leave: live copies of the content that would have fewest. */
  readonly loss: readonly { readonly peer: string; readonly left: number }[];
  /** Where they were asked for; in a conflict each of `versions` has its own. */
  readonly chunks?: readonly ShownChunk[];
}

export interface ChangeResult {
  readonly path: string;
  /** BLAKE3 of the content made; of a delete: the id of the version that says so. */
  readonly version: string;
  readonly copies: number;
  readonly wanted: number;
  readonly note?: string;
}

export interface DownloadResult {
  readonly path: string;
  /** Names under which contents were saved here. */
  readonly files: readonly string[];
  readonly bytes: number;
  /** Peers the bytes came from. */
  readonly from: readonly string[];
}

export interface HistoryItem {
  /** BLAKE3 of that content, hex: what `restore --version` takes. */
  readonly version: string;
  readonly modified: string;
  readonly size: number;
  readonly origin: string;
  readonly peers: readonly string[];
}

export interface PeerItem {
  readonly id: string;
  readonly name: string;
  readonly address: string | null;
  readonly alive: boolean;
  readonly files: number;
  readonly bytes: number;
  readonly capacity: number;
}

export interface StatusResult {
  readonly mesh: string;
  readonly name: string;
  readonly peers: number;
  readonly files: number;
  readonly bytes: number;
  readonly wanted: number;
  readonly under: number;
  readonly unavailable: number;
  /** Why the peer does not believe its folder, else null. */
  readonly paused: string | null;
  readonly notKept: readonly { readonly path: string; readonly reason: string }[];
}

export type ResumeHow = Ask<'resume'>['how'];

export function shownFile(entry: Entry): ShownFile {
  const first = entry.contents[0];
  const names = entry.contents.flatMap((content) => content.holders.map((holder) => holder.name));
  const available = entry.contents.some(isAvailable);
  const common = {
    path: entry.path,
    size: first?.size ?? 0,
    modified: isoTime(first?.modified ?? entry.deletedMs ?? 0),
    version: first?.hash ?? '',
    origin: first?.origin ?? '',
    holders: inOrder(names),
    copies: entry.contents.length === 0 ? 0 : Math.min(...entry.contents.map((content) => content.copies)),
    wanted: entry.wanted,
    available,
    conflict: entry.contents.length > 1,
    ...(!available && entry.contents.some((content) => content.incomplete === true) && { incomplete: true }),
    ...(isSealedName(entry.path) && { sealed: true }),
  };
  if (first === undefined) return { ...common, deleted: isoTime(entry.deletedMs ?? 0) };
  return common.conflict ? { ...common, versions: entry.contents.map(shownVersion) } : common;
}

export function whereResult(entry: Entry): WhereResult {
  const loss = new Map<string, number>();
  for (const content of entry.contents) {
    const spread = spreadOf(content);
    const live = new Set(content.holders.filter((holder) => holder.live).map(({ id }) => id));
    for (const holder of content.holders) {
      const left = copiesOf(spread, (peer) => peer !== holder.id && live.has(peer));
      loss.set(holder.name, Math.min(left, loss.get(holder.name) ?? left));
    }
  }
  return { ...shownFile(entry), loss: inOrder(loss.keys()).map((peer) => ({ peer, left: loss.get(peer) ?? 0 })) };
}

/** The same with the chunks of each content, in the order of the entry's contents; undefined: nobody can tell those now. */
export function withChunks(result: WhereResult, chunks: readonly (readonly ShownChunk[] | undefined)[]): WhereResult {
  if (result.versions === undefined) return { ...result, chunks: chunks[0] ?? [] };
  const versions = result.versions.map((version, index) => {
    const own = chunks[index];
    return own === undefined ? version : { ...version, chunks: own };
  });
  return { ...result, versions };
}

/** The chunks of a content by their lengths and hashes; those of a striped one are held with the run they lie in. */
export function shownChunks(
  content: ShownContent,
  rows: readonly { readonly length: number; readonly hash: string }[],
): ShownChunk[] {
  const chunkEnds: number[] = [];
  for (const { length } of rows) chunkEnds.push((chunkEnds.at(-1) ?? 0) + length);
  const ends = runEnds(chunkEnds, content.size);
  let run = 0;
  return rows.map(({ length, hash }, index) => {
    const end = chunkEnds[index] ?? 0;
    const offset = end - length;
    while (end > (ends[run] ?? content.size)) run += 1;
    const holders = content.holders.filter(({ runs }) => runs === undefined || hasRun(runs, run));
    return { offset, size: length, hash, holders: inOrder(holders.map((holder) => holder.name)) };
  });
}

export function changeResult(done: Done): ChangeResult {
  const { path, copies, wanted, note } = done;
  return { path, version: done.hash ?? done.version, copies, wanted, ...(note === undefined ? {} : { note }) };
}

export function peerItems(reply: Reply<'peers'>): PeerItem[] {
  return reply.peers.map(({ id, name, address, alive, files, bytes, capacity }) => ({
    id,
    name,
    address: address ?? null,
    alive,
    files,
    bytes,
    capacity,
  }));
}

export function statusResult(reply: Reply<'status'>): StatusResult {
  const { mesh, name, peers, files, bytes, wanted, under, unavailable, paused, notKept } = reply;
  return { mesh, name, peers, files, bytes, wanted, under, unavailable, paused: paused ?? null, notKept };
}

/** True when live peers have all of it. */
export function isAvailable(content: ShownContent): boolean {
  return content.copies > 0;
}

/** Who has a content, as far as its entry tells. */
export function spreadOf({ size, holders }: ShownContent): Spread {
  const whole = holders.filter(({ runs }) => runs === undefined).map(({ id }) => id);
  const parts = holders.flatMap(({ id, runs }) => (runs === undefined ? [] : [[id, runs] as const]));
  return { size, holders: whole, ...(parts.length > 0 && { parts: new Map(parts) }) };
}

export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/** Each once, by name: peers list holders by load, and what is shown is the same from every peer. */
function inOrder(names: Iterable<string>): string[] {
  return [...new Set(names)].sort();
}

function shownVersion(content: ShownContent): ShownVersion {
  return {
    version: content.hash,
    origin: content.origin,
    size: content.size,
    modified: isoTime(content.modified),
    holders: inOrder(content.holders.map((holder) => holder.name)),
    ...(!isAvailable(content) && { unavailable: true }),
  };
}
