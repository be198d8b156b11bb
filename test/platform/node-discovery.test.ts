import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import multicastDns, { type ResponsePacket } from 'multicast-dns';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Sighting } from '../../src/platform/discovery.ts';
import { MdnsSocket } from '../../src/platform/node/mdns-socket.ts';
import { NodeClock } from '../../src/platform/node/node-clock.ts';
import { NodeDiscovery } from '../../src/platform/node/node-discovery.ts';
import { NodeRandom } from '../../src/platform/node/node-random.ts';
import { HandClock } from '../replication/hand-clock.ts';
import { freshAnnouncement, runDiscoveryAcceptance, SightingLog } from './discovery-acceptance.ts';
import { quietLog } from './quiet-log.ts';

// Loopback only: nothing of these tests leaves the machine.
function loopbackDiscovery(): NodeDiscovery {
  return new NodeDiscovery({ interfaces: ['127.0.0.1'], clock: new NodeClock(), random: new NodeRandom(), log: quietLog });
}

runDiscoveryAcceptance('multicast DNS over loopback', async () => ({
  discovery: async () => loopbackDiscovery(),
  settle: (promise) => promise,
  close: async () => undefined,
}));

describe('multicast DNS', () => {
  let discovery: NodeDiscovery;
  let log: SightingLog;

  beforeEach(() => {
    discovery = loopbackDiscovery();
    log = new SightingLog();
  });

  afterEach(async () => {
    await discovery.close();
  });

  test('two processes find each other, and the one that leaves says goodbye', async () => {
    const [here, there] = [freshAnnouncement(), freshAnnouncement()];
    const goodbye = nextGoodbye(there.instance);
    const seenHere = log.next(there.instance);
    await discovery.browse(log.sighted);
    await discovery.announce(here);
    const child = startAnnouncer(['127.0.0.1', there.instance, there.tag, String(there.port)]);
    try {
      const seenThere = nextLine(child, here.instance);
      expect((await seenHere).addresses).toEqual([`127.0.0.1:${there.port}`]);
      expect(await seenThere).toEqual({ ...here, port: undefined, addresses: [`127.0.0.1:${here.port}`] });
      child.stdin?.end();
      await goodbye;
      expect(await once(child, 'exit')).toEqual([0, null]);
    } finally {
      child.kill();
    }
  });

  test('garbage on the port is ignored, what comes after it is heard', async () => {
    const own = freshAnnouncement();
    const heard = nextPackets();
    await discovery.browse(log.sighted);
    await discovery.announce(own);
    const packets = await heard;
    const forger = await multicastSender(5353);
    const stranger = await multicastSender(0);
    const announcement = freshAnnouncement();
    const seen = log.next(announcement.instance);
    try {
      for (let size = 0; size < 200; size++) await forger.send(Buffer.alloc(size * 7, size));
      // A response header that promises 65,535 records, and one whose names point at themselves.
      await forger.send(Buffer.from('000084000000ffffffffffff', 'hex'));
      await forger.send(Buffer.from('000084000000000100000000c00cc00c00210001000000780006', 'hex'));
      // A good query and a good response, each with one byte wrong, from both kinds of port.
      for (const whole of packets) {
        for (let at = 0; at < whole.length * 2; at++) {
          const bent = Buffer.from(whole);
          bent[at % whole.length] = (at * 37 + 11) % 256;
          await forger.send(bent);
          await stranger.send(bent);
        }
      }
    } finally {
      await forger.close();
      await stranger.close();
    }
    const other = loopbackDiscovery();
    await other.announce(announcement);
    await seen;
    await other.close();
    // A bent response may still be a whole one; it never names a place beyond loopback.
    for (const sighting of log.all) expect(sighting.addresses).toEqual([expect.stringMatching(/^127\.\d+\.\d+\.\d+:\d+$/)]);
  });

  test('when it has asked some times, what another asked is not asked once more', async () => {
    const clock = new HandClock();
    const one = new NodeDiscovery({ interfaces: ['127.0.0.1'], clock, random: new NodeRandom(), log: quietLog });
    const asked = vi.spyOn(MdnsSocket.prototype, 'ask');
    try {
      await one.browse(log.sighted);
      // At 0, 250 and 500 ms, 1 and 2 s; and then not before a minute has passed.
      await clock.pass(50_000);
      expect(asked.mock.calls.length).toBe(5);
      await askedByAnother();
      asked.mockClear();
      await clock.pass(59_000);
      expect(asked.mock.calls.length).toBe(0);
      // Others on this machine may ask as well.
      for (let tries = 0; tries < 20 && asked.mock.calls.length === 0; tries++) await clock.pass(81_000);
      expect(asked.mock.calls.length).toBeGreaterThan(0);
    } finally {
      asked.mockRestore();
      await one.close();
    }

    /** Resolves when it was heard: what the same socket sent behind it was. */
    async function askedByAnother(): Promise<void> {
      const other = loopbackDiscovery();
      const announcement = freshAnnouncement();
      const seen = log.next(announcement.instance);
      await other.browse(() => {});
      await other.announce(announcement);
      await seen;
      await other.close();
    }
  });

  test('a plain resolver, asking from another port, is answered alone', async () => {
    const announcement = freshAnnouncement();
    await discovery.announce(announcement);
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    const asker = multicastDns({ socket, port: 5353, bind: false, multicast: false });
    try {
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      socket.setMulticastInterface('127.0.0.1');
      const answered = new Promise<ResponsePacket>((resolve) => {
        asker.on('response', (response) => {
          if (JSON.stringify(response.answers).includes(announcement.instance)) resolve(response);
        });
      });
      // A packet may be lost, on loopback too, where somebody's buffer is full.
      const ask = () =>
        asker.query({ id: 4_711, questions: [{ name: `${announcement.instance}._filemesh._tcp.local`, type: 'SRV' }] });
      const asking = setInterval(ask, 1_000);
      ask();
      const response = await answered.finally(() => clearInterval(asking));
      expect(response.id).toBe(4_711);
      expect(response.questions?.length).toBe(1);
      expect(response.answers).toMatchObject([{ type: 'SRV', ttl: 10, data: { port: announcement.port } }]);
    } finally {
      asker.destroy();
    }
  });

  test('an interface that is not here is no error, and a closed discovery takes nothing', async () => {
    const nowhere = new NodeDiscovery({
      interfaces: ['192.0.2.1'],
      clock: new NodeClock(),
      random: new NodeRandom(),
      log: quietLog,
    });
    await nowhere.browse(log.sighted);
    await nowhere.announce(freshAnnouncement());
    nowhere.refresh();
    await nowhere.close();
    await expect(nowhere.announce(freshAnnouncement())).rejects.toMatchObject({ code: 'closed' });
    await expect(nowhere.browse(log.sighted)).rejects.toMatchObject({ code: 'closed' });
    nowhere.refresh();
    expect(log.all).toEqual([]);
  });

  test('closed while it still opens its sockets, it leaves nothing behind', async () => {
    const announcement = freshAnnouncement();
    const begun = discovery.announce(announcement);
    await discovery.close();
    await begun;
  });
});

