import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeRandom } from '../../src/platform/node/node-random.ts';
import { newSecret } from '../../src/wire/mesh-line.ts';
import { filesIn } from './contents.ts';
import { Lan, lanMissing, type PeerProcess, skipAloud } from './lan.ts';
import { until } from './process.ts';

const skipped = skipAloud('strangers and removed peers', lanMissing());

describe.skipIf(skipped)('who does not belong', () => {
  let lan: Lan;
  let peers: PeerProcess[];
  const wrongLine = `trial/${newSecret(new NodeRandom())}`;

  const at = (index: number) => peers[index] as PeerProcess;
  const verb = (host: number, ...words: string[]) => lan.verb(host, [...words, '--peer', at(host - 1).address]);
  const alive = async () => {
    const { value } = await verb(1, 'peers');
    return value
      .filter((peer: { alive: boolean }) => peer.alive)
      .map((peer: { name: string }) => peer.name)
      .sort();
  };

  beforeAll(async () => {
    lan = new Lan('strange', 4);
    peers = await lan.peers(...['alpha', 'bravo', 'charlie'].map((name, index) => ({ host: index + 1, name })));
    await until('three linked', async () => (await alive()).length === 3);
    writeFileSync(join(at(0).folder, 'private.txt'), 'not for strangers');
    await at(0).event({ event: 'replicated', path: 'private.txt' });
  });
  afterAll(() => lan?.close());

  it('a client with a wrong secret is told nothing, and the log of the peer has the reason', async () => {
    const words = ['show', '--peer', at(0).address, '--timeout', '30'];
    const answer = await lan.verb(4, words, { line: wrongLine });
    expect(answer.code, answer.output).toBe(7);
    expect(answer.output + answer.error).not.toMatch(/private|alpha|bravo|charlie/);
    expect(answer.value.error.message).toContain('filemesh invite');
    await until('the log of alpha says why', () => /secret/.test(at(0).process.error + logOf(at(0))));
  });

  it('a client without a line is told where to get one', async () => {
    const home = lan.place('nobody');
    const answer = await lan.verb(4, ['show', '--peer', at(0).address], { env: { FILEMESH_HOME: home }, line: null });
    expect(answer.code, answer.output).toBe(7);
    expect(answer.value.error.message).toContain('--join');
  });

  it('a peer with a wrong secret has a mesh of its own, and no file of ours', async () => {
    const delta = await lan.peer({ host: 4, name: 'delta', line: wrongLine, words: ['--peer', at(0).address] });
    const foreign = await delta.event({ event: 'foreign-mesh' });
    expect(foreign.reason).not.toMatch(/private|alpha|bravo|charlie/);
    const { value } = await lan.verb(4, ['show', '--peer', delta.address], { line: wrongLine });
    expect(value).toEqual([]);
    expect(filesIn(delta.folder).size).toBe(0);
    expect(await alive()).toEqual(['alpha', 'bravo', 'charlie']);
    await delta.process.kill();
  });

  it('who only speaks TLS gets no certificate to pin a name on, and hears no word that tells of files', async () => {
    const [host, port] = at(0).address.split(':');
    const program = `
      const { connect } = require('node:tls');
      const socket = connect({ host: ${JSON.stringify(host)}, port: ${port}, rejectUnauthorized: false }, () => {
        socket.write(Buffer.alloc(4096, 0x41));
      });
      let heard = 0;
      socket.on('data', (bytes) => { heard += bytes.length; console.log('text ' + bytes.toString('latin1').replace(/[^ -~]/g, '.')); });
      socket.on('secureConnect', () => console.log('subject ' + JSON.stringify(socket.getPeerCertificate().subject)));
      socket.on('error', (error) => console.log('error ' + error.code));
      socket.on('close', () => console.log('closed after ' + heard));
    `;
    const outcome = await lan.start(4, [process.execPath, '-e', program]).ended;
    expect(outcome.output).toMatch(/closed after \d+/);
    expect(outcome.output).not.toMatch(/private|alpha|bravo|charlie|trial/);
  });

  it('a removed peer is cut off everywhere, stays out, and the old line admits nobody', async () => {
    const answer = await verb(1, 'remove', 'charlie', '--yes');
    expect(answer.code, answer.output + answer.error).toBe(0);
    await at(2).event({ event: 'removed' });
    await until('two are left', async () => (await alive()).join() === 'alpha,bravo');
    const late = await verb(2, 'peers');
    expect(late.code, late.output).toBe(7);
    // On a peer's own machine a client has the present line without being told.
    const viaBravo = await until('bravo lists two', async () => {
      const { value } = await lan.verb(2, ['peers'], { line: null });
      return Array.isArray(value) ? value : undefined;
    });
    expect(viaBravo.map((peer: { name: string }) => peer.name).sort()).toEqual(['alpha', 'bravo']);
    await at(2).process.kill();
    const back = await at(2)
      .again()
      .catch((error: Error) => error);
    writeFileSync(join(at(0).folder, 'after.txt'), 'made after the removal');
    await at(0).event({ event: 'replicated', path: 'after.txt' });
    expect(await alive()).toEqual(['alpha', 'bravo']);
    expect(existsSync(join(at(2).folder, 'after.txt'))).toBe(false);
    if (!(back instanceof Error)) await back.process.kill();
    const invited = await verb(1, 'invite');
    expect(invited.value.join).toMatch(/^trial\+[0-9a-f]{16}\//);
    const old = await lan.verb(4, ['show', '--peer', at(0).address, '--timeout', '30'], {
      env: { FILEMESH_HOME: lan.place('old') },
    });
    expect(old.code, old.output).toBe(7);
    const now = await lan.verb(4, ['show', '--peer', at(0).address], {
      env: { FILEMESH_HOME: lan.place('now') },
      line: invited.value.join,
    });
    expect(now.code, now.output).toBe(0);
    expect(now.value).toHaveLength(2);
  });
});

function logOf(peer: PeerProcess): string {
  try {
    return readFileSync(join(peer.folder, '.filemesh', 'log', 'peer.log'), 'utf8');
  } catch {
    return '';
  }
}
