import { createHash } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import envPaths from 'env-paths';
import { z } from 'zod';
import { MeshMemory, type MeshRecord } from '../client/mesh-memory.ts';
import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import type { Address } from '../platform/network.ts';
import { idPrefixOf, parseMeshLine } from '../wire/mesh-line.ts';
import { factShape, peerIdShape } from '../wire/shapes.ts';
import { isGone } from './is-gone.ts';
import { KeptLogin } from './kept-login.ts';
import { readJson, writePrivate } from './private-file.ts';
import { systemReason } from './system-reason.ts';

/** A mesh this user's programs know. */
export interface HomeMesh extends MeshRecord {
  readonly name: string;
  /** First 16 hex digits of the mesh id. */
  readonly id: string;
  /** A peer of this user runs here now. */
  readonly runs: boolean;
  /** Where the pages of peers of this user that run here are. */
  readonly pages: readonly string[];
  /** Wall ms of the last use. */
  readonly usedMs: number;
}

/** A peer this user started on this machine, as `up` leaves it for clients. */
export interface LocalPeer {
  readonly id: string;
  readonly folder: string;
  readonly addresses: readonly Address[];
  /** The process it runs in. */
  readonly pid: number;
  /** Where its page is; absent: it serves none. */
  readonly http?: string | undefined;
}

const meshShape = z.object({ line: z.string().max(400), facts: z.array(z.unknown()).max(20_000) });
const addressesShape = z.object({ addresses: z.array(z.string().max(300)).max(256) });
const localShape = z.object({
  id: z.string(),
  folder: z.string(),
  addresses: z.array(z.string()).max(64),
  pid: z.number().int(),
  http: z.string().max(300).optional(),
});
const folderShape = z.object({ folder: z.string(), peer: peerIdShape });

/**
 * The user's configuration folder: client identity, known meshes, shell history, and which peer each folder belongs to.
 * Several programs use it at once, so each file is written whole and has one kind of writer.
 */
export class Home {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** In FILEMESH_HOME, else where the system keeps a user's configuration. */
  static of(environment: Readonly<Record<string, string | undefined>>): Home {
    const named = environment.FILEMESH_HOME;
    return new Home(named === undefined || named === '' ? envPaths('filemesh', { suffix: '' }).config : resolve(named));
  }

