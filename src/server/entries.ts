import type { Catalog } from '../catalog/catalog.ts';
import { MANIFEST_FILE_BYTES_MIN } from '../core/chunking.ts';
import { MeshError } from '../core/errors.ts';
import { ANY_PATH, compilePattern, type PathTest } from '../core/glob.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import { type Content, originLabels, type PathView, shownNames } from '../core/namespace.ts';
import { copiesOf, keepersOf } from '../core/striping.ts';
import { versionKey } from '../core/version.ts';
import { type Clock, nextTurn } from '../platform/clock.ts';
import {
  type Ask,
  CONTENT_VERSIONS_MAX,
  ENTRY_BASE_MAX,
  ENTRY_CONTENTS_MAX,
  type Entry,
  type Holder,
  type Reply,
  type ShownContent,
} from '../wire/calls.ts';
import { encodedBytes } from '../wire/codec.ts';
import { Gate } from '../wire/gate.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { firstWithin, LIST_BYTES_MAX } from './answer-bytes.ts';
import type { Sight } from './sessions.ts';

/** Paths looked at for one page before it is handed over, full or not: a pattern that fits nothing blocks nobody. */
const PATHS_LOOKED_AT_MAX = 2_000;
/** Steps of the pattern for one page, the same way: some 10 ms. Range 100,000–10,000,000. */
const PATTERN_STEPS_MAX = 1_000_000;

/** Pages that wait for a turn of their own; then `busy`. Range 64–1,024: some 10 ms each. */
const PAGES_WAITING_MAX = 512;

/** Holders told of one content, live ones first: more than any number of copies that can be wanted. Range 16–64. */
const HOLDERS_TOLD_MAX = 64;

/** The owner of a name is asked why it has too few copies, and not for longer. */
const NOTE_DEADLINE_MS = 1_000;

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly switchboard: Pick<Switchboard, 'link'>;
  /** Why a path has too few copies, as far as known here. */
  readonly noteOf: (path: FilePath) => string | undefined;
}

/** Answers `list` and `locate`: the namespace as people see it. */
export class Entries {
  readonly #catalog: Catalog;
  readonly #slice: Slice;
  readonly #turns = new Gate(1, PAGES_WAITING_MAX);
  #isTurnTaken = false;

  constructor(slice: Slice) {
    this.#slice = slice;
    this.#catalog = slice.catalog;
  }

  /**
   * One page of what may be seen. `more` with a short page is lawful: the next begins after `next`, which is never a name
   * that may not be seen: so one of a page without any is looked past, with pauses. Rejects with `busy` when too many wait.
   */
  async list(ask: Ask<'list'>, sight: Sight): Promise<Reply<'list'>> {
    for (let from = ask.after; ; ) {
      const { entries, more, next, reached } = await this.#inTurn(() => this.#page(ask, from, sight));
      if (next !== ask.after || !more) return { entries, more, next };
      from = reached;
    }
  }

