import { PeersHere } from '../cli/peers-here.ts';
import { until } from '../faults/process.ts';
import { type Act, type Asker, FILES, GRANTS, PASSWORDS } from '../rights-cases.ts';

/** Where the bytes of a file are. */
export const fileAt = (path: string): string => `/files/${path.split('/').map(encodeURIComponent).join('/')}`;
export const queryOf = (verb: string, path: string): string => `/api/v1/${verb}?path=${encodeURIComponent(path)}`;

/** Real peers with the people, files and grants that the cases of rights begin with, by way of the interface over HTTP. */
export class RightsHere {
  readonly peers = new PeersHere();
  /** Of the page and the interface of each peer. */
  readonly urls: string[] = [];
  /** Requests so far: each goes to the next peer. */
  #requests = 0;

  async begin(): Promise<void> {
    for (const name of ['alpha', 'bravo']) this.urls.push(String((await this.peers.up(name, '--http', '127.0.0.1:0')).http));
    await this.#done('nobody', 'POST', '/api/v1/users', { name: 'root', password: PASSWORDS.root });
    for (const name of ['anna', 'bob'] as const) {
      await this.#done('root', 'POST', '/api/v1/users', { name, password: PASSWORDS[name] });
    }
    for (const [path, by] of FILES) await this.#done(by, 'PUT', fileAt(path), path);
    for (const { by, ...grant } of GRANTS) {
      await this.#done(by, 'POST', '/api/v1/rights', grant);
      await this.spread(by, grant);
    }
  }

  /** A string as body: bytes; anything else: JSON. */
  ask(by: Asker, method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Response> {
    const isBytes = typeof body === 'string';
    const headers: Record<string, string> = { ...more };
    if (by !== 'nobody') headers.authorization = `Basic ${Buffer.from(`${by}:${PASSWORDS[by]}`).toString('base64')}`;
    if (body !== undefined && !isBytes) headers['content-type'] = 'application/json';
    const sent = body === undefined ? {} : { body: isBytes ? body : JSON.stringify(body) };
    return fetch(`${this.urls[this.#requests++ % this.urls.length]}${path}`, { method, headers, ...sent });
  }

  /** Resolves when every peer knows of a grant: it is told to the others a moment after it is given. */
  async spread(by: Asker, { path, who, right }: Pick<Extract<Act, { act: 'grant' }>, 'path' | 'who' | 'right'>): Promise<void> {
    const isKnown = async () => {
      const reply = await (await this.ask(by, 'GET', queryOf('rights', path))).json();
      const { rights } = reply as { rights: { who: string; right: string }[] };
      const rightOf = (name: string) => rights.find((one) => one.who === name)?.right;
      // Who has no line has what everyone has.
      return (rightOf(who) ?? rightOf('everyone')) === right;
    };
    // Each goes to the next peer.
    const areAll = async () => {
      for (let peer = 0; peer < this.urls.length; peer++) if (!(await isKnown())) return false;
      return true;
    };
    await until(`${right} on ${path} for ${who} is known to all peers`, areAll);
  }

  end(): Promise<void> {
    return this.peers.end();
  }

  async #done(by: Asker, method: string, path: string, body: unknown): Promise<void> {
    const response = await this.ask(by, method, path, body);
    if (!response.ok) throw new Error(`${by}: ${method} ${path}: ${response.status}: ${await response.text()}`);
  }
}
