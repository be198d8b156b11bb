import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openNodeLog } from '../../src/platform/node/node-log.ts';

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'filemesh-log-'));
  try {
    await test(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it('writes the event and its facts, from its level on, all of them by the time it is closed', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'peer.log');
    const log = openNodeLog({ file, level: 'info' });
    log.debug('unheard');
    log.info('linked', { peer: 'bravo' });
    log.error('lost', { event: 'not the name', reason: new Error('why').message });
    await log.close();
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0] as string)).toMatchObject({ event: 'linked', peer: 'bravo' });
  }));

it('keeps two files within its bound, however much is written', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'peer.log');
    const log = openNodeLog({ file, fileBytesMax: 10_000 });
    for (let round = 0; round < 20; round++) {
      for (let line = 0; line < 50; line++) log.info('something happened', { round, line });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    expect((await readdir(folder)).sort()).toEqual(['peer.log', 'peer.log.1']);
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).size).toBeLessThanOrEqual(10_000);
  }));

it('throws nothing when its file cannot be written', () =>
  withFolder(async (folder) => {
    const log = openNodeLog({ file: join(folder, 'missing', 'peer.log') });
    log.info('anything');
    await log.close();
    expect(await readdir(folder)).toEqual([]);
  }));
