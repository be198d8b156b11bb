import { beforeEach, describe, expect, test } from 'vitest';
import { type Client, makeClient } from '../../src/client/client.ts';
import { MeshMemory } from '../../src/client/mesh-memory.ts';
import { listEntries } from '../../src/client/verbs/listing.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { Link } from '../../src/wire/link.ts';
import type { SimNode } from '../sim/sim-node.ts';
import { SimWorld } from '../sim/sim-world.ts';
import { LINE, ScriptedMesh, type ScriptedPeer } from './scripted-peer.ts';

let world: SimWorld;
let mesh: ScriptedMesh;
let alpha: ScriptedPeer;
let bravo: ScriptedPeer;
let laptop: SimNode;
let told: string[];

beforeEach(async () => {
  world = new SimWorld('session');
  mesh = new ScriptedMesh(world);
  alpha = await mesh.addPeer('alpha');
  bravo = await mesh.addPeer('bravo');
  laptop = world.addNode('laptop');
  told = [];
});

function settle<T>(promise: Promise<T>): Promise<T> {
  return world.scheduler.settle(promise);
}

function client(
  options: {
    given?: string[];
    timeoutMs?: number | 'never';
    line?: string;
    memory?: MeshMemory;
    lookUp?: () => Promise<string[]>;
  } = {},
): Client {
  return makeClient({
    platform: laptop.start(),
    memory: options.memory ?? new MeshMemory({ line: options.line ?? LINE, facts: [] }),
    name: 'tester',
    given: options.given ?? [alpha.address],
    remembered: [],
    timeoutMs: options.timeoutMs ?? 10_000,
    ...(options.lookUp && { lookUp: options.lookUp }),
    onWaiting: () => told.push('waiting'),
    onBack: (peerName) => told.push(`back ${peerName}`),
  });
}

function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'answered',
    (error: MeshError) => error.code,
  );
}

