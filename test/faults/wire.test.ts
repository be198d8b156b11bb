import { writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Capture, canary, lacks, spellings } from './capture.ts';
import { Lan, type PeerProcess, skipAloud } from './lan.ts';
import { until } from './process.ts';

const skipped = {
  capture: skipAloud('the capture on the wire', lacks('tcpdump')),
  browse: skipAloud('avahi-browse', lacks('avahi-browse', 'avahi-daemon', 'dbus-daemon')),
};
const CLIENT = 3;

describe.skipIf(skipped.capture)('a capture of all cables during a workload', () => {
  let lan: Lan;
  let peers: PeerProcess[];
  let capture: Capture;
  const words = {
    name: canary('name'),
    folder: canary('folder'),
    renamed: canary('renamed'),
    content: canary('content'),
    peer: canary('peer'),
    user: canary('user'),
  };

  beforeAll(async () => {
    lan = new Lan('wire', CLIENT);
    capture = await Capture.start(lan);
    peers = await lan.peers({ host: 1, name: words.peer }, { host: 2, name: 'bravo' });
  });
  afterAll(() => lan?.close());

  it('shows no name of a file, peer or user, no content and no secret', async () => {
    const [first] = peers as [PeerProcess];
    const through = ['--peer', first.address];
    const path = `${words.folder}/${words.name}.txt`;
    const text = `${words.content}\n`.repeat(50_000);
    // Root goes by another name there, and so does whoever else runs this.
    const users = join(lan.folder, 'passwd');
    writeFileSync(users, `${words.user}:x:${process.getuid?.()}:0::/:/bin/sh\n`);
    const surroundings = { input: text, before: `mount --bind ${users} /etc/passwd` };
    const made = await lan.verb(CLIENT, ['create', path, ...through], surroundings);
    expect(made.code, made.output + made.error).toBe(0);
    writeFileSync(join(first.folder, `${words.name}-dropped.txt`), text);
    await first.event({ event: 'replicated', path: `${words.name}-dropped.txt` });
    for (const verb of [
      ['show'],
      ['where', path],
      ['download', path, '--to', `${lan.place('down')}/`],
      ['rename', path, `${words.renamed}.txt`],
      ['history', `${words.renamed}.txt`],
      ['delete', `${words.renamed}.txt`],
      ['peers'],
      ['status'],
      ['invite'],
    ]) {
      const answer = await lan.verb(CLIENT, [...verb, ...through]);
      expect(answer.code, verb.join(' ') + answer.output + answer.error).toBe(0);
    }
    const captured = await capture.taken();
    expect(captured.length).toBeGreaterThan(2 * text.length);
    const secret = lan.line.split('/')[1] as string;
    const secretWords = secret
      .split('-')
      .map((_, index, all) => all.slice(index, index + 2).join('-'))
      .slice(0, -1);
    const forbidden = [...Object.values(words), ...secretWords, lan.folder, hostnameWord()].filter((word) => word.length > 5);
    const found = forbidden.filter((word) => spellings(word).some((spelling) => captured.includes(spelling)));
    expect(found).toEqual([]);
    // A user's name may be short, and short words arise by chance in what is encrypted: only the rest is searched.
    const open = multicastOf(captured);
    expect(open.length).toBeGreaterThan(0);
    expect(
      open.filter((packet) => packet.includes(userInfo().username) || packet.includes(hostname()) || packet.includes('trial')),
    ).toEqual([]);
  });
});

describe('a word that is looked for', () => {
  it.each(['letter', 'oak-ant', 'a longer secret'])(
    'is found in base64 wherever it stands, and by no few letters: %s',
    (word) => {
      const all = spellings(word);
      for (const before of ['', 'x', 'xy', 'xyz']) {
        const text = Buffer.from(`${before}${word} after`).toString('base64');
        expect(
          all.some((spelling) => text.includes(spelling.toString())),
          before,
        ).toBe(true);
      }
      expect(Math.min(...all.map(({ length }) => length))).toBeGreaterThanOrEqual(6);
    },
  );
});

/** A host name that is no word of everyday. */
function hostnameWord(): string {
  return hostname() === 'localhost' ? '' : hostname();
}

/** The packets of port 5353 in a capture file (pcap, Linux cooked). */
function multicastOf(captured: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 24; at + 16 <= captured.length; ) {
    const length = captured.readUInt32LE(at + 8);
    const packet = captured.subarray(at + 16, at + 16 + length);
    // The port stands twice in its header: source and destination.
    if (packet.includes(Buffer.from([0x14, 0xe9, 0x14, 0xe9]))) packets.push(packet);
    at += 16 + length;
  }
  return packets;
}

describe.skipIf(skipped.browse)('avahi-browse', () => {
  let lan: Lan;
  let peers: PeerProcess[];

  beforeAll(async () => {
    lan = new Lan('avahi', CLIENT);
    peers = await lan.peers({ host: 1, name: 'alpha' }, { host: 2, name: 'bravo' });
  });
  afterAll(() => lan?.close());

  it('resolves every peer, and learns no name', async () => {
    const bus = `unix:path=${join(lan.folder, 'bus')}`;
    const daemon = lan.start(CLIENT, ['dbus-daemon', '--session', `--address=${bus}`, '--nofork', '--print-address']);
    await daemon.line('the bus', (line) => line.startsWith('unix:'));
    const env = { DBUS_SYSTEM_BUS_ADDRESS: bus };
    const settings = join(lan.folder, 'avahi.conf');
    writeFileSync(settings, '[server]\nhost-name=looker\nuse-ipv6=no\n[wide-area]\nenable-wide-area=no\n');
    // Its files in /run are its own: a daemon of this machine stays out of it.
    const script = `mount -t tmpfs none /run && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f ${settings}`;
    const avahi = lan.start(CLIENT, ['unshare', '-m', 'sh', '-c', script], { env });
    await until('avahi is up', () => avahi.error.includes('startup complete') || !avahi.runs);
    expect(avahi.runs, avahi.error).toBe(true);
    const output = await until('both peers are seen', async () => {
      const browse = await lan.start(CLIENT, ['avahi-browse', '-rtp', '_filemesh._tcp'], { env }).ended;
      return browse.output.split('\n').filter((line) => line.startsWith('=')).length >= 2 ? browse.output : undefined;
    });
    const resolved = output.split('\n').filter((line) => line.startsWith('='));
    console.log(resolved.join('\n'));
    const seen = resolved.map((line) => line.split(';')).map((parts) => `${parts[7]}:${parts[8]}`);
    expect(seen.sort()).toEqual(peers.map((peer) => peer.address).sort());
    expect(output).not.toMatch(/alpha|bravo|trial/);
    expect(output).not.toContain(userInfo().username);
    expect(output).not.toContain(hostname());
  });
});
