import { blake3 } from '@napi-rs/blake-hash';
import { ChunkList } from '../../src/core/chunk-list.ts';
import { chunkContent, encodeManifest } from '../../src/core/chunking.ts';
import type { ContentHash, FilePath, PeerId } from '../../src/core/ids.ts';
import type { PathView } from '../../src/core/namespace.ts';
import { wantedCopies } from '../../src/core/settings.ts';
import {
  copiesOf,
  hasRun,
  keepersOf,
  maskOf,
  NO_RUNS,
  type RunMask,
  rangeOfRun,
  runCount,
  runEnds,
  runsIn,
  type Spread,
} from '../../src/core/striping.ts';
import { versionKey } from '../../src/core/version.ts';
import { type History, short } from './history.ts';
import type { Mesh, MeshPeer } from './mesh.ts';
import { hashOf, type MachineState, stateOf } from './mesh-state.ts';

/** More paths than any seed has. */
const PATHS_MAX = 10_000;

/** One promise that does not hold (yet). `invariant`: its number in docs/testing.md. */
export interface Finding {
  readonly invariant: number;
  readonly words: string;
}

/** Every content anybody wrote, by hash. */
export type Contents = ReadonlyMap<string, Uint8Array>;

/** The survivors as they are on their disks now. */
export type States = ReadonlyMap<MeshPeer, MachineState>;

export async function statesOf(mesh: Mesh): Promise<States> {
  const states = new Map<MeshPeer, MachineState>();
  for (const machine of mesh.survivors) states.set(machine, await stateOf(machine.node));
  return states;
}

/** What the healed mesh has yet to do, in words; empty: it has converged. */
export function pending(mesh: Mesh, states: States, contents: Contents): Finding[] {
  const findings: Finding[] = [];
  for (const machine of mesh.survivors) {
    if (machine.peer === undefined) findings.push({ invariant: 10, words: `${machine.name} has not started` });
    else if (!machine.peer.scanned) findings.push({ invariant: 10, words: `${machine.name} has not scanned its folder` });
  }
  findings.push(...differences(states), ...missingCopies(states, contents), ...disksUnlikeCatalogs(states, contents));
  return findings;
}

/** Invariant 4: every file under a final name is a content that was once complete. */
export function halfFiles(
  states: States | readonly [MeshPeer, { plain: ReadonlyMap<string, string> }][],
  history: History,
): Finding[] {
  const findings: Finding[] = [];
  for (const [machine, { plain }] of states) {
    for (const [path, hash] of plain) {
      if (history.contents.has(hash)) continue;
      findings.push({ invariant: 4, words: `${path} on ${machine.name} is ${short(hash)}, which nobody ever wrote` });
    }
  }
  return findings;
}

export function pathsOf(states: States): FilePath[] {
  const paths = new Set<FilePath>();
  for (const { catalog } of states.values()) for (const path of catalog.paths('', PATHS_MAX)) paths.add(path);
  return [...paths].sort();
}

/** Invariant 5: all see the same, down to siblings, tombstones and holders. */
function differences(states: States): Finding[] {
  const findings: Finding[] = [];
  for (const path of pathsOf(states)) {
    const shown = [...states].map(([machine, { catalog }]) => ({ machine, words: wordsOf(catalog.view(path)) }));
    const first = shown[0];
    const other = shown.find((one) => one.words !== first?.words);
    if (first === undefined || other === undefined) continue;
    const words = `${path}: ${first.machine.name} sees [${first.words}], ${other.machine.name} [${other.words}]`;
    findings.push({ invariant: 5, words });
  }
  return findings;
}

function wordsOf(view: PathView | undefined): string {
  const known = view?.known ?? [];
  return known
    .map(({ version, holdings }) => {
      const what = version.kind === 'file' ? short(version.hash) : 'deleted';
      const held = [...holdings]
        .map(([peer, holding]) => `${short(peer)}=${typeof holding === 'string' ? holding : holding.mask}`)
        .sort();
      return `${what} ${versionKey(version)} (${held.join(' ')})`;
    })
    .join(', ');
}

/** Invariant 6: R verified live copies, or as many as there are peers; of a striped content of each run. */
function missingCopies(states: States, contents: Contents): Finding[] {
  const findings: Finding[] = [];
  const first = [...states.values()][0];
  if (first === undefined) return findings;
  const wanted = Math.min(states.size, wantedCopies(first.catalog.facts()));
  for (const path of pathsOf(states)) {
    for (const content of first.catalog.view(path)?.contents ?? []) {
      const { hash } = content;
      const holders = [...states].filter(([machine, state]) => holdsFor(machine, state, path, hash)).map(([one]) => one.id);
      const verified = { ...content, holders, ...(content.parts && { parts: verifiedParts(states, path, hash, contents) }) };
      const copies = rarestOf(verified);
      if (copies >= wanted || (copies === 0 && isLost(states, path, hash))) continue;
      const who = keepersOf(verified).map(short).join();
      findings.push({ invariant: 6, words: `${path} ${short(hash)} has ${copies} of ${wanted} copies (${who})` });
    }
  }
  return findings;
}

