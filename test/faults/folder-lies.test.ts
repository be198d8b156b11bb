import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesIn } from './contents.ts';
import { Lan, lanMissing, type PeerProcess, skipAloud } from './lan.ts';
import { until } from './process.ts';

const skipped = skipAloud('a folder that lies', lanMissing());
/** Enough for the brake: 20 files and 30 % of them. */
const FILES = 30;
/** A whole scan comes that often without a hint: the mount is to be noticed before. */
const SCAN_MS = 50_000;
const NAMES = Array.from({ length: FILES }, (_, index) => `file-${index}.txt`);

describe.skipIf(skipped)('a folder that lies deletes nothing', () => {
  let lan: Lan;
  let alpha: PeerProcess;
  let bravo: PeerProcess;

  beforeAll(async () => {
    lan = new Lan('lies', 2);
    [alpha, bravo] = (await lan.peers({ host: 1, name: 'alpha' }, { host: 2, name: 'bravo' })) as [PeerProcess, PeerProcess];
    for (const name of NAMES) writeFileSync(join(alpha.folder, name), `the text of ${name}`);
    await until('all files on both', () => [alpha, bravo].every((peer) => filesIn(peer.folder).size === FILES));
  });
  afterAll(() => lan?.close());

  const pausedNow = () => lan.verb(1, ['status', '--peer', alpha.address]).then(({ value }) => value.paused as string | null);

  /** Alpha pauses, saying why and what to type; nobody saw anything deleted. */
  async function pauses(): Promise<string> {
    const reason = await until('alpha pauses', async () => (await pausedNow()) ?? undefined, 90_000);
    expect(reason).toMatch(/filemesh resume --deleted.*filemesh resume --restore/);
    await alpha.event({ event: 'paused', reason });
    await nothingDeleted();
    return reason;
  }

  async function goesOn(): Promise<void> {
    await until('alpha goes on', async () => (await pausedNow()) === null);
    await alpha.event({ event: 'resumed' });
  }

  async function nothingDeleted(): Promise<void> {
    expect([...alpha.events, ...bravo.events].filter((event) => event.event === 'deleted')).toEqual([]);
    expect([...filesIn(bravo.folder).keys()]).toEqual(expect.arrayContaining(NAMES));
    const { value } = await lan.verb(2, ['show', '--peer', bravo.address]);
    expect(value.map((file: { path: string }) => file.path)).toEqual(expect.arrayContaining(NAMES));
  }

  const allBack = () =>
    until('all files are back with their copies', async () => {
      const { value } = await lan.verb(2, ['show', '--peer', bravo.address]);
      const whole = value.length >= FILES && value.every((file: { copies: number }) => file.copies === 2);
      return whole && filesIn(alpha.folder).size === value.length;
    });

  it('when an empty file system is mounted over it', async () => {
    const inside = (...command: string[]) => {
      // The mount is made where the peer sees it and nobody else does.
      const result = spawnSync('nsenter', ['-t', `${alpha.process.pid}`, '-m', ...command], { encoding: 'utf8' });
      expect(result.status, result.stderr).toBe(0);
    };
    inside('mount', '-t', 'tmpfs', 'none', alpha.folder);
    const beganMs = performance.now();
    // A watcher sees nothing of a mount. What others place here finds out, else the next scan would.
    const made = await lan.verb(2, ['create', 'meanwhile.txt', '--peer', bravo.address], { input: 'made meanwhile' });
    expect(made.code, made.output + made.error).toBe(0);
    expect(made.value.copies).toBe(1);
    const reason = await pauses();
    expect(reason).toContain('marker');
    expect(performance.now() - beganMs).toBeLessThan(SCAN_MS);
    const { value } = await lan.verb(2, ['show', 'file-0.txt', '--peer', bravo.address]);
    expect(value[0].holders).toContain('alpha');
    expect(value[0].copies).toBe(1);
    // It still lists, and sends clients to where the bytes are.
    const place = lan.place('while-paused');
    const answer = await lan.verb(1, ['download', 'file-1.txt', '--to', `${place}/`, '--peer', alpha.address]);
    expect(answer.code, answer.output + answer.error).toBe(0);
    inside('umount', alpha.folder);
    await goesOn();
    await allBack();
  });

  it('when it is moved away', async () => {
    const away = `${alpha.folder}-away`;
    renameSync(alpha.folder, away);
    await pauses();
    // Somebody makes an empty one in its place: still not the folder.
    mkdirSync(alpha.folder);
    await nothingDeleted();
    rmSync(alpha.folder, { recursive: true });
    renameSync(away, alpha.folder);
    await goesOn();
    await allBack();
  });

  it('when its marker is removed', async () => {
    unlinkSync(join(alpha.folder, '.filemesh', 'marker'));
    // Nobody watches the private files: the next scan finds out, and a file that goes brings it.
    unlinkSync(join(alpha.folder, 'file-0.txt'));
    const reason = await pauses();
    expect(reason).toContain('marker');
    const answer = await lan.verb(1, ['resume', '--restore', '--peer', alpha.address]);
    expect(answer.code, answer.output + answer.error).toBe(0);
    await goesOn();
    await allBack();
  });

  it('when all its files are gone at once, until a person says so', async () => {
    const clear = () => {
      for (const name of NAMES) unlinkSync(join(alpha.folder, name));
    };
    clear();
    const reason = await pauses();
    expect(reason).toContain('resume --deleted');
    const restored = await lan.verb(1, ['resume', '--restore', '--peer', alpha.address]);
    expect(restored.code, restored.output + restored.error).toBe(0);
    await goesOn();
    await allBack();
    await nothingDeleted();
    clear();
    await pauses();
    const deleted = await lan.verb(1, ['resume', '--deleted', '--peer', alpha.address]);
    expect(deleted.code, deleted.output + deleted.error).toBe(0);
    await until('they are deleted everywhere', () => NAMES.every((name) => !filesIn(bravo.folder).has(name)));
    const { value } = await lan.verb(2, ['show', 'file-*', '--peer', bravo.address]);
    expect(value).toEqual([]);
  });

  it('when a peer is started on an empty place where its folder was', async () => {
    await alpha.process.kill();
    renameSync(alpha.folder, `${alpha.folder}-unmounted`);
    mkdirSync(alpha.folder);
    const refused = await alpha.again().then(
      () => 'it started',
      (error: Error) => error.message,
    );
    expect(refused).toContain('--new');
  });
});
