import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadIdentity } from '../../../src/platform/node/node-identity.ts';
import { freePort, type Process, until } from '../../faults/process.ts';
import type { Ground } from '../ground.ts';
import { cpuMsOf, endedCpuMs, isInstalled } from '../machine.ts';

/** A server that is not ours, of the files in one folder, over TLS 1.3. Node stands in where nginx is missing. */
const STAND_IN = `
const [key, cert, root, port] = process.argv.slice(1), fs = require('node:fs');
require('node:https').createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert), minVersion: 'TLSv1.3' }, (ask, answer) => {
  const file = root + ask.url;
  answer.setHeader('Content-Length', fs.statSync(file).size);
  fs.createReadStream(file, { highWaterMark: 262144 }).pipe(answer);
}).listen(Number(port));`;

/** nginx on one host, or what stands in for it, and curl on others. It ends with its ground. */
export class WebRival {
  readonly name = isInstalled('nginx') ? 'nginx + curl' : 'node https + curl';
  readonly #ground: Ground;
  readonly #server: Process;
  readonly #url: string;

  private constructor(ground: Ground, server: Process, url: string) {
    this.#ground = ground;
    this.#server = server;
    this.#url = url;
  }

  /** Why there is none; undefined where there is. */
  static missing(): string | undefined {
    return isInstalled('curl') ? undefined : 'curl is not installed';
  }

  static async open(ground: Ground, host: number, root: string): Promise<WebRival> {
    const place = ground.place('nginx');
    const { keyPem, certificatePem } = await loadIdentity(place);
    const [key, certificate] = [join(place, 'key.pem'), join(place, 'cert.pem')];
    writeFileSync(key, keyPem, { mode: 0o600 });
    writeFileSync(certificate, certificatePem);
    const port = await freePort();
    const listens = `${ground.addressOf(host)}:${port}`;
    const settings = join(place, 'nginx.conf');
    writeFileSync(settings, nginxSettings({ place: ground.place('nginx/tmp'), listens, key, certificate, root }));
    const command = isInstalled('nginx')
      ? ['nginx', '-p', place, '-e', join(place, 'error.log'), '-c', settings]
      : [process.execPath, '-e', STAND_IN, key, certificate, root, `${port}`];
    const rival = new WebRival(ground, ground.start(host, command), `https://${listens}`);
    const [program = '', ...words] = ground.commandOn(host, ['curl', '-skI', `${rival.#url}/`]);
    await until('the web server', () => spawnSync(program, words).status === 0);
    return rival;
  }

  /** curl on a host gets a file of the root to `target`, which is then synced: the ms. */
  async get(host: number, file: string, target: string): Promise<number> {
    const began = performance.now();
    const { code, error } = await this.#ground.start(host, ['curl', '-sSfk', '--tlsv1.3', '-o', target, `${this.#url}/${file}`])
      .ended;
    if (code !== 0) throw new Error(`curl ended with ${code}: ${error}`);
    const descriptor = openSync(target, 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
    return performance.now() - began;
  }

  cpuMs(): number {
    return cpuMsOf(this.#server.pid) + endedCpuMs();
  }
}

interface Serving {
  readonly place: string;
  readonly listens: string;
  readonly key: string;
  readonly certificate: string;
  readonly root: string;
}

function nginxSettings({ place, listens, key, certificate, root }: Serving): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${place};`).join(' ');
  // One process: its CPU time is all there is.
  return `daemon off; master_process off; pid ${place}/pid; error_log ${place}/error.log;
events {}
http { access_log off; sendfile on; ${paths}
server { listen ${listens} ssl; ssl_protocols TLSv1.3; ssl_certificate ${certificate}; ssl_certificate_key ${key}; root ${root}; } }`;
}
