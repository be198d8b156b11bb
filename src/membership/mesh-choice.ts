import { MeshError } from '../core/errors.ts';
import type { Fact, MeshFact, SettingFact } from '../core/facts.ts';
import type { PeerId } from '../core/ids.ts';
import { REPLICAS_DEFAULT } from '../core/settings.ts';
import type { Random } from '../platform/random.ts';
import { idPrefixOf, MESH_ID_DIGITS, meshIdOf, newSecret, parseMeshLine } from '../wire/mesh-line.ts';

/** What decides which mesh a peer belongs to. */
export interface MeshWish {
  /** As the store has them: they come before any line. */
  readonly facts: readonly Fact[];
  readonly join: string | undefined;
  readonly self: PeerId;
  readonly name: string;
  readonly meshName: string;
  readonly replicas?: number | undefined;
}

export interface MeshChoice {
  /** First digits of the mesh id: what announcements are keyed with. */
  readonly idPrefix: string;
  /** To be adopted at once: the peer is a member by its own knowledge of the first secret. */
  readonly facts: readonly Fact[];
  /** Secret of the line: proves this peer where its facts do not, and lets it know others. */
  readonly lineSecret: string | undefined;
}

/**
 * The mesh of the store; else the one of the join line; else a new one. A line of the own mesh, also an old one, is
 * nothing new; another mesh's throws `usage`. A line with an id leads to a mesh whose facts are told by whoever admits.
 */
export function chooseMesh(wish: MeshWish, random: Random): MeshChoice {
  const line = wish.join === undefined ? undefined : parseMeshLine(wish.join);
  const mesh = meshOf(wish.facts);
  if (mesh !== undefined) {
    if (line !== undefined && !mesh.id.startsWith(idPrefixOf(line))) throw otherMesh(mesh);
    return { idPrefix: mesh.id.slice(0, MESH_ID_DIGITS), facts: [], lineSecret: line?.secret };
  }
  const settings = settingsOf(wish, line === undefined);
  if (line?.idPrefix !== undefined) return { idPrefix: line.idPrefix, facts: settings, lineSecret: line.secret };
  const name = line?.name ?? wish.meshName;
  const secret = line?.secret ?? newSecret(random);
  const id = meshIdOf(name, secret);
  const facts: Fact[] = [
    { kind: 'secret', generation: 1, secret, excludes: [] },
    { kind: 'member', id: wish.self, role: 'peer', name: wish.name, generation: 1 },
    { kind: 'mesh', id, name },
    ...settings,
  ];
  return { idPrefix: id.slice(0, MESH_ID_DIGITS), facts, lineSecret: line?.secret };
}

/**
 * What this peer was told to want; of a mesh that begins here the default too. Revision 0: a line may lead to a mesh
 * with a setting of its own, and there a later revision, or the larger number, wins.
 */
function settingsOf({ replicas }: MeshWish, begins: boolean): SettingFact[] {
  if (replicas === undefined && !begins) return [];
  return [{ kind: 'setting', name: 'replicas', value: replicas ?? REPLICAS_DEFAULT, revision: 0 }];
}

/** The fact that says where a mesh began; absent while a newcomer has not been told. */
export function meshOf(facts: Iterable<Fact>): MeshFact | undefined {
  for (const fact of facts) if (fact.kind === 'mesh') return fact;
  return undefined;
}

function otherMesh(mesh: MeshFact): MeshError {
  return new MeshError(
    'usage',
    `this folder belongs to the mesh ${mesh.name}+${mesh.id.slice(0, MESH_ID_DIGITS)}, and the join line is another mesh's: ` +
      'leave --join out, or run "filemesh up" with another folder',
  );
}
