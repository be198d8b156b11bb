import { userInfo } from 'node:os';
import { makeClient } from '../client/client.ts';
import { MeshMemory } from '../client/mesh-memory.ts';
import type { Session } from '../client/session.ts';
import type { SessionOptions } from '../client/session-ports.ts';
import type { VerbOptions } from '../client/transfer.ts';
import { checkAccountName, login as logIn } from '../client/verbs/accounts.ts';
import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import type { Address } from '../platform/network.ts';
import { idPrefixOf, parseMeshLine } from '../wire/mesh-line.ts';
import { checkLogin } from './check-login.ts';
import { clientPlatform } from './client-platform.ts';
import { type ClientTexts, clientTexts } from './client-settings.ts';
import { Home, type HomeMesh } from './home.ts';
import type { KeptLogin } from './kept-login.ts';
import type { Parsed } from './parse.ts';
import { unwrapKeyPair } from './sealing/account-key.ts';
import { OwnKey } from './sealing/own-key.ts';
import { textsOfEnvironment } from './up-settings.ts';
import { readAddress, readDuration } from './values.ts';

const TIMEOUT_MS_DEFAULT = 10_000;

/** A session with the mesh that the user means. */
export interface OpenClient {
  readonly session: Session;
  readonly meshName: string;
  /** Where this user's programs keep what they know of the mesh. */
  readonly meshFolder: string;
  /** What is kept of a login; undefined: who it is was told for this time, and nothing is kept. */
  readonly login: KeptLogin | undefined;
  /** What opens the sealed files of who is logged in. */
  readonly ownKey: OwnKey;
  /** Logs in as whoever was told. To be done before anything is asked; the second time it is done already. Rejects with `not-allowed`. */
  enter(options: Pick<VerbOptions, 'signal'>): Promise<void>;
  /** Ends the session, and keeps for the next one what it learned. */
  close(): Promise<void>;
}

/** What is to be known of the user's wish before anything is dialled; wrong options are told at once. */
export interface ClientWish {
  readonly home: Home;
  readonly mesh: Pick<HomeMesh, 'line' | 'facts' | 'addresses' | 'pages'>;
  readonly peers: readonly Address[];
  readonly timeoutMs: number;
  /** Given in a file or the environment; absent: whoever logged in here. */
  readonly account?: { readonly user: string; readonly password: string };
}

/** Rejects with `usage` for a wrong option, `not-allowed` when no mesh is known. */
export async function clientWish(line: Parsed, environment: NodeJS.ProcessEnv): Promise<ClientWish> {
  const home = Home.of(environment);
  const texts = await clientTexts(line, environment);
  const peers = texts.peer.map((text) => readAddress(text, '--peer'));
  const range = { min: 1, max: 86_400_000 };
  const [timeout] = texts.timeout.map((text) => readDuration(text, '--timeout', range));
  const [join] = texts.join;
  const account = accountOf(texts);
  await home.check();
  const mesh = join === undefined ? await home.choose(texts.mesh[0]) : await joined(home, join);
  return { home, mesh, peers, timeoutMs: timeout ?? TIMEOUT_MS_DEFAULT, ...(account !== undefined && { account }) };
}

/** Who the user says they are. */
function accountOf({ user: [user], password: [password] }: ClientTexts): ClientWish['account'] {
  if (user === undefined && password === undefined) return undefined;
  if (user === undefined)
    throw new MeshError('usage', 'a password was given without a user: name them in FILEMESH_USER, or as user: in the file');
  if (password === undefined)
    throw new MeshError(
      'usage',
      `the user ${quote(user)} was given without a password: it stands in FILEMESH_PASSWORD, or as password: in the file`,
    );
  return { user: checkAccountName(user), password };
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
  const { session } = client;
  const { account } = wish;
  const login = account === undefined ? home.loginOf(memory.line) : undefined;
  const ownKey = new OwnKey(login?.folder);
  await session.signIn.use((await login?.read())?.token);
  const enter: OpenClient['enter'] = async (options) => {
    if (account === undefined || session.signIn.token !== undefined) return;
    const { proof, wrapKey } = await session.signIn.secretsOf(account.user, account.password);
    const result = await logIn(session, { user: account.user, proof }, options);
    if (result.kind === 'wrong') throw wrongAccount(account.user);
    const { key } = checkLogin(result);
    const pair = key && (await unwrapKeyPair(key, wrapKey));
    if (key !== undefined && pair !== undefined) await ownKey.keep(account.user, pair, key);
  };
  return { session, meshName: memory.name, meshFolder: home.meshFolder(memory.line), login, ownKey, enter, close };
}

/** Who gave them may have forgotten that. */
function wrongAccount(user: string): MeshError {
  const words = `the name or the password is wrong: ${quote(user)} is named in the environment (FILEMESH_USER, FILEMESH_PASSWORD), or in the file of --config`;
  return new MeshError('not-allowed', words);
}

/** The mesh of a join line, with what is known of it already. */
async function joined(home: Home, join: string): Promise<ClientWish['mesh']> {
  const id = idPrefixOf(parseMeshLine(join));
  const known = (await home.meshes()).find((mesh) => mesh.id === id);
  return { line: join, facts: known?.facts ?? [], addresses: known?.addresses ?? [], pages: known?.pages ?? [] };
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