/** Copies of the rarest run: counted here, for the program may count wrongly. */
function rarestOf({ size, holders, parts }: Spread): number {
  if (parts === undefined) return holders.length;
  const masks = [...parts.values()];
  const copies = Array.from({ length: runCount(size) }, (_, run) => masks.filter((mask) => hasRun(mask, run)).length);
  return holders.length + Math.min(...copies);
}

/** Runs that are announced and lie there, byte for byte right. */
function verifiedParts(states: States, path: FilePath, hash: ContentHash, contents: Contents): Map<PeerId, RunMask> {
  const right = runHashesOf(contents.get(hash));
  const parts = new Map<PeerId, RunMask>();
  for (const [machine, { catalog, runs }] of states) {
    const announced =
      catalog
        .view(path)
        ?.contents.find((one) => one.hash === hash)
        ?.parts?.get(machine.id) ?? NO_RUNS;
    const lying = [...(runs.get(hash) ?? [])].filter(([run, own]) => right[run] === own).map(([run]) => run);
    parts.set(machine.id, maskOf(lying.filter((run) => hasRun(announced, run))));
  }
  return parts;
}

/** What each run of a content hashes to. */
export function runHashesOf(content: Uint8Array | undefined): ContentHash[] {
  if (content === undefined) return [];
  const manifest = encodeManifest(chunkContent(content, (chunk) => blake3(chunk)));
  const ends = runEnds(ChunkList.of(manifest, content.length).ends, content.length);
  return ends.map((_, run) => {
    const { offset, length } = rangeOfRun(ends, run);
    return hashOf(content.subarray(offset, offset + length));
  });
}

/** No survivor says it has it: it went with the lost disks, which `check-promises` judges. */
function isLost(states: States, path: FilePath, hash: ContentHash): boolean {
  const view = [...states.values()][0]?.catalog.view(path);
  const content = view?.contents.find((one) => one.hash === hash);
  const survivors = new Set([...states.keys()].map(({ id }) => id));
  return content === undefined || copiesOf(content, (peer) => survivors.has(peer)) === 0;
}

function announces(view: PathView | undefined, machine: MeshPeer, hash: ContentHash): boolean {
  return view?.contents.some((content) => content.hash === hash && content.holders.includes(machine.id)) === true;
}

function holdsFor(machine: MeshPeer, { catalog, plain, rooms }: MachineState, path: FilePath, hash: ContentHash): boolean {
  if (!announces(catalog.view(path), machine, hash)) return false;
  return plain.get(path) === hash || rooms.get('siblings')?.has(hash) === true;
}

function ownRecords(catalog: MachineState['catalog']) {
  return catalog.paths('', PATHS_MAX).flatMap((path) => catalog.own(path));
}

/** Invariant 7: what an index says its peer holds lies on that disk, and nothing else lies there under its own name. */
function disksUnlikeCatalogs(states: States, contents: Contents): Finding[] {
  const findings: Finding[] = [];
  for (const [machine, state] of states) {
    const { catalog, plain, rooms } = state;
    const say = (words: string) => findings.push({ invariant: 7, words: `${machine.name}: ${words}` });
    const held = new Map<string, Set<string>>();
    for (const { path, version, holding } of ownRecords(catalog)) {
      if (version.kind !== 'file' || holding !== 'all') continue;
      held.set(path, (held.get(path) ?? new Set()).add(version.hash));
      if (plain.get(path) === version.hash || rooms.get('siblings')?.has(version.hash) === true) continue;
      say(`${path} ${short(version.hash)} is announced and does not lie there`);
    }
    const unannounced = [...plain].filter(([path, hash]) => held.get(path)?.has(hash) !== true);
    for (const [path, hash] of unannounced) say(`${path} ${short(hash)} lies there and is not announced`);
    const nameless = [...held].filter(([path, hashes]) => hashes.size === 1 && plain.get(path) === undefined);
    for (const [path] of nameless) say(`${path} is held and not under its own name`);
    for (const words of missingRuns(state, contents)) say(words);
  }
  return findings;
}

/** Runs that an index says its peer holds, and that do not lie there byte for byte. */
function missingRuns({ catalog, runs }: MachineState, contents: Contents): string[] {
  const findings: string[] = [];
  for (const { path, version, holding } of ownRecords(catalog)) {
    if (version.kind !== 'file' || holding === 'none' || holding === 'all') continue;
    const right = runHashesOf(contents.get(version.hash));
    const missing = runsIn(holding.mask).filter((run) => runs.get(version.hash)?.get(run) !== right[run]);
    if (missing.length > 0) findings.push(`runs ${missing.join()} of ${path} are announced and do not lie there`);
  }
  return findings;
}
