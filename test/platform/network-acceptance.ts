import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PeerId } from '../../src/core/ids.ts';
import { isHex } from '../../src/core/ids.ts';
import type { Address, Listener, ListenOptions, Network, Pipe } from '../../src/platform/network.ts';
import { PipeEar } from './pipe-ear.ts';

/** Some ends that can reach one another, made anew for each test. */
export interface NetworkWorld {
  /** A new end with an identity of its own. */
  network(): Promise<Network>;
  /** Lets the world's time go on until `promise` is settled; on the real side it is simply awaited. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** An address where nobody listens. */
  deadAddress(): Promise<Address>;
  /** An address that takes connections or packets and never says a word. */
  silentAddress(): Promise<Address>;
  close(): Promise<void>;
}

/** Bytes that differ from place to place: a swapped, lost or doubled piece shows. */
export function pattern(bytes: number, seed = 1): Uint8Array {
  const made = new Uint8Array(bytes);
  let state = seed >>> 0;
  for (let index = 0; index < bytes; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    made[index] = state >>> 24;
  }
  return made;
}

/** Both ends of one connection. */
interface Pair {
  readonly near: Pipe;
  readonly far: Pipe;
}

/** What every Network must do. `make` is called once a test. */
export function runNetworkAcceptance(name: string, make: () => Promise<NetworkWorld>): void {
  describe(`network acceptance: ${name}`, () => {
    let world: NetworkWorld;
    let alpha: Network;
    let bravo: Network;
    let listener: Listener;
    let accepted: Pipe[];
    let waiting: ((pipe: Pipe) => void)[];

    beforeEach(async () => {
      world = await make();
      alpha = await world.network();
      bravo = await world.network();
      accepted = [];
      waiting = [];
      const accept: ListenOptions['accept'] = (pipe, admitted) => {
        admitted();
        const next = waiting.shift();
        if (next === undefined) accepted.push(pipe);
        else next(pipe);
      };
      listener = await world.settle(bravo.listen({ port: 0, accept }));
    });

    afterEach(async () => {
      await world.settle(listener.close());
      await world.close();
    });

    const address = (): Address => listener.addresses()[0] as Address;

    function nextAccepted(): Promise<Pipe> {
      const pipe = accepted.shift();
      return pipe === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(pipe);
    }

    async function connect(from: Network = alpha): Promise<Pair> {
      const [near, far] = await world.settle(Promise.all([from.dial(address(), bravo.selfId), nextAccepted()]));
      return { near, far };
    }

    test('both ends know whom they speak to', async () => {
      expect(isHex(alpha.selfId, 64)).toBe(true);
      expect(alpha.selfId).not.toBe(bravo.selfId);
      const { near, far } = await connect();
      expect(near.remoteId).toBe(bravo.selfId);
      expect(far.remoteId).toBe(alpha.selfId);
      expect([near.dialled, far.dialled]).toEqual([true, false]);
      expect(near.remoteAddress).toBe(address());
      expect(far.remoteAddress).toMatch(/^.+:\d+$/);
      expect(listener.port).toBeGreaterThan(0);
    });

    test('who dials itself is told its own id', async () => {
      const { near, far } = await connect(bravo);
      expect(near.remoteId).toBe(bravo.selfId);
      expect(far.remoteId).toBe(bravo.selfId);
    });

    test('bound keying material is equal at both ends and nowhere else', async () => {
      const first = await connect();
      const second = await connect();
      const word = first.near.bind('join');
      expect(word.length).toBe(32);
      expect(Buffer.from(first.far.bind('join'))).toEqual(Buffer.from(word));
      expect(Buffer.from(first.near.bind('join'))).toEqual(Buffer.from(word));
      expect(Buffer.from(first.near.bind('other'))).not.toEqual(Buffer.from(word));
      expect(Buffer.from(second.near.bind('join'))).not.toEqual(Buffer.from(word));
    });

    test('parts arrive in order, both ways', async () => {
      const { near, far } = await connect();
      const nearEar = new PipeEar(near);
      const farEar = new PipeEar(far);
      const there = pattern(300_000, 2);
      const back = pattern(70_000, 3);
      near.write([there.subarray(0, 5), there.subarray(5, 5), there.subarray(5, 200_000)]);
      near.write([there.subarray(200_000)]);
      far.write([back]);
      await world.settle(Promise.all([farEar.untilBytes(there.length), nearEar.untilBytes(back.length)]));
      expect(Buffer.compare(farEar.heard(), there)).toBe(0);
      expect(Buffer.compare(nearEar.heard(), back)).toBe(0);
    });

    test('memory that was told to be sent may be used again', async () => {
      const { near, far } = await connect();
      new PipeEar(near);
      const farEar = new PipeEar(far);
      const memory = [new Uint8Array(500_000), new Uint8Array(500_000)];
      const expected: Uint8Array[] = [];
      let told = 0;
      const again = (slot: Uint8Array, round: number): void => {
        slot.set(pattern(slot.length, round));
        expected.push(slot.slice());
        near.write([slot.subarray(0, 10), slot.subarray(10)], () => {
          told++;
          slot.fill(0xdb);
          if (round < 10) again(slot, round + 2);
        });
      };
      memory.forEach((slot, round) => {
        again(slot, round);
      });
      await world.settle(farEar.untilBytes(12 * 500_000));
      expect(Buffer.compare(farEar.heard(), Buffer.concat(expected))).toBe(0);
      await world.settle(otherConversation());
      expect(told).toBe(12);
    });

    test('what comes before open is kept, and the end after it too', async () => {
      const { near, far } = await connect();
      const nearEar = new PipeEar(near);
      const sent = pattern(20_000);
      near.write([sent]);
      near.close(5_000);
      // A second conversation, begun later and finished, proves that the first bytes had time to arrive.
      const other = await connect();
      const otherEar = new PipeEar(other.far);
      other.near.write([pattern(1)]);
      await world.settle(otherEar.untilBytes(1));
      const farEar = new PipeEar(far);
      expect(farEar.bytes).toBe(0);
      await world.settle(Promise.all([farEar.untilClosed(), nearEar.untilClosed()]));
      expect(Buffer.compare(farEar.heard(), sent)).toBe(0);
      expect(farEar.reasons.length).toBe(1);
    });

    test('a paused reader holds the writer back, and nothing is lost', async () => {
      const { near, far } = await connect();
      const nearEar = new PipeEar(near);
      const farEar = new PipeEar(far);
      far.pause();
      const part = pattern(65_536, 4);
      let sent = 0;
      let room = true;
      // Whatever the system buffers on the way, it is less than 64 MiB.
      while (room && sent < 1_024) {
        room = near.write([part]);
        sent++;
        if (room) continue;
        await otherConversation();
        room = nearEar.drains > 0;
        if (room) nearEar.drains = 0;
      }
      expect(room).toBe(false);
      expect(near.unsent).toBeGreaterThan(0);
      expect(farEar.bytes).toBe(0);
      far.resume();
      await world.settle(Promise.all([farEar.untilBytes(sent * part.length), nearEar.until(() => nearEar.drains > 0)]));
      expect(farEar.bytes).toBe(sent * part.length);
      const heard = farEar.heard();
      for (let index = 0; index < sent; index++) {
        expect(Buffer.compare(heard.subarray(index * part.length, (index + 1) * part.length), part)).toBe(0);
      }
    });

    /** Done after it began: time for the system to have taken all it will take on other pipes. */
    async function otherConversation(): Promise<void> {
      const { near, far } = await connect();
      const ear = new PipeEar(far);
      near.write([pattern(100_000)]);
      await world.settle(ear.untilBytes(100_000));
      near.close();
    }

    test('a close with grace sends what is unsent; closed is told once at each end', async () => {
      const { near, far } = await connect();
      const nearEar = new PipeEar(near);
      const farEar = new PipeEar(far);
      const sent = pattern(3_000_000, 5);
      near.write([sent]);
      near.close(10_000);
      near.close(10_000);
      expect(near.write([pattern(10)])).toBe(false);
      await world.settle(Promise.all([nearEar.untilClosed(), farEar.untilClosed()]));
      expect(Buffer.compare(farEar.heard(), sent)).toBe(0);
      near.close();
      far.close();
      await connect();
      expect([nearEar.reasons.length, farEar.reasons.length]).toEqual([1, 1]);
    });

    test('who closes with grace hears nothing more', async () => {
      const { near, far } = await connect();
      const nearEar = new PipeEar(near);
      const farEar = new PipeEar(far);
      far.write([pattern(100_000)]);
      near.write([pattern(1_000)]);
      near.close(10_000);
      const heard = nearEar.bytes;
      await world.settle(Promise.all([nearEar.untilClosed(), farEar.untilClosed()]));
      expect([nearEar.bytes, farEar.bytes]).toEqual([heard, 1_000]);
    });

    test('a pipe paused before open is silent until resume', async () => {
      const { near, far } = await connect();
      far.pause();
      const farEar = new PipeEar(far);
      near.write([pattern(1_000)]);
      await otherConversation();
      expect(farEar.bytes).toBe(0);
      far.resume();
      await world.settle(farEar.untilBytes(1_000));
      near.close();
    });

    test('a close at once ends both sides, and nothing is heard after it', async () => {
      const { near, far } = await connect();
      const nearEar = new PipeEar(near);
      const farEar = new PipeEar(far);
      far.write([pattern(100_000)]);
      near.close();
      const heard = nearEar.bytes;
      await world.settle(Promise.all([nearEar.untilClosed(), farEar.untilClosed()]));
      expect(nearEar.bytes).toBe(heard);
      expect(near.unsent).toBe(0);
    });

    test('who opens a pipe that is over already is told', async () => {
      const { near, far } = await connect();
      near.close();
      const farEar = new PipeEar(far);
      await world.settle(farEar.untilClosed());
      const nearEar = new PipeEar(near);
      await world.settle(nearEar.untilClosed());
      expect([nearEar.reasons.length, farEar.reasons.length]).toEqual([1, 1]);
    });

    test('another key than the expected one is not allowed', async () => {
      const wrong = alpha.selfId as PeerId;
      await expect(world.settle(alpha.dial(address(), wrong))).rejects.toMatchObject({ code: 'not-allowed' });
      expect((await connect()).near.remoteId).toBe(bravo.selfId);
    });

    test('nobody there: unreachable', async () => {
      const dead = await world.deadAddress();
      await expect(world.settle(alpha.dial(dead))).rejects.toMatchObject({ code: 'unreachable' });
    });

    test('somebody silent: unreachable after five seconds', async () => {
      const silent = await world.silentAddress();
      await expect(world.settle(alpha.dial(silent))).rejects.toMatchObject({ code: 'unreachable' });
    });

    test('a closed listener takes nobody, and its pipes go on', async () => {
      const there = address();
      const { near, far } = await connect();
      const farEar = new PipeEar(far);
      await world.settle(listener.close());
      await expect(world.settle(alpha.dial(there))).rejects.toMatchObject({ code: 'unreachable' });
      near.write([pattern(1_000)]);
      await world.settle(farEar.untilBytes(1_000));
      near.close();
    });
  });
}
