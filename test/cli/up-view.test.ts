import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Screen } from '../../src/cli/screen.ts';
import { eventText, jsonView, livingView, type ShownPeer } from '../../src/cli/up-view.ts';
import type { PeerId } from '../../src/core/ids.ts';

const ESCAPE = '\u001b';

/** What was printed, piece by piece, on a terminal of so many columns. */
function screenOf(columns: number, isBehind = () => false): { screen: Screen; printed: string[] } {
  const printed: string[] = [];
  const nothing = () => {};
  const screen = {
    value: nothing,
    print: (text: string) => void printed.push(text),
    say: nothing,
    note: nothing,
    bytes: () => Promise.resolve(),
    isBehind,
    size: () => ({ rows: 24, columns }),
  };
  return { screen, printed };
}

function peerCalled(name: string): ShownPeer {
  const one = { id: 'aa' as PeerId, name, alive: true, self: true, files: 1, bytes: 2, capacity: 2048 };
  const status = { mesh: 'home', name, peers: 1, files: 1, bytes: 2, wanted: 2, under: 0, unavailable: 0, conflicts: 0 };
  return {
    id: one.id,
    name,
    meshName: 'home',
    addresses: ['192.168.1.20:4795'],
    scanned: true,
    status: () => Promise.resolve({ ...status, tombstones: 0, warnings: [], notKept: [] }),
    peers: () => ({ peers: [one] }),
  } as unknown as ShownPeer;
}

describe('the living status', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('draws four lines that fit, whatever the names, and draws over them from the left edge', async () => {
    const { screen, printed } = screenOf(40);
    const view = livingView(screen, '/home/ユーザー/共有フォルダー共有フォルダー共有フォルダー');
    view.ready(peerCalled('alpha'), 'home/able-wagon-river');
    view.event({ event: 'stored', path: '日本語ファイル日本語ファイル日本語ファイル.txt' });
    await vi.advanceTimersByTimeAsync(0);
    const lines = printed.at(-1)?.split('\n') ?? [];
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['folder', 'members', 'files', 'now']);
    expect(lines[0]).toBe('folder   /home/ユーザー/共有フォルダー');
    expect(lines[3]).toBe('now      stored 日本語ファイル日本語フ');
    await vi.advanceTimersByTimeAsync(1000);
    expect(printed.at(-1)?.startsWith(`\r${ESCAPE}[4A${ESCAPE}[Jfolder`)).toBe(true);
    view.stopping();
    expect(printed.at(-1)).toBe(`\r${ESCAPE}[4A${ESCAPE}[Jstopping`);
    await vi.advanceTimersByTimeAsync(2000);
    expect(printed.at(-1)).toMatch(/stopping$/);
    view.close();
  });

  it('breaks what it says at blanks', () => {
    const { screen, printed } = screenOf(40);
    const view = livingView(screen, '/srv');
    view.event({ event: 'alone' });
    for (const line of (printed[0] ?? '').split('\n')) expect(line.length).toBeLessThan(40);
    expect(printed[0]).toContain('1. the firewall');
  });

  it('lets no control character of a name through', () => {
    const { screen, printed } = screenOf(80);
    livingView(screen, '/srv').event({ event: 'conflict', path: `a${ESCAPE}[31m\nb` });
    expect(printed).toEqual([expect.stringContaining('a\\u{1b}[31m\\u{a}b')]);
    expect(eventText({ event: 'paused', reason: `no${ESCAPE}[2J` })).not.toContain(ESCAPE);
  });
});

describe('events as JSON', () => {
  it('are left out while nobody reads them, and counted', async () => {
    let isBehind = false;
    const { screen, printed } = screenOf(80, () => isBehind);
    const view = jsonView(screen);
    const happen = async (path: string) => {
      view.event({ event: 'stored', path });
      await new Promise((resolve) => setImmediate(resolve));
    };
    await happen('a');
    isBehind = true;
    for (const path of ['b', 'c', 'd']) await happen(path);
    isBehind = false;
    await happen('e');
    await happen('f');
    expect(printed.flatMap((text) => text.split('\n')).map((line) => JSON.parse(line))).toEqual([
      { event: 'stored', path: 'a' },
      { event: 'missed', count: 3 },
      { event: 'stored', path: 'e' },
      { event: 'stored', path: 'f' },
    ]);
  });
});
