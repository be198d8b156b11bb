import { describe, expect, it } from 'vitest';
import type { CommitIntent, CommitOutcome } from '../../src/platform/disk.ts';
import { aside, clean, replacement, STEPS_MAX } from './commit-bench.ts';
import { ASIDE, Crash, commitUntil, contentOf, type DiskBench, isSameStat, stageContent, walked } from './disk-bench.ts';
import { vanishingFolders } from './vanishing-folders.ts';

/** The part of the Disk's acceptance that is about commit. `current`: the prepared bench of the running test. */
export function commitAcceptance(current: () => DiskBench): void {
  describe('commit', () => {
    plainCommits(current);
    vanishingFolders(current);
    refusedCommits(current);
    crashedCommits(current);
    disturbedCommits(current);
    twiceDisturbedCommits(current);
  });
}

function plainCommits(current: () => DiskBench): void {
  it('puts a new file in place, parents made, with its mode, mtime and stat, durably', async () => {
    const staged = await stageContent(current().disk, 's', 'new!');
    const outcome = await current().disk.commit({ path: 'a/b/f', staged, aside });
    expect(outcome).toEqual({ result: 'done', stat: await current().disk.stat('a/b/f') });
    await current().restart();
    expect(await contentOf(current().disk, 'a/b/f')).toBe('new!');
    const stat = await current().disk.stat('a/b/f');
    expect([stat?.size, Math.round(stat?.mtimeMs ?? 0), (stat?.mode ?? 0) & 0o777]).toEqual([4, 1_600_000_000_000, 0o640]);
    expect(await current().disk.stat(staged)).toBeUndefined();
    expect(await current().disk.stat(aside)).toBeUndefined();
  });

  it('replaces a file and sets the old one aside, durably', async () => {
    const intent = await replacement(current());
    const outcome = await current().disk.commit(intent);
    expect(outcome).toEqual({ result: 'done', stat: await current().disk.stat('folder/f') });
    await current().restart();
    expect(await contentOf(current().disk, 'folder/f')).toBe('new!');
    expect(await contentOf(current().disk, aside)).toBe('old');
    expect(await current().disk.stat(intent.staged)).toBeUndefined();
  });

  it('sets aside only, durably, when nothing is staged', async () => {
    const { staged: _, ...intent } = await replacement(current());
    expect(await current().disk.commit(intent)).toEqual({ result: 'done' });
    await current().restart();
    expect(await contentOf(current().disk, aside)).toBe('old');
    expect(await walked(current().disk)).toEqual([]);
    expect(await current().disk.commit(intent)).toEqual({ result: 'done' });
  });

  it('puts an empty file and a name of 255 bytes in place', async () => {
    const path = `${'n'.repeat(255)}/${'m'.repeat(255)}`;
    const staged = await stageContent(current().disk, 's', '');
    expect((await current().disk.commit({ path, staged, aside })).result).toBe('done');
    expect(await contentOf(current().disk, path)).toBe('');
  });

  it('commits many files at once, into folders they share', async () => {
    const commits = Array.from({ length: 60 }, async (_, index) => {
      const staged = await stageContent(current().disk, `s${index}`, `content ${index}`);
      return current().disk.commit({ path: `d${index % 4}/e/f${index}`, staged, aside: `${ASIDE}/${index}` });
    });
    for (const outcome of await Promise.all(commits)) expect(outcome.result).toBe('done');
    expect(await walked(current().disk)).toHaveLength(60);
    expect(await contentOf(current().disk, 'd1/e/f41')).toBe('content 41');
  });
}

