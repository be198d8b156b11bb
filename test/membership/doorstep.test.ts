import { describe, expect, test } from 'vitest';
import type { PeerId } from '../../src/core/ids.ts';
import { Doorstep, PIPES_MAX } from '../../src/membership/doorstep.ts';
import type { Pipe } from '../../src/platform/network.ts';
import { nearPipes } from '../../src/platform/node/near-pipe.ts';
import { greet } from '../../src/wire/greeting.ts';
import { parseMeshLine } from '../../src/wire/mesh-line.ts';
import { LINE, SimMesh, type SimPeer } from './sim-mesh.ts';

const DEAF = { data: () => {}, drain: () => {} };

/** Until a connection that was closed is opened anew: a thousand a second of those that are too many, not all that a simulation can do. */
const REOPEN_MS = 20;

/** One of no mesh that holds `count` connections to a peer, says nothing, and soon opens another when one is closed. */
function flood(mesh: SimMesh, peer: SimPeer, count: number): { readonly open: number } {
  const { network, clock } = mesh.world.addNode('mallory').start();
  const state = { open: 0 };
  const address = peer.membership.addresses()[0] as string;
  const hold = async (): Promise<void> => {
    const pipe = await network.dial(address);
    state.open++;
    pipe.open({
      ...DEAF,
      closed: () => {
        state.open--;
        clock.after(REOPEN_MS, () => void hold().catch(() => {}));
      },
    });
  };
  for (let index = 0; index < count; index++) hold().catch(() => {});
  return state;
}

describe('who is at the door', () => {
  test('that comes from many addresses of one network drives out its own, not who came before', () => {
    const closed: string[] = [];
    const pipeFrom = (remoteAddress: string) => ({ remoteAddress, close: () => closed.push(remoteAddress) }) as unknown as Pipe;
    const door = new Doorstep();
    door.enter(pipeFrom('192.168.1.7:5000'));
    door.enter(pipeFrom('[2001:db8:7:1::5]:5000'));
    for (let host = 0; host < 2 * PIPES_MAX; host++) door.enter(pipeFrom(`[2001:db8:7:2::${host.toString(16)}]:5000`));
    expect(closed).toHaveLength(PIPES_MAX + 2);
    expect(closed.filter((address) => !address.startsWith('[2001:db8:7:2:'))).toEqual([]);
  });

  test('a stranger that holds more connections than there are places keeps no newcomer and no member away', async () => {
    const mesh = new SimMesh('flood');
    const alpha = await mesh.start('alpha');
    await mesh.start('bravo');
    await mesh.until('linked', () => mesh.isMeshed());
    const strangers = flood(mesh, alpha, PIPES_MAX + 20);
    await mesh.until('the door is full', () => strangers.open >= PIPES_MAX);
    await mesh.start('charlie');
    await mesh.until('a newcomer is in', () => mesh.isMeshed(), 5_000);
    mesh.partition([
      ['alpha', 'mallory'],
      ['bravo', 'charlie'],
    ]);
    await mesh.until('alpha is alone', () => alpha.switchboard.peers().length === 0, 10_000);
    await mesh.until('the door is full still', () => strangers.open >= PIPES_MAX);
    mesh.world.lan.heal();
    await mesh.until('members are linked again', () => mesh.isMeshed(), 15_000);
  });

  test('when one too many comes the oldest of the host with the most goes, and whoever comes stays', () => {
    const closed: string[] = [];
    const at = (remoteAddress: string, name: string): Pipe =>
      ({ remoteAddress, close: () => closed.push(name) }) as unknown as Pipe;
    const doorstep = new Doorstep();
    doorstep.enter(at('10.0.0.7:1', 'who was there first'));
    for (let index = 1; index < PIPES_MAX; index++) doorstep.enter(at(`10.0.0.9:${index}`, `flood ${index}`));
    expect(closed).toEqual([]);
    const newcomer = at('10.0.0.8:1', 'newcomer');
    doorstep.enter(newcomer);
    expect(closed).toEqual(['flood 1']);
    // Whoever floods drives out its own.
    doorstep.enter(at('10.0.0.9:9999', 'one more of the flood'));
    expect(closed).toEqual(['flood 1', 'flood 2']);
    doorstep.leave(newcomer);
    doorstep.enter(at('10.0.0.5:1', 'another'));
    expect(closed).toEqual(['flood 1', 'flood 2']);
  });

  test('a member is admitted by its key, anybody else when it has greeted', async () => {
    const mesh = new SimMesh('admitted');
    const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
    if (alpha === undefined || bravo === undefined) throw new Error('two peers');
    await mesh.until('linked', () => mesh.isMeshed());
    const admitted: string[] = [];
    const come = (who: string, id: PeerId): Pipe => {
      const [near, far] = nearPipes({ id, address: '10.0.0.9:1' }, { id: alpha.id, address: '10.0.0.1:4000' });
      alpha.membership.accept(far, () => admitted.push(who));
      return near;
    };
    come('member', bravo.id).open({ ...DEAF, closed: () => {} });
    expect(admitted).toContain('member');
    come('stranger', 'e'.repeat(64) as PeerId).open({ ...DEAF, closed: () => {} });
    const { secret } = parseMeshLine(LINE);
    const greeted = greet(come('newcomer', 'f'.repeat(64) as PeerId), {
      role: 'client',
      instance: '0'.repeat(16),
      secrets: () => [{ generation: 1, secret }],
      standing: () => 'unknown',
      clock: alpha.platform.clock,
    });
    expect(admitted).not.toContain('newcomer');
    await mesh.settle(greeted);
    await mesh.run(6_000);
    expect(admitted).toContain('newcomer');
    expect(admitted).not.toContain('stranger');
  });
});
