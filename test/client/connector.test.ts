import { beforeEach, describe, expect, test } from 'vitest';
import { makeClient } from '../../src/client/client.ts';
import { dialRound, type OpenLink, type RoundOptions } from '../../src/client/connector.ts';
import { MeshMemory } from '../../src/client/mesh-memory.ts';
import { Routes } from '../../src/client/routes.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { PeerId } from '../../src/core/ids.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Link } from '../../src/wire/link.ts';
import { SimWorld } from '../sim/sim-world.ts';
import { LINE, ScriptedMesh } from './scripted-peer.ts';

const DIAL_MS = 5000;

let world: SimWorld;
let clock: Clock;
let routes: Routes;
/** How each address answers; one that is not named is silent until its dial is given up. */
let answers: Map<string, 'opens' | 'refuses' | 'is closed'>;
let dialled: string[];

beforeEach(() => {
  world = new SimWorld('connector');
  clock = world.addNode('laptop').start().clock;
  routes = new Routes();
  answers = new Map();
  dialled = [];
});

const open: OpenLink = (address) => {
  dialled.push(address);
  const answer = answers.get(address);
  if (answer === 'opens') return Promise.resolve({ peer: address as string as PeerId, remoteAddress: address } as Link);
  if (answer !== undefined)
    return Promise.reject(new MeshError(answer === 'refuses' ? 'not-allowed' : 'unreachable', `${address} ${answer}`));
  return new Promise((_resolve, reject) => {
    clock.after(DIAL_MS, () => reject(new MeshError('unreachable', `${address} is silent`)));
  });
};

function round(options: Partial<RoundOptions> = {}) {
  return dialRound(routes, open, clock, { without: new Set(), limitMs: 'never', discard: () => undefined, ...options });
}

function settle<T>(promise: Promise<T>): Promise<T> {
  return world.scheduler.settle(promise, 24 * 3_600_000);
}

describe('a round of dials', () => {
  test('is over after its time, however many addresses are silent', async () => {
    for (let i = 0; i < 9; i++) routes.learn('member', `192.0.2.${i}:1`);
    const began = world.scheduler.nowMs;
    expect(await settle(round({ limitMs: 1000 }))).toMatchObject({ link: undefined, isOnlyRefused: false });
    expect(world.scheduler.nowMs - began).toBeLessThan(1001);
    await world.scheduler.runFor(4 * DIAL_MS);
    expect(dialled).toHaveLength(3);
  });

  test('dials what is learned meanwhile at once, though all that was known is silent', async () => {
    for (let i = 0; i < 9; i++) routes.learn('member', `192.0.2.${i}:1`);
    const result = round();
    await world.scheduler.runFor(2000);
    answers.set('198.51.100.1:1', 'opens');
    routes.learn('sighting', '198.51.100.1:1');
    const began = world.scheduler.nowMs;
    expect((await settle(result)).link?.remoteAddress).toBe('198.51.100.1:1');
    expect(world.scheduler.nowMs - began).toBeLessThan(10);
  });

  test('is not stormed by what is learned: a few beside the others', async () => {
    for (let i = 0; i < 9; i++) routes.learn('member', `192.0.2.${i}:1`);
    const result = round();
    await world.scheduler.runFor(1000);
    for (let i = 0; i < 100; i++) routes.learn('sighting', `198.51.100.${i}:1`);
    expect(dialled).toHaveLength(6);
    answers.set('198.51.100.50:1', 'opens');
    expect((await settle(result)).link?.remoteAddress).toBe('198.51.100.50:1');
  });

  test('dials nobody that is not wanted', async () => {
    routes.learn('member', '192.0.2.1:1', 'one' as PeerId);
    const result = round({ without: new Set(['one' as PeerId, 'two' as PeerId]) });
    routes.learn('member', '192.0.2.2:1', 'two' as PeerId);
    expect(await settle(result)).toMatchObject({ link: undefined });
    expect(dialled).toEqual([]);
  });

  test.each([
    [['refuses', 'refuses'], true],
    [['refuses', 'is closed'], false],
    [['is closed', 'is closed'], false],
  ] as const)('of which all %s: only refused is %s', async (how, isOnlyRefused) => {
    how.forEach((answer, i) => {
      routes.learn('given', `192.0.2.${i}:1`);
      answers.set(`192.0.2.${i}:1`, answer);
    });
    expect(await settle(round())).toMatchObject({ link: undefined, isOnlyRefused });
  });
});

describe('a session', () => {
  const wait = (options: { line?: string; given: string[]; timeoutMs: number | 'never' }) =>
    makeClient({
      platform: world.addNode('another laptop').start(),
      memory: new MeshMemory({ line: options.line ?? LINE, facts: [] }),
      name: 'tester',
      remembered: [],
      ...options,
    }).session;

  test('of a shell says that it is refused, instead of waiting for good', async () => {
    const mesh = new ScriptedMesh(world);
    const alpha = await mesh.addPeer('alpha');
    const line = 'home/abandon-pear-neck-crush-spin-whisper-guilt-eight';
    const call = wait({ line, given: [alpha.address], timeoutMs: 'never' }).call('peers', {});
    await expect(settle(call)).rejects.toMatchObject({ code: 'not-allowed' });
  });

  test('repeats for longer than an hour what has not yet been asked to change anything, and not what has', async () => {
    const mesh = new ScriptedMesh(world);
    const alpha = await mesh.addPeer('alpha');
    const session = wait({ given: [alpha.address], timeoutMs: 'never' });
    const late = (changedMs: number | undefined) => {
      let tries = 0;
      const act = () =>
        new Promise<number>((resolve, reject) => {
          if (++tries === 2) return resolve(tries);
          world.scheduler.outside.after(2 * 3_600_000, () => reject(new MeshError('closed', 'cut')));
        });
      return session.attempt(act, { changedMs: () => changedMs });
    };
    expect(await settle(late(undefined))).toBe(2);
    await expect(settle(late(world.scheduler.nowMs))).rejects.toMatchObject({ code: 'closed' });
  });

  test('waits for a busy name after a long upload as after a short one', async () => {
    const mesh = new ScriptedMesh(world);
    const alpha = await mesh.addPeer('alpha');
    const session = wait({ given: [alpha.address], timeoutMs: 'never' });
    let tries = 0;
    const act = () =>
      new Promise<number>((resolve, reject) => {
        if (++tries === 5) return resolve(tries);
        world.scheduler.outside.after(tries === 1 ? 120_000 : 1, () => reject(new MeshError('busy', 'held')));
      });
    expect(await settle(session.attempt(act))).toBe(5);
  });
});