function refusedCommits(current: () => DiskBench): void {
  const unchanged = async (intent: CommitIntent, content: string | undefined) => {
    expect(await contentOf(current().disk, intent.path)).toBe(content);
    expect(await contentOf(current().disk, intent.aside)).toBeUndefined();
    if (intent.staged !== undefined) expect(await contentOf(current().disk, intent.staged)).toBe('new!');
  };

  it('is given up when another file lies there', async () => {
    const intent = await replacement(current());
    await current().person.save('folder/f', 'saved meanwhile');
    expect(await current().disk.commit(intent)).toEqual({ result: 'changed', asideKept: false });
    await unchanged(intent, 'saved meanwhile');
  });

  it('is given up when the file was written in place', async () => {
    const intent = await replacement(current());
    await current().person.write('folder/f', 'written meanwhile');
    expect(await current().disk.commit(intent)).toEqual({ result: 'changed', asideKept: false });
    await unchanged(intent, 'written meanwhile');
  });

  it('is given up when the file is gone', async () => {
    const intent = await replacement(current());
    await current().person.remove('folder/f');
    expect(await current().disk.commit(intent)).toEqual({ result: 'changed', asideKept: false });
    await unchanged(intent, undefined);
  });

  it('is given up when something lies where nothing should', async () => {
    const { replaces: _, ...intent } = await replacement(current());
    expect(await current().disk.commit(intent)).toEqual({ result: 'changed', asideKept: false });
    await unchanged(intent, 'old');
  });

  it('says bad-place where a folder lies, below a file, and for a name that is too long', async () => {
    const { disk, person } = current();
    await person.write('file', 'x');
    await person.write('folder/in/it', 'x');
    const staged = await stageContent(disk, 's', 'new!');
    for (const path of ['folder/in', 'file/below', 'file/far/below', 'n'.repeat(256), `${'n'.repeat(256)}/f`]) {
      await expect(disk.commit({ path, staged, aside })).rejects.toMatchObject({ code: 'bad-place' });
    }
    expect(await contentOf(disk, staged)).toBe('new!');
    expect(await walked(disk)).toEqual(['file', 'folder/in/it']);
  });
}

function crashedCommits(current: () => DiskBench): void {
  it('is finished by the same intent after a crash before any step, and done again when it was done', async () => {
    for (let crashAt = 0; crashAt < STEPS_MAX; crashAt++) {
      await clean(current());
      const intent = await replacement(current());
      const outcome = await commitUntil(current(), intent, crashAt);
      await current().restart();
      for (let rerun = 0; rerun < 2; rerun++) {
        expect(await current().disk.commit(intent)).toMatchObject({ result: 'done' });
        expect(await contentOf(current().disk, 'folder/f')).toBe('new!');
        expect(await contentOf(current().disk, aside)).toBe('old');
        expect(await current().disk.stat(intent.staged)).toBeUndefined();
      }
      if (outcome !== undefined) return expect(crashAt).toBeGreaterThan(2);
    }
    throw new Error('the steps have no end');
  });

  it('is finished after a crash when it only sets aside', async () => {
    for (let crashAt = 0; crashAt < STEPS_MAX; crashAt++) {
      await clean(current());
      const { staged: _, ...intent } = await replacement(current());
      const outcome = await commitUntil(current(), intent, crashAt);
      await current().restart();
      expect(await current().disk.commit(intent)).toEqual({ result: 'done' });
      expect(await contentOf(current().disk, 'folder/f')).toBeUndefined();
      expect(await contentOf(current().disk, aside)).toBe('old');
      if (outcome !== undefined) return;
    }
    throw new Error('the steps have no end');
  });

  it('is never done when the staged file was lost before anything was', async () => {
    const intent = await replacement(current());
    await current().disk.remove(intent.staged);
    const commit = current().disk.commit(intent);
    const ending = await commit.catch(({ code }) => ({ result: code }));
    expect(['changed', 'gone']).toContain(ending.result);
    expect(await contentOf(current().disk, 'folder/f')).toBe('old');
  });

  it('does not take an edit made after a crash for its own file', async () => {
    for (const act of ['write', 'save'] as const) {
      await clean(current());
      const intent = await replacement(current());
      await current().disk.commit(intent);
      await current().restart();
      await current().person[act]('folder/f', 'edited after');
      const outcome = await current().disk.commit(intent);
      await nothingLost(current(), intent, outcome, 'edited after');
    }
  });
}

type Act = 'write' | 'save' | 'remove';