  /** Each page in a turn of the event loop of its own: clients may ask for a thousand at once. */
  #inTurn<Page>(page: () => Page): Promise<Page> {
    return this.#turns.pass(async () => {
      const { clock } = this.#slice;
      if (this.#isTurnTaken) await nextTurn(clock);
      this.#isTurnTaken = true;
      clock.after(0, () => {
        this.#isTurnTaken = false;
      });
      return page();
    });
  }

  /** `next`: the last path looked at that may be seen. `reached`: how far it went, hidden paths too. */
  #page(ask: Ask<'list'>, after: string, sight: Sight): Reply<'list'> & { readonly reached: string } {
    const fits = testOf(ask);
    const entries: Entry[] = [];
    const paths = this.#catalog.paths(after, PATHS_LOOKED_AT_MAX);
    const { seen, reached } = seenOf(paths, after, sight);
    let next = ask.after;
    let looked = 0;
    let bytes = 0;
    let steps = 0;
    for (const path of seen) {
      steps += fits.stepsPerCharacter * path.length;
      if (steps > PATTERN_STEPS_MAX && next !== ask.after) break;
      const view = fits(path) ? this.#catalog.view(path) : undefined;
      const entry = view !== undefined && isListed(view, ask) ? this.entry(view) : undefined;
      bytes += entry === undefined ? 0 : encodedBytes(entry);
      if (bytes > LIST_BYTES_MAX && entries.length > 0) break;
      next = path;
      looked++;
      if (entry !== undefined) entries.push(entry);
      if (entries.length === ask.limit) break;
    }
    const more = paths.length === PATHS_LOOKED_AT_MAX || looked < seen.length;
    return { entries, more, next, reached };
  }

  /** `asksOwner`: who asks is no peer, so the owner of the name may be asked in turn. */
  async locate(path: FilePath, asksOwner: boolean): Promise<Entry> {
    const view = this.#catalog.view(path);
    if (view === undefined) throw new MeshError('not-found', `there is no ${path}`);
    const entry = this.entry(view);
    if (entry.contents.every((content) => content.copies >= entry.wanted)) return entry;
    const note = asksOwner ? await this.reasonOf(path) : this.#slice.noteOf(path);
    return note === undefined ? entry : { ...entry, note };
  }

  /** Why a path has too few copies, as known here or by the owner of its name; undefined: nobody knows, or it may still get them. */
  async reasonOf(path: FilePath): Promise<string | undefined> {
    return this.#slice.noteOf(path) ?? (await this.#noteOfOwner(path));
  }

  async #noteOfOwner(path: FilePath): Promise<string | undefined> {
    const owner = this.#catalog.peers.ownerOf(path);
    const link = owner === undefined ? undefined : this.#slice.switchboard.link(owner);
    try {
      return (await link?.call('locate', { path }, { deadlineMs: NOTE_DEADLINE_MS }))?.reply.note;
    } catch {
      // The entry is told without it: a note is a courtesy.
      return undefined;
    }
  }

  entry(view: PathView): Entry {
    const nameOf = (peer: PeerId) => this.#catalog.shownName(peer);
    const labels = originLabels(view, nameOf);
    const names = shownNames(view, nameOf);
    const contents = view.contents
      .slice(0, ENTRY_CONTENTS_MAX)
      .map((content, index) => this.#content(content, labels[index] ?? '', names[index] ?? view.path));
    // However many hold each of them: what fits in no answer keeps the whole page from being read.
    const told = contents.length > 1 ? firstWithin(contents) : contents;
    const deletedMs = contents.length > 0 ? undefined : view.tombstones.at(-1)?.modifiedMs;
    return {
      path: view.path,
      contents: told,
      base: view.known.slice(0, ENTRY_BASE_MAX).map((one) => versionKey(one.version)),
      wanted: this.#catalog.wantedCopies(),
      ...(deletedMs === undefined ? {} : { deletedMs }),
    };
  }

  /** Live holders first, the least loaded before the others. What a removed peer has nobody can reach. */
  holders(content: Content): Holder[] {
    const { self } = this.#catalog;
    const members = this.#catalog.members();
    const known = keepersOf(content).filter((peer) => members.has(peer) || peer === self);
    const holders = known.map((peer) => {
      const runs = content.parts?.get(peer);
      return runs === undefined ? this.holder(peer) : { ...this.holder(peer), runs };
    });
    const loadOf = (holder: Holder) => this.#catalog.peers.get(holder.id)?.load.incomingBytes ?? 0;
    return holders.sort((a, b) => Number(b.live) - Number(a.live) || loadOf(a) - loadOf(b));
  }

  holder(peer: PeerId): Holder {
    const status = this.#catalog.peers.get(peer);
    const live = this.#catalog.peers.isServing(peer);
    const address = status?.address;
    return { id: peer, name: this.#catalog.shownName(peer), live, ...(address === undefined ? {} : { address }) };
  }

  #content(content: Content, origin: string, shownPath: string): ShownContent {
    const holders = this.holders(content);
    const live = new Set(holders.filter((holder) => holder.live).map(({ id }) => id));
    const copies = copiesOf(content, (peer) => live.has(peer));
    const isIncomplete = content.parts !== undefined && copies === 0 && live.size > 0;
    return {
      hash: content.hash,
      size: content.size,
      modified: content.modifiedMs,
      mode: content.shown.mode,
      origin,
      shownPath,
      versions: content.versions.slice(0, CONTENT_VERSIONS_MAX).map(versionKey),
      holders: holders.slice(0, HOLDERS_TOLD_MAX),
      // Of a small one nobody asks for it, and there are most of those.
      ...((content.size >= MANIFEST_FILE_BYTES_MIN || content.parts !== undefined) && { manifest: content.shown.manifest.hash }),
      copies,
      ...(isIncomplete && { incomplete: true }),
    };
  }
}

/** Those of `paths` that may be seen, and how far that goes: a folder that is hidden with all below it is passed at once. */
function seenOf(paths: readonly FilePath[], after: string, sight: Sight): { seen: readonly FilePath[]; reached: string } {
  if (sight.all) return { seen: paths, reached: paths.at(-1) ?? after };
  const seen: FilePath[] = [];
  let reached = after;
  for (const path of paths) {
    if (path <= reached) continue;
    const isSeen = sight.sees(path);
    if (isSeen) seen.push(path);
    reached = isSeen ? path : (behind(sight.hiddenFolderOf(path)) ?? path);
  }
  return { seen, reached };
}

/** Past all that lies in a folder, but for names that begin with the highest character there is. */
function behind(folder: string | undefined): string | undefined {
  return folder === undefined ? undefined : `${folder}/\uffff`;
}

function testOf({ pattern }: Ask<'list'>): PathTest {
  return pattern === undefined ? ANY_PATH : compilePattern(pattern);
}

function isListed(view: PathView, ask: Ask<'list'>): boolean {
  if (ask.conflicts) return view.contents.length > 1;
  if (!ask.deleted) return view.contents.length > 0;
  // What was renamed is not deleted: it lies under its new name, and in nobody's trash.
  return view.contents.length === 0 && view.tombstones.some((tombstone) => tombstone.renamedTo === undefined);
}
