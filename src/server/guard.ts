import { MeshError } from '../core/errors.ts';
import { folderOf } from '../core/path.ts';
import type { Person, Rights } from '../core/rights.ts';
import type { Ask, CallName } from '../wire/calls.ts';

/** A path that a call reads, or changes. */
interface Touched {
  readonly path: string;
  readonly right: 'read' | 'write';
}

/**
 * What a call of a client needs once there are accounts: nothing; to be logged in; to be an admin; or rights on paths. What is
 * for peers needs to be one. An answerer may ask for more, never for less; what was carried out and is asked for again needs nothing.
 */
type Need<N extends CallName> = 'nothing' | 'login' | 'admin' | 'peer' | ((ask: Ask<N>) => readonly Touched[]);

const reads = ({ path }: { readonly path: string }): Touched[] => [{ path, right: 'read' }];
const writes = ({ path }: { readonly path: string }): Touched[] => [{ path, right: 'write' }];

/** Every call, so that none is forgotten: one that is not named here is refused. */
export const NEEDS: { readonly [N in CallName]: Need<N> } = {
  hello: 'nothing',
  ping: 'nothing',
  login: 'nothing',
  session: 'nothing',
  logout: 'nothing',
  cursors: 'peer',
  delta: 'peer',
  place: 'peer',
  'place-many': 'peer',
  'read-many': 'peer',
  read: reads,
  manifest: reads,
  verify: reads,
  // Their pages have only what may be read.
  list: 'login',
  folder: 'login',
  locate: reads,
  begin: writes,
  // Bytes without a name: an upload is known to who began it alone, and gets its name by `change`.
  chunks: 'login',
  write: 'login',
  stripe: 'login',
  'run-open': 'peer',
  'run-write': 'peer',
  'run-keep': 'peer',
  change: ({ change }) => {
    if (change.kind === 'rename') return [...writes(change), ...writes({ path: change.to })];
    // It makes files beside that one.
    if (change.kind === 'resolve-both') return [...writes(change), ...writes({ path: folderOf(change.path) })];
    return writes(change);
  },
  claim: 'peer',
  release: 'peer',
  history: reads,
  'read-old': reads,
  peers: 'login',
  traffic: 'peer',
  status: 'login',
  invite: 'admin',
  remove: 'admin',
  set: 'admin',
  resume: 'admin',
  'user-add': 'admin',
  // One's own, or an admin: the answerer tells them apart.
  'user-passwd': 'login',
  'user-remove': 'admin',
  users: 'login',
  // Who may read a path and not grant it is told so by the answerer.
  grant: reads,
  rights: reads,
  // Of one's own deeds, and an admin of all: the answerer tells them apart.
  log: 'login',
};

/**
 * Throws unless `person` may make that call: `not-found` for a name that they may not see, as if it were not there, else
 * `not-allowed`.
 */
export function checkNeed<N extends CallName>(name: N, ask: Ask<N>, person: Person | undefined, rights: Rights): void {
  const need = Object.hasOwn(NEEDS, name) ? NEEDS[name] : 'peer';
  if (need === 'nothing') return;
  if (person === undefined) throw new MeshError('not-allowed', 'this client is not logged in');
  if (need === 'login') return;
  if (need === 'peer') throw new MeshError('not-allowed', 'a call that is not for clients');
  if (need === 'admin') {
    if (!person.admin) throw new MeshError('not-allowed', `${person.name} is no admin`);
    return;
  }
  const touched = need(ask);
  for (const { path } of touched) {
    if (!rights.mayRead(person, path)) throw new MeshError('not-found', `${person.name} sees nothing there`);
  }
  for (const { path, right } of touched) {
    if (right === 'write' && !rights.mayWrite(person, path))
      throw new MeshError('not-allowed', `${person.name} may not change that`);
  }
}