function startAnnouncer(words: string[]): ChildProcess {
  const script = fileURLToPath(new URL('announce-process.ts', import.meta.url));
  return spawn(process.execPath, ['--import', 'tsx', script, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** The first sighting of `instance` that the process prints. */
async function nextLine(child: ChildProcess, instance: string): Promise<Sighting> {
  if (child.stdout === null) throw new Error('no standard output');
  for await (const line of createInterface({ input: child.stdout })) {
    const sighting = JSON.parse(line) as Sighting;
    if (sighting.instance === instance) return sighting;
  }
  throw new Error('the process ended');
}

/** Resolves when `instance` is said to be gone: its SRV with time to live 0. */
function nextGoodbye(instance: string): Promise<void> {
  const ear = multicastDns({ interface: '127.0.0.1', bind: '0.0.0.0' });
  return new Promise((resolve) => {
    ear.on('response', (response) => {
      for (const answer of response.answers ?? []) {
        if (answer.type !== 'SRV' || !answer.name.startsWith(instance) || answer.ttl !== 0) continue;
        ear.destroy();
        resolve();
      }
    });
  });
}

/** Sends raw bytes to the group from `port`, as a hostile neighbour would. */
async function multicastSender(port: number): Promise<{ send: (bytes: Buffer) => Promise<void>; close: () => Promise<void> }> {
  const socket: Socket = createSocket({ type: 'udp4', reuseAddr: true });
  await new Promise<void>((resolve) => socket.bind(port, '0.0.0.0', resolve));
  socket.setMulticastInterface('127.0.0.1');
  return {
    send: (bytes) =>
      new Promise((resolve, reject) => socket.send(bytes, 5353, '224.0.0.251', (error) => (error ? reject(error) : resolve()))),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** The next query and the next response on loopback, as bytes. */
async function nextPackets(): Promise<Buffer[]> {
  const ear = createSocket({ type: 'udp4', reuseAddr: true });
  const packets: { query?: Buffer; response?: Buffer } = {};
  await new Promise<void>((resolve) => {
    ear.on('message', (bytes) => {
      // The first bit of the flags tells a response (RFC 1035 §4.1.1).
      packets[((bytes[2] ?? 0) & 0x80) === 0 ? 'query' : 'response'] ??= bytes;
      if (packets.query !== undefined && packets.response !== undefined) resolve();
    });
    ear.bind(5353, '0.0.0.0', () => ear.addMembership('224.0.0.251', '127.0.0.1'));
  });
  await new Promise<void>((resolve) => ear.close(() => resolve()));
  return Object.values(packets);
}