function disturbedCommits(current: () => DiskBench): void {
  for (const act of ['write', 'save', 'remove'] as const) {
    it(`loses nothing when a person's ${act} comes before any step`, async () => {
      for (let actAt = 0; actAt < STEPS_MAX; actAt++) {
        await clean(current());
        const intent = await replacement(current());
        const acted = await disturb(current(), intent, act, actAt, false);
        if (!acted) return expect(actAt).toBeGreaterThan(2);
      }
      throw new Error('the steps have no end');
    });

    it(`loses nothing when a person's ${act} comes before any step and a crash after it`, async () => {
      for (let actAt = 0; actAt < STEPS_MAX; actAt++) {
        await clean(current());
        const intent = await replacement(current());
        const acted = await disturb(current(), intent, act, actAt, true);
        if (!acted) return expect(actAt).toBeGreaterThan(2);
      }
      throw new Error('the steps have no end');
    });
  }
}

/** A save before one step; then a second save, or a crash, before a later one, while the commit gives way, say. */
function twiceDisturbedCommits(current: () => DiskBench): void {
  for (const then of ['second save', 'crash'] as const) {
    it(`loses nothing when a ${then} comes after a save during one commit`, async () => {
      let pairs = 0;
      for (let first = 0; first < STEPS_MAX; first++) {
        const before = pairs;
        for (let second = first + 1; second < STEPS_MAX; second++) {
          await clean(current());
          if (!(await disturbTwice(current(), first, second, then))) break;
          pairs++;
        }
        if (pairs === before && first > 2) break;
      }
      expect(pairs).toBeGreaterThan(2);
    });
  }
}

async function disturbTwice(bench: DiskBench, first: number, second: number, then: 'second save' | 'crash'): Promise<boolean> {
  const intent = await replacement(bench);
  let came = false;
  bench.beforeSteps(async (step) => {
    if (step === first) await bench.person.save(intent.path, 'a first edit');
    if (step !== second) return;
    came = true;
    if (then === 'crash') throw new Crash();
    await bench.person.save(intent.path, 'the second edit');
  });
  const outcome = await finished(bench, intent);
  if (!came) return false;
  await nothingLost(bench, intent, outcome, then === 'crash' ? 'a first edit' : 'the second edit');
  // What was given back does not lie aside as well.
  expect(await contentOf(bench.disk, intent.path)).not.toBe(await contentOf(bench.disk, intent.aside));
  return true;
}

/** The outcome of the commit, or of the same intent run again after the crash it met. */
async function finished(bench: DiskBench, intent: CommitIntent): Promise<CommitOutcome> {
  try {
    return await bench.disk.commit(intent);
  } catch (thrown) {
    if (!(thrown instanceof Crash)) throw thrown;
  } finally {
    bench.beforeSteps(undefined);
  }
  await bench.restart();
  return bench.disk.commit(intent);
}

/** Runs the commit with the act of a person before step `actAt` and checks that nothing is lost; false when there is no such step. */
async function disturb(bench: DiskBench, intent: CommitIntent, act: Act, actAt: number, crash: boolean): Promise<boolean> {
  let acted = false;
  bench.beforeSteps(async (step) => {
    if (step !== actAt || acted) return;
    acted = true;
    if (act === 'remove') await bench.person.remove(intent.path);
    else await bench.person[act](intent.path, 'a precious edit');
    if (crash) throw new Crash();
  });
  const outcome = await finished(bench, intent);
  if (acted) await nothingLost(bench, intent, outcome, act === 'remove' ? undefined : 'a precious edit');
  return acted;
}

/** The edit lies at the path or aside; the outcome says so, and no stat passes it off as the program's own. */
async function nothingLost(
  bench: DiskBench,
  intent: CommitIntent,
  outcome: CommitOutcome,
  edit: string | undefined,
): Promise<void> {
  const { disk } = bench;
  const there = await contentOf(disk, intent.path);
  const kept = await contentOf(disk, intent.aside);
  if (edit !== undefined) expect([there, kept]).toContain(edit);
  if (outcome.result === 'done') {
    const claimed = outcome.stat;
    if (there !== 'new!') expect(isSameStat(claimed, await disk.stat(intent.path))).toBe(false);
    expect(kept).toBe('old');
    return;
  }
  if (intent.staged !== undefined && there !== undefined) expect(there).not.toBe('new!');
  if (outcome.result === 'changed') expect(kept !== undefined).toBe(outcome.asideKept);
  if (outcome.result === 'taken') expect([there, kept]).toEqual([edit, 'old']);
}
