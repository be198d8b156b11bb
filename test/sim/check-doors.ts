import type { Session } from '../../src/client/session.ts';
import { download } from '../../src/client/verbs/download.ts';
import { listEntries } from '../../src/client/verbs/listing.ts';
import { create } from '../../src/client/verbs/upload.ts';
import { asMeshError } from '../../src/core/errors.ts';
import { checkPath } from '../../src/core/path.ts';
import type { Entry } from '../../src/wire/calls.ts';
import type { Finding } from './check-state.ts';
import { short } from './history.ts';
import type { Mesh } from './mesh.ts';
import { JOIN_LINE } from './mesh.ts';
import { MemorySinks, MeshClient, sourceOf, VERB } from './mesh-client.ts';
import { hashOf } from './mesh-state.ts';

/** Virtual time all doors together may take. */
const DOORS_MS_MAX = 120_000;
const FRESH = 'a name nobody had';

/** Asks every live peer through the real client: all tell the same, every byte comes, and one of all creators wins. */
export async function closedDoors(mesh: Mesh): Promise<Finding[]> {
  const doors = mesh.survivors.map((machine) => {
    const node = mesh.world.addNode(`door-${machine.name}`);
    const client = new MeshClient(node, JOIN_LINE, [machine.address]);
    client.token = mesh.clients[0]?.token;
    return { machine, session: client.open() };
  });
  try {
    const lists = await mesh.settle(Promise.all(doors.map(({ session }) => listOf(session))), DOORS_MS_MAX);
    const findings: Finding[] = [];
    for (const [index, { machine, session }] of doors.entries()) {
      if (wordsOf(lists[index]) !== wordsOf(lists[0])) {
        findings.push({
          invariant: 5,
          words: `${machine.name} lists [${wordsOf(lists[index])}], another [${wordsOf(lists[0])}]`,
        });
      }
      const entry = lists[index]?.[index % Math.max(1, lists[index].length)];
      if (entry !== undefined) findings.push(...(await mesh.settle(comes(session, entry, machine.name), DOORS_MS_MAX)));
    }
    if (mesh.clients[0]?.token !== undefined) findings.push(...(await mesh.settle(strangersGetNothing(mesh), DOORS_MS_MAX)));
    findings.push(...(await mesh.settle(oneWins(doors.map((door) => door.session)), DOORS_MS_MAX)));
    return findings;
  } catch (thrown) {
    return [{ invariant: 10, words: `a healed mesh does not answer: ${asMeshError(thrown).message}` }];
  }
}

/** Where there are accounts, every peer knows it: who is not logged in is told nothing. */
async function strangersGetNothing(mesh: Mesh): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, address } of mesh.survivors) {
    const node = mesh.world.addNode(`stranger-${name}`);
    const told = await listOf(new MeshClient(node, JOIN_LINE, [address]).open()).then(
      () => 'everything',
      (thrown: unknown) => asMeshError(thrown).code,
    );
    if (told !== 'not-allowed') findings.push({ invariant: 11, words: `${name} told ${told} to a client that is not logged in` });
  }
  return findings;
}

async function listOf(session: Session): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of listEntries(session, {})) entries.push(entry);
  return entries;
}

function wordsOf(entries: readonly Entry[] = []): string {
  return entries
    .map(({ path, contents, wanted }) => {
      const shown = contents.map(({ shownPath, hash, copies, holders }) => {
        // Their order is by load as told last, which is each peer's own.
        const names = holders.map((holder) => holder.name).sort();
        return `${shownPath} ${short(hash)} ${copies}/${wanted} on ${names.join('+')}`;
      });
      return `${path}: ${shown.join(' | ')}`;
    })
    .join('; ');
}

/** Invariant 1: the bytes come, and they are right. A content whose holders, or all of some run, are lost is none of this. */
async function comes(session: Session, entry: Entry, door: string): Promise<Finding[]> {
  const wanted = entry.contents.filter((content) => content.copies > 0);
  if (wanted.length === 0) return [];
  const sinks = new MemorySinks();
  try {
    await download(session, entry, sinks.open, VERB);
  } catch (thrown) {
    return [{ invariant: 1, words: `${entry.path} cannot be downloaded through ${door}: ${asMeshError(thrown).message}` }];
  }
  return wanted
    .filter((content) => hashOf(sinks.saved.get(content.shownPath) ?? new Uint8Array(0)) !== content.hash)
    .map((content) => ({ invariant: 1, words: `${content.shownPath} came with wrong bytes through ${door}` }));
}

/** Invariant 10: one peer owns a name, so of creators at all peers at once exactly one wins. */
async function oneWins(sessions: readonly Session[]): Promise<Finding[]> {
  const results = await Promise.all(
    sessions.map(async (session, index) => {
      try {
        const { copies, wanted } = await create(session, checkPath(FRESH), sourceOf(Buffer.from(`door ${index}`)), VERB);
        return copies >= Math.min(wanted, sessions.length) ? 'made' : `made with ${copies} copies`;
      } catch (thrown) {
        return asMeshError(thrown).code;
      }
    }),
  );
  const isRight =
    results.filter((one) => one === 'made').length === 1 && results.every((one) => one === 'made' || one === 'exists');
  return isRight ? [] : [{ invariant: 10, words: `creators of one name at every peer at once were told: ${results.join(', ')}` }];
}
