import { describe, expect, test } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { type Fact, GENERATION_MAX, type SecretFact } from '../../src/core/facts.ts';
import type { PeerId } from '../../src/core/ids.ts';
import { admitsNow, CLIENT_MEMBERS_MAX } from '../../src/membership/admission.ts';
import { digestOf, FactsExchange } from '../../src/membership/facts-exchange.ts';
import { quietLog } from '../platform/quiet-log.ts';
import { connect } from './sim-client.ts';
import { SimMesh } from './sim-mesh.ts';

describe('facts', () => {
  test('a removal that a full disk did not keep is told again while the link stays', async () => {
    const mesh = new SimMesh('removal and a full disk');
    const [alpha, bravo, charlie] = await mesh.startAll(['alpha', 'bravo', 'charlie']);
    if (alpha === undefined || bravo === undefined || charlie === undefined) throw new Error('three peers');
    await mesh.until('linked', () => mesh.isMeshed());
    const { lan } = mesh.world;
    const [one, other] = [mesh.world.node('alpha').host, mesh.world.node('charlie').host];
    lan.cut(one, other);
    lan.cut(other, one);
    await mesh.until('alpha knows', () => alpha.switchboard.link(charlie.id) === undefined, 10_000);
    const link = bravo.switchboard.link(alpha.id);
    bravo.node.store.faults.isFull = true;
    await mesh.settle(alpha.membership.removeMember(charlie.id));
    await mesh.run(5_000);
    expect(bravo.catalog.members().has(charlie.id)).toBe(true);
    expect(mesh.isMeshed(['bravo', 'charlie'])).toBe(true);
    bravo.node.store.faults.isFull = false;
    await mesh.until('bravo puts it out', () => bravo.switchboard.link(charlie.id) === undefined, 65_000);
    expect(bravo.switchboard.link(alpha.id)).toBe(link);
    expect(bravo.catalog.members().has(charlie.id)).toBe(false);
  });

  test('a peer turned bad that used up the generations is put out all the same, and no link ends for what follows', async () => {
    const mesh = new SimMesh('the last generation');
    const [alpha, bravo, charlie] = await mesh.startAll(['alpha', 'bravo', 'charlie']);
    if (alpha === undefined || bravo === undefined || charlie === undefined) throw new Error('three peers');
    await mesh.until('linked', () => mesh.isMeshed());
    const last: Fact = { kind: 'secret', generation: GENERATION_MAX, secret: '~~~', excludes: [] };
    await mesh.settle(charlie.catalog.adopt([last]));
    const secrets = (peer: typeof alpha) => peer.catalog.facts().filter(({ kind }) => kind === 'secret').length;
    await mesh.until('alpha is told', () => secrets(alpha) === 2, 1_000);
    const link = alpha.switchboard.link(bravo.id);
    await mesh.settle(alpha.membership.removeMember(charlie.id));
    await mesh.until('charlie is out', () => bravo.switchboard.link(charlie.id) === undefined, 1_000);
    await mesh.run(5_000);
    expect(alpha.switchboard.link(bravo.id)).toBe(link);
    expect([secrets(alpha), secrets(bravo)]).toEqual([3, 3]);
    // It knows a secret that no other outdoes: so none admits.
    expect(admitsNow(alpha.catalog.facts(), GENERATION_MAX)).toBe(false);
  });

  test('a peer turned bad that says of a secret that it excludes thousands keeps nobody from hearing what is set', async () => {
    const mesh = new SimMesh('thousands excluded');
    const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
    if (alpha === undefined || bravo === undefined) throw new Error('two peers');
    await mesh.until('linked', () => mesh.isMeshed());
    const secret = alpha.catalog.facts().find((fact): fact is SecretFact => fact.kind === 'secret');
    if (secret === undefined) throw new Error('a secret');
    for (const from of [0, 10_000]) {
      const excludes = Array.from({ length: 3_800 }, (_, index) => String(from + index).padStart(64, '0') as PeerId);
      bravo.switchboard.link(alpha.id)?.note('facts', { facts: [{ ...secret, excludes }] });
      await mesh.run(1_000);
    }
    await mesh.settle(alpha.membership.setReplicas(3));
    mesh.kill('bravo');
    const charlie = await mesh.start('charlie');
    await mesh.until('charlie is linked', () => mesh.isMeshed());
    await mesh.until('and is told what is set', () => charlie.catalog.wantedCopies() === 3);
  });

  test('their digest is worked out once until one of them changes', () => {
    let looks = 0;
    const fact: Fact = { kind: 'setting', name: 'replicas', value: 2, revision: 0 };
    const watched = new Proxy(fact, {
      ownKeys: (target) => {
        looks++;
        return Reflect.ownKeys(target);
      },
    });
    let facts: readonly Fact[] = [watched];
    const switchboard = { peers: () => [], clients: () => [], hear: () => {}, onDown: () => {} };
    const catalog = { facts: () => facts } as unknown as Catalog;
    const exchange = new FactsExchange({ clock: { now: () => 0 }, catalog, switchboard, log: quietLog, idPrefix: () => '' });
    expect([exchange.digest(), exchange.digest()]).toEqual([digestOf([fact]), digestOf([fact])]);
    expect(looks).toBe(1);
    facts = [watched, { ...fact, value: 3 }];
    expect(exchange.digest()).toBe(digestOf(facts));
  });

  test('with very many clients one more is a guest: no fact is made, it stays while its secret admits, and no longer', async () => {
    const mesh = new SimMesh('guests');
    const alpha = await mesh.start('alpha');
    const idOf = (number: number) => String(number).padStart(64, '0') as PeerId;
    const clients = Array.from({ length: CLIENT_MEMBERS_MAX }, (_, number): Fact => {
      return { kind: 'member', id: idOf(number), role: 'client', name: 'x', generation: 1 };
    });
    await mesh.settle(alpha.catalog.adopt(clients));
    const platform = mesh.world.addNode('laptop').start();
    const { link } = await connect(mesh, platform, alpha.membership.addresses()[0] as string);
    expect(alpha.catalog.facts().some((fact) => fact.kind === 'member' && fact.id === platform.network.selfId)).toBe(false);
    await mesh.settle(alpha.membership.setReplicas(3));
    await mesh.run(2_000);
    expect(link.open).toBe(true);
    expect(alpha.switchboard.clients().length).toBe(1);
    await mesh.settle(alpha.membership.removeMember(idOf(7)));
    await mesh.until('the secret was renewed', () => !link.open, 1_000);
  });
});
