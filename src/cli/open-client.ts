import { userInfo } from 'node:os';
import { makeClient } from '../client/client.ts';
import { MeshMemory } from '../client/mesh-memory.ts';
import type { Session } from '../client/session.ts';
import type { SessionOptions } from '../client/session-ports.ts';
import type { Address } from '../platform/network.ts';
import { idPrefixOf, parseMeshLine } from '../wire/mesh-line.ts';
import { clientPlatform } from './client-platform.ts';
import { Home, type HomeMesh } from './home.ts';
import type { OptionTable, Parsed } from './parse.ts';
import { environmentName, textsOfEnvironment } from './up-settings.ts';
import { readAddress, readDuration } from './values.ts';

/** Options every client verb has. */
export const CLIENT_OPTIONS = {
  json: { describe: 'print one JSON value' },
  mesh: { describe: 'the mesh meant, when several are known here', value: 'NAME' },
  peer: { describe: 'a peer to start at, repeatable', value: 'HOST:PORT', repeats: true },
  join: { describe: 'join line of the mesh, on a machine that is not in it yet', value: 'LINE' },
  timeout: { describe: 'how long to look for a peer that answers (default 10)', value: 'SECONDS' },
} as const satisfies OptionTable;

const TIMEOUT_MS_DEFAULT = 10_000;

/** A session with the mesh that the user means. */
export interface OpenClient {
  readonly session: Session;
  readonly meshName: string;
  /** Ends the session, and keeps for the next one what it learned. */
  close(): Promise<void>;
}

/** What is to be known of the user's wish before anything is dialled; wrong options are told at once. */
export interface ClientWish {
  readonly home: Home;
  readonly mesh: Pick<HomeMesh, 'line' | 'facts' | 'addresses'>;
  readonly peers: readonly Address[];
  readonly timeoutMs: number;
}

/** Rejects with `usage` for a wrong option, `not-allowed` when no mesh is known. */
export async function clientWish(line: Parsed, environment: NodeJS.ProcessEnv): Promise<ClientWish> {
  const home = Home.of(environment);
  const isSaid = line.options.has('mesh') || line.options.has('join');
  const texts = (option: keyof typeof CLIENT_OPTIONS) => {
    const flags = line.options.get(option);
    // Which mesh is meant is said by both or by neither.
    if (flags !== undefined || (isSaid && (option === 'mesh' || option === 'join'))) return flags ?? [];
    const text = (environment[environmentName(option)] ?? '').trim();
    if (text === '') return [];
    return option === 'peer' ? text.split(/[\s,]+/) : [text];
  };
  const peers = texts('peer').map((text) => readAddress(text, '--peer'));
  const range = { min: 1, max: 86_400_000 };
  const [timeout] = texts('timeout').map((text) => readDuration(text, '--timeout', range));
  const [join] = texts('join');
  await home.check();
  const mesh = join === undefined ? await home.choose(texts('mesh')[0]) : await joined(home, join);
  return { home, mesh, peers, timeoutMs: timeout ?? TIMEOUT_MS_DEFAULT };
}

/** Makes the session; it dials when a verb needs a peer. */
export async function openClient(wish: ClientWish, options: SessionOptions): Promise<OpenClient> {
  const { home, mesh } = wish;
  const memory = new MeshMemory(mesh);
  const interfaces = textsOfEnvironment(process.env).interface;
  const platform = await clientPlatform(home.identityDirectory, interfaces);
  const stateOf = (): string => JSON.stringify([memory.line, memory.facts]);
  let kept = JSON.stringify([mesh.line, memory.facts]);
  const keep = async (): Promise<void> => {
    const state = stateOf();
    if (state === kept) return;
    await home.keepMesh({ line: memory.line, facts: memory.facts });
    kept = state;
  };
  let keeping = Promise.resolve();
  let wasConnected = false;
  const client = makeClient({
    ...options,
    platform,
    memory,
    name: clientName(),
    given: wish.peers,
    remembered: mesh.addresses,
    // A peer of this machine that starts again may have another port.
    lookUp: () => home.addresses(memory.line),
    onLearned: () => {
      wasConnected = true;
      // At once, for a shell may be killed and must not trust a removed peer the next time; what fails is told at the end.
      keeping = keeping.then(keep).catch(() => undefined);
    },
  });
  const close = async (): Promise<void> => {
    const addresses = client.addresses();
    await client.session.close();
    if (!wasConnected) return;
    await keeping;
    await keep();
    if (addresses.join() !== mesh.addresses.join()) await home.keepAddresses(memory.line, addresses);
  };
  return { session: client.session, meshName: memory.name, close };
}

/** The mesh of a join line, with what is known of it already. */
async function joined(home: Home, join: string): Promise<ClientWish['mesh']> {
  const id = idPrefixOf(parseMeshLine(join));
  const known = (await home.meshes()).find((mesh) => mesh.id === id);
  return { line: join, facts: known?.facts ?? [], addresses: known?.addresses ?? [] };
}

/** Peers write it in their log: who of the machine's users it was, if that is a name of one line. */
function clientName(): string {
  const name = nameOfUser().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\]/gu, '');
  return name === '' ? 'client' : name.slice(0, 64);
}

function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the system's list, as in some containers.
    return 'client';
  }
}
