import { spawn, spawnSync } from 'node:child_process';
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { loadIdentity } from '../../src/platform/node/node-identity.ts';
import { freePort } from '../faults/process.ts';
import { isInstalled } from './machine.ts';

/** A server of one file over TLS 1.3 that is not ours. */
export interface Rival {
  readonly name: string;
  readonly url: string;
  close(): Promise<void>;
}

/** nginx when it is installed, else the https module of Node, which is as fast within a tenth here. `file` lies in `folder`. */
export async function openRival(folder: string, file: string, place: string): Promise<Rival> {
  const { keyPem, certificatePem } = await loadIdentity(place);
  return isInstalled('nginx')
    ? await openNginx(folder, file, place, { keyPem, certificatePem })
    : await openNodeServer(join(folder, file), { key: keyPem, cert: certificatePem });
}

/** curl to a file, then fsync: its ms. */
export async function curlMs(rival: Rival, target: string): Promise<number> {
  const began = performance.now();
  const words = ['-sSfk', '--tlsv1.3', '-o', target, rival.url];
  const child = spawn('curl', words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`curl ended with ${code}`);
  const descriptor = openSync(target, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
  return performance.now() - began;
}

/** A copy by rsync through its own protocol, on this machine; undefined where it is not installed. */
export function rsyncSeconds(from: string, to: string): number | undefined {
  if (!isInstalled('rsync')) return undefined;
  const began = performance.now();
  // A remote shell that is none: two processes and a pipe, no shortcut through the file system.
  const { status } = spawnSync('rsync', [
    '-a',
    '--whole-file',
    '-e',
    'sh -c "shift; exec \\"\\$@\\"" --',
    `${from}/`,
    `here:${to}/`,
  ]);
  return status === 0 ? (performance.now() - began) / 1000 : undefined;
}

async function openNodeServer(file: string, identity: { key: string; cert: string }): Promise<Rival> {
  const server = createServer({ ...identity, minVersion: 'TLSv1.3' }, (_, response) => {
    response.setHeader('Content-Length', statSync(file).size);
    createReadStream(file, { highWaterMark: 256 * 1024 }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { name: 'node https + curl', url: `https://127.0.0.1:${port}/`, close };
}

async function openNginx(
  folder: string,
  file: string,
  place: string,
  { keyPem, certificatePem }: { keyPem: string; certificatePem: string },
): Promise<Rival> {
  const port = await freePort();
  mkdirSync(join(place, 'tmp'), { recursive: true });
  writeFileSync(join(place, 'key.pem'), keyPem, { mode: 0o600 });
  writeFileSync(join(place, 'cert.pem'), certificatePem);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${place}/tmp;`).join(' ');
  const text = `daemon off; user root; worker_processes 1; pid ${place}/nginx.pid; error_log ${place}/error.log;
events {}
http { access_log off; sendfile on; ${paths} server { listen 127.0.0.1:${port} ssl; ssl_protocols TLSv1.3;
ssl_certificate ${place}/cert.pem; ssl_certificate_key ${place}/key.pem; root ${folder}; } }`;
  writeFileSync(join(place, 'nginx.conf'), text);
  const child = spawn('nginx', ['-p', place, '-c', join(place, 'nginx.conf')], { stdio: 'inherit' });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const url = `https://127.0.0.1:${port}/${file}`;
  // Until it listens.
  for (let tries = 0; tries < 50 && spawnSync('curl', ['-skI', url]).status !== 0; tries++) spawnSync('sleep', ['0.1']);
  return {
    name: 'nginx + curl',
    url,
    close: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