describe('a session', () => {
  test('goes on at another peer, without a word, when its own is killed', async () => {
    const { session } = client();
    await settle(session.call('peers', {}));
    expect(session.peer).toBe(alpha.node.id);
    const began = world.scheduler.nowMs;
    alpha.kill();
    const { reply } = await settle(session.call('peers', {}));
    expect(reply.peers.find((peer) => peer.self)?.name).toBe('bravo');
    expect(world.scheduler.nowMs - began).toBeLessThan(500);
    expect(told).toEqual([]);
  });

  test('finds a peer that started anew at another address, where it is looked up', async () => {
    let now: string[] = [];
    const { session } = client({ timeoutMs: 'never', lookUp: () => Promise.resolve(now) });
    await settle(session.call('peers', {}));
    alpha.kill();
    bravo.kill();
    await world.scheduler.runFor(5000);
    expect(told).toEqual(['waiting']);
    const charlie = await mesh.addPeer('charlie');
    now = [charlie.address];
    expect((await settle(session.call('peers', {}))).reply.peers.find((peer) => peer.self)?.name).toBe('charlie');
    expect(told).toEqual(['waiting', 'back charlie']);
  });

  test('a call under way is asked again at the next peer', async () => {
    const { session } = client();
    await settle(session.call('peers', {}));
    mesh.put('a', Uint8Array.of(1), 'bravo');
    alpha.script.locate = () => {
      alpha.kill();
      return new Promise(() => {});
    };
    const { reply } = await settle(session.call('locate', { path: 'a' as never }));
    expect(reply.contents[0]?.size).toBe(1);
    expect(bravo.count('locate')).toBe(1);
  });

  test('a peer that is stopped is left within three seconds', async () => {
    const { session } = client();
    await settle(session.call('peers', {}));
    // Told to know bravo before: in the background.
    await world.scheduler.runFor(1000);
    const began = world.scheduler.nowMs;
    alpha.node.stop();
    await settle(session.call('peers', {}));
    expect(world.scheduler.nowMs - began).toBeLessThan(3000);
    expect(session.peer).toBe(bravo.node.id);
  });

  test('an answer that another may do it leads to another; when all say so, that is the error', async () => {
    const { session } = client();
    await settle(session.connect());
    await world.scheduler.runFor(1000);
    const full = () => Promise.reject(new MeshError('full', 'no room'));
    alpha.script.begin = full;
    const begin = () => session.call('begin', { upload: session.newRequest(), path: 'a' as never, size: 1, base: [] });
    await settle(begin());
    expect(bravo.count('begin')).toBe(1);
    bravo.script.begin = full;
    expect(await settle(codeOf(begin()))).toBe('full');
  });

  test('a busy name is asked for again until it is free', async () => {
    const { session } = client();
    let refusals = 5;
    mesh.put('a', Uint8Array.of(1), 'alpha');
    alpha.script.locate = () => (refusals-- > 0 ? Promise.reject(new MeshError('busy', 'held')) : undefined);
    await settle(session.call('locate', { path: 'a' as never }));
    expect(alpha.count('locate')).toBe(6);
  });

  test('what no peer can mend is told at once', async () => {
    const { session } = client();
    expect(await settle(codeOf(session.call('locate', { path: 'nope' as never })))).toBe('not-found');
    expect(bravo.count('locate')).toBe(0);
  });

  test('gives up with unreachable after the timeout, and not before', async () => {
    const { session } = client({ timeoutMs: 5000 });
    alpha.kill();
    bravo.kill();
    const began = world.scheduler.nowMs;
    expect(await settle(codeOf(session.call('peers', {})))).toBe('unreachable');
    const spent = world.scheduler.nowMs - began;
    expect(spent).toBeGreaterThan(3000);
    expect(spent).toBeLessThanOrEqual(6000);
  });

  test('gives up after the timeout on peers that link and answer nothing', async () => {
    const never = () => new Promise<never>(() => {});
    for (const peer of [alpha, bravo]) peer.script.locate = never;
    const { session } = client({ timeoutMs: 3000 });
    await settle(session.connect());
    await world.scheduler.runFor(1000);
    const began = world.scheduler.nowMs;
    expect(await settle(codeOf(session.call('locate', { path: 'a' as never })))).toBe('unreachable');
    expect(world.scheduler.nowMs - began).toBeLessThan(7000);
  });

  test('goes from a peer that answers nothing to one that does', async () => {
    alpha.script.locate = () => new Promise(() => {});
    mesh.put('a', Uint8Array.of(1), 'bravo');
    const { session } = client();
    await settle(session.connect());
    await world.scheduler.runFor(1000);
    expect((await settle(session.call('locate', { path: 'a' as never }))).reply.contents).toHaveLength(1);
    expect(alpha.count('locate')).toBe(1);
  });

  test('a peer that answers now and then is not given up, however late it is with one call', async () => {
    bravo.kill();
    const { session } = client({ timeoutMs: 10_000 });
    let tries = 0;
    const slow = (link: Link) =>
      new Promise<string>((resolve, reject) => {
        if (++tries === 4) return resolve('done');
        // Half of what it is asked it answers, the last one too late.
        world.scheduler.outside.after(8000, () => void link.call('peers', {}));
        world.scheduler.outside.after(15_000, () => reject(new MeshError('timeout', 'late')));
      });
    expect(await settle(session.attempt(slow))).toBe('done');
    tries = 0;
    const mute = () =>
      new Promise<string>((_resolve, reject) => {
        tries++;
        world.scheduler.outside.after(15_000, () => reject(new MeshError('timeout', 'late')));
      });
    expect(await settle(codeOf(session.attempt(mute)))).toBe('unreachable');
    expect(tries).toBe(1);
  });

  test('a shell keeps trying while no peer answers, says so once, and says who is back', async () => {
    const { session } = client({ timeoutMs: 'never' });
    await settle(session.call('peers', {}));
    await world.scheduler.runFor(1000);
    alpha.kill();
    bravo.kill();
    const call = session.call('peers', {});
    call.catch(() => undefined);
    await world.scheduler.runFor(60_000);
    expect(told).toEqual(['waiting']);
    await bravo.start();
    await settle(call);
    expect(told).toEqual(['waiting', 'back bravo']);
  });

  test('a wrong secret is not allowed, which is told instead of unreachable', async () => {
    const { session } = client({ line: 'home/abandon-pear-neck-crush-spin-whisper-guilt-eight' });
    expect(await settle(codeOf(session.call('peers', {})))).toBe('not-allowed');
  });

  test('a verb that is called off ends at once', async () => {
    const { session } = client();
    await settle(session.connect());
    alpha.script.peers = () => new Promise(() => {});
    const stop = new AbortController();
    const call = session.call('peers', {}, { signal: stop.signal });
    stop.abort();
    await expect(settle(call)).rejects.toThrow('stopped');
  });

  test.each(['full', 'mute'])(
    'a verb that is called off ends at once, also while another peer is looked for: %s',
    async (how) => {
      const { session } = client();
      await settle(session.connect());
      await world.scheduler.runFor(1000);
      alpha.script.locate = () => (how === 'full' ? Promise.reject(new MeshError('full', 'no room')) : new Promise(() => {}));
      // It takes connections, and says nothing.
      bravo.node.stop();
      const stop = new AbortController();
      const call = session.call('locate', { path: 'a' as never }, { signal: stop.signal });
      call.catch(() => undefined);
      await world.scheduler.runFor(how === 'full' ? 200 : 10_200);
      stop.abort();
      const began = world.scheduler.nowMs;
      await expect(settle(call)).rejects.toThrow('stopped');
      expect(world.scheduler.nowMs - began).toBeLessThan(10);
    },
  );

  test('a list goes on behind its last page when the peer dies between pages', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) mesh.put(name, Uint8Array.of(1), 'alpha', 'bravo');
    const { session } = client();
    const seen: string[] = [];
    const walk = async (): Promise<void> => {
      for await (const entry of listEntries(session, {})) {
        seen.push(entry.path);
        if (seen.length === 3) alpha.kill();
      }
    };
    await settle(walk());
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(bravo.count('list')).toBeGreaterThan(0);
  });

  test('leaves a peer that was removed, and trusts it no more, though it knows the secret', async () => {
    const memory = new MeshMemory({ line: LINE, facts: [] });
    const { session } = client({ given: [alpha.address, bravo.address], memory });
    await settle(session.call('peers', {}));
    await world.scheduler.runFor(1000);
    expect(session.peer).toBe(alpha.node.id);
    const call = settle(session.call('locate', { path: 'a' as never }));
    mesh.put('a', Uint8Array.of(1), 'alpha', 'bravo');
    alpha.script.locate = () => new Promise(() => {});
    alpha.tell({ kind: 'removal', id: alpha.node.id, generation: 2, members: [bravo.node.id] });
    expect((await call).reply.contents).toHaveLength(1);
    expect(session.peer).toBe(bravo.node.id);
    expect(alpha.clientCount).toBe(0);
    await settle(session.close());
    // The next session of this user has what was kept.
    laptop = world.addNode('the same laptop');
    bravo.kill();
    const later = client({
      given: [alpha.address],
      timeoutMs: 2000,
      memory: new MeshMemory({ line: LINE, facts: memory.facts }),
    });
    expect(await settle(codeOf(later.session.call('peers', {})))).toBe('unreachable');
    expect(alpha.clientCount).toBe(0);
  });

  test('leaves its links when it is closed, and refuses to go on', async () => {
    const { session } = client();
    await settle(session.connect());
    expect(alpha.clientCount).toBe(1);
    await settle(session.close());
    await world.scheduler.runFor(100);
    expect(alpha.clientCount).toBe(0);
    expect(await settle(codeOf(session.call('peers', {})))).toBe('closed');
  });
});