  /** Rejects with `usage` where this folder can be neither read nor made: before anything else fails of it. */
  async check(): Promise<void> {
    let made = this.directory;
    // What is not there yet is made in the nearest folder that is.
    while (!existsSync(made) && dirname(made) !== made) made = dirname(made);
    try {
      if (!(await stat(made)).isDirectory()) throw Object.assign(new Error('a file'), { code: 'ENOTDIR' });
      await access(made, made === this.directory ? constants.R_OK | constants.X_OK : constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw this.#unusable('usage', made, cause);
    }
  }

  /** Where the key of this user's clients lies. */
  get identityDirectory(): string {
    return join(this.directory, 'client');
  }

  get historyFile(): string {
    return join(this.directory, 'history');
  }

  /** The meshes known, last used first. */
  async meshes(): Promise<HomeMesh[]> {
    const ids = await namesIn(join(this.directory, 'meshes'));
    const meshes = await Promise.all(ids.map((id) => this.#mesh(id)));
    return meshes.filter((mesh) => mesh !== undefined).sort((a, b) => b.usedMs - a.usedMs);
  }

  /**
   * The mesh a client means: the one named (`name`, or `name+ID` where two share it), else the only one known, else the
   * only one of which a peer runs here. Rejects with `not-allowed` when none is known, `usage` when it is not clear.
   */
  async choose(named: string | undefined): Promise<HomeMesh> {
    const meshes = await this.meshes();
    const fitting =
      named === undefined ? meshes : meshes.filter((mesh) => named === mesh.name || named === `${mesh.name}+${mesh.id}`);
    const running = fitting.filter((mesh) => mesh.runs);
    const only = fitting.length === 1 ? fitting[0] : running.length === 1 ? running[0] : undefined;
    if (only !== undefined) return only;
    if (fitting.length === 0) {
      const [which, enter] =
        named === undefined
          ? ['no mesh is known here', 'begin one with "filemesh up FOLDER", or enter one']
          : [`no mesh called ${quote(named)} is known here`, 'enter it'];
      const how = `${enter} with --join LINE ("filemesh invite" on a machine of the mesh prints it)`;
      throw new MeshError('not-allowed', `${which}; ${how}`);
    }
    const choices = fitting.map((mesh) => `${mesh.name}+${mesh.id}`).join(', ');
    throw new MeshError('usage', `several meshes are known here; say which with --mesh: ${choices}`);
  }

  /** Where peers of the mesh of a line are said to be now: `up` of this user tells it anew at each start. */
  async addresses(line: string): Promise<readonly Address[]> {
    return (await this.#mesh(idPrefixOf(parseMeshLine(line))))?.addresses ?? [];
  }

  /** Keeps what a client, or `up`, knows of a mesh, beside the facts others kept: a removal is never forgotten. */
  async keepMesh({ line, facts }: Pick<MeshRecord, 'line' | 'facts'>): Promise<void> {
    const memory = new MeshMemory({ line, facts: (await this.#mesh(idPrefixOf(parseMeshLine(line))))?.facts ?? [] });
    memory.adopt(facts);
    await this.#write(join(this.meshFolder(line), 'mesh.json'), JSON.stringify({ line, facts: memory.facts }));
  }

  /** Keeps where a client reached the peers of a mesh. */
  async keepAddresses(line: string, addresses: readonly Address[]): Promise<void> {
    await this.#write(join(this.meshFolder(line), 'addresses.json'), JSON.stringify({ addresses }));
  }

  /** Tells clients of this user where a peer of this machine listens. */
  async keepLocalPeer(line: string, peer: LocalPeer): Promise<void> {
    await this.#write(join(this.meshFolder(line), 'local', `${peer.id}.json`), JSON.stringify(peer));
  }

  /** The peer a folder belonged to the last time. */
  async peerOfFolder(folder: string): Promise<string | undefined> {
    const parsed = folderShape.safeParse(await readJson(this.#folderFile(folder)));
    return parsed.success ? parsed.data.peer : undefined;
  }

  /** Folders that belonged to peers, and lie in this one. */
  async foldersBelow(folder: string): Promise<string[]> {
    const files = await namesIn(join(this.directory, 'folders'));
    const values = await Promise.all(files.map((file) => readJson(join(this.directory, 'folders', file))));
    const folders = values.flatMap((value) => folderShape.safeParse(value).data?.folder ?? []);
    return folders.filter((one) => one.startsWith(`${folder}${sep}`));
  }

  async keepFolder(folder: string, peer: string): Promise<void> {
    await this.#write(this.#folderFile(folder), JSON.stringify({ folder, peer }));
  }

  /** The login kept for the mesh of a line. */
  loginOf(line: string): KeptLogin {
    return new KeptLogin(this.meshFolder(line));
  }

  async #write(file: string, text: string): Promise<void> {
    try {
      await writePrivate(file, text);
    } catch (cause) {
      throw this.#unusable('failed', file, cause);
    }
  }

  #unusable(code: 'usage' | 'failed', file: string, cause: unknown): MeshError {
    const isFile = (cause as NodeJS.ErrnoException).code === 'ENOTDIR';
    const why = isFile ? 'it is a file, and should be a folder' : systemReason(cause);
    const what = `the folder ${quote(this.directory)}, where filemesh keeps what this user's programs know, cannot be used`;
    return new MeshError(code, `${what} (${quote(file)}: ${why}); let FILEMESH_HOME name a folder of your own`, { cause });
  }

  /** Where what is known of the mesh of a line lies. */
  meshFolder(line: string): string {
    return join(this.directory, 'meshes', idPrefixOf(parseMeshLine(line)));
  }

  #folderFile(folder: string): string {
    return join(this.directory, 'folders', `${createHash('sha256').update(folder).digest('hex').slice(0, 32)}.json`);
  }

  async #mesh(id: string): Promise<HomeMesh | undefined> {
    const directory = join(this.directory, 'meshes', id);
    const parsed = meshShape.safeParse(await readJson(join(directory, 'mesh.json')));
    if (!parsed.success) return undefined;
    const { line, facts } = parsed.data;
    const name = nameOf(line);
    if (name === undefined) return undefined;
    const locals = await this.#localPeers(directory);
    // Its number may be another process's by now, which only costs a dial.
    const running = locals.filter((peer) => !isGone(peer.pid));
    const told = addressesShape.safeParse(await readJson(join(directory, 'addresses.json')));
    const addresses = [...running.flatMap((peer) => peer.addresses), ...(told.success ? told.data.addresses : [])];
    return {
      id,
      name,
      line,
      facts: facts.flatMap((fact) => factShape.safeParse(fact).data ?? []),
      addresses: [...new Set([...addresses, ...locals.flatMap((peer) => peer.addresses)])],
      runs: running.length > 0,
      pages: running.flatMap((peer) => peer.http ?? []),
      usedMs: await changedMs(join(directory, 'addresses.json'), join(directory, 'mesh.json')),
    };
  }

  async #localPeers(directory: string): Promise<LocalPeer[]> {
    const files = await namesIn(join(directory, 'local'));
    const values = await Promise.all(files.map((file) => readJson(join(directory, 'local', file))));
    return values.flatMap((value) => localShape.safeParse(value).data ?? []);
  }
}

function nameOf(line: string): string | undefined {
  try {
    return parseMeshLine(line).name;
  } catch {
    return undefined;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => /^[0-9a-f]+(\.json)?$/.test(name));
  } catch {
    return [];
  }
}

async function changedMs(...files: readonly string[]): Promise<number> {
  const times = await Promise.all(
    files.map((file) =>
      stat(file).then(
        (one) => one.mtimeMs,
        () => 0,
      ),
    ),
  );
  return Math.max(...times);
}
