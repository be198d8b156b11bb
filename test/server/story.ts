import type { Session } from '../../src/client/session.ts';
import { collected, findEntry, listEntries } from '../../src/client/verbs/listing.ts';
import { create, put } from '../../src/client/verbs/upload.ts';
import { asMeshError, type ErrorCode } from '../../src/core/errors.ts';
import { checkPath } from '../../src/core/path.ts';
import type { Entry } from '../../src/wire/calls.ts';
import { Mesh, type MeshOptions, STORY } from '../sim/mesh.ts';
import { sourceOf, VERB } from '../sim/mesh-client.ts';

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A calm mesh with all peers linked, and its clients connected each to another peer. */
export async function startStory(seed: string, options: Partial<MeshOptions> = {}): Promise<{ mesh: Mesh; sessions: Session[] }> {
  const mesh = new Mesh({ ...STORY, ...options, seed });
  mesh.startAll();
  const linked = () =>
    mesh.peers.every(
      ({ peer }) => peer?.scanned === true && peer.peers().peers.filter((one) => one.alive).length === mesh.peers.length,
    );
  await mesh.until('all peers are linked and scanned', linked);
  // A peer tells within 250 ms that it has caught up; until all have, a name may have two owners.
  await mesh.run(1_000);
  const sessions = mesh.clients.map((client, index) => client.open([mesh.peers[index % mesh.peers.length]?.address as string]));
  return { mesh, sessions };
}

export function createText(session: Session, path: string, text: string) {
  return create(session, checkPath(path), sourceOf(bytesOf(text)), VERB);
}

export function putText(session: Session, path: string, text: string) {
  return put(session, checkPath(path), sourceOf(bytesOf(text)), VERB);
}

/** The entry as that client sees it; undefined when the name was never there. */
export function seen(session: Session, path: string): Promise<Entry | undefined> {
  return findEntry(session, checkPath(path));
}

export function listed(session: Session): Promise<Entry[]> {
  return collected(listEntries(session, {}));
}

/** The code a promise rejects with; undefined when it does not. */
export function codeOf(promise: Promise<unknown>): Promise<ErrorCode | undefined> {
  return promise.then(
    () => undefined,
    (thrown: unknown) => asMeshError(thrown).code,
  );
}
