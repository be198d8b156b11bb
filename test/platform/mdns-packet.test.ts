import type { QueryPacket, ResponsePacket } from 'multicast-dns';
import { describe, expect, test } from 'vitest';
import type { LanInterface } from '../../src/platform/node/interfaces.ts';
import { chosenInterfaces, isNeighbour } from '../../src/platform/node/interfaces.ts';
import {
  ADDRESSES_MAX,
  type Answer,
  announcementAnswers,
  goodbyeAnswers,
  heardIn,
  legacyReply,
  ownRecords,
  replyTo,
  SERVICE,
} from '../../src/platform/node/mdns-packet.ts';
import { SIGHTING_REPEAT_MS, SIGHTINGS_REMEMBERED_MAX, SightingMemory } from '../../src/platform/node/sighting-memory.ts';

const announcement = { instance: '0123456789abcdef', tag: 'ab'.repeat(16), port: 4_000 };
const here: LanInterface = { name: 'eth0', address: '192.168.1.7', prefixBits: 24, internal: false };
const own = ownRecords(announcement, here.address);

function response(answers: Answer[], additionals: Answer[] = []): ResponsePacket {
  return { type: 'response', id: 0, flags: 0, questions: [], answers, additionals, authorities: [] };
}

function query(questions: { name: string; type: string }[], answers: Answer[] = []): QueryPacket {
  return { type: 'query', id: 0, flags: 0, questions, answers, additionals: [], authorities: [] } as QueryPacket;
}

describe('what is said', () => {
  test('one instance on one interface: no name of host, user or file', () => {
    expect(announcementAnswers(own).map((answer) => [answer.name, answer.type, 'ttl' in answer && answer.ttl])).toEqual([
      ['_services._dns-sd._udp.local', 'PTR', 4_500],
      ['_filemesh._tcp.local', 'PTR', 4_500],
      ['0123456789abcdef._filemesh._tcp.local', 'SRV', 120],
      ['0123456789abcdef._filemesh._tcp.local', 'TXT', 4_500],
      ['0123456789abcdef.local', 'A', 120],
    ]);
  });

  test('only records that are ours alone flush a cache', () => {
    const flushing = announcementAnswers(own).filter((answer) => 'flush' in answer && answer.flush);
    expect(flushing.map((answer) => answer.type)).toEqual(['SRV', 'TXT', 'A']);
  });

  test('a goodbye has time to live 0 and leaves the list of services alone', () => {
    expect(goodbyeAnswers(own).map((answer) => [answer.type, 'ttl' in answer && answer.ttl])).toEqual([
      ['PTR', 0],
      ['SRV', 0],
      ['TXT', 0],
      ['A', 0],
    ]);
  });
});

describe('what is answered', () => {
  const types = (answers: Answer[] | undefined) => answers?.map((answer) => answer.type);

  test.each([
    [SERVICE, 'PTR', ['PTR'], ['SRV', 'TXT', 'A']],
    ['_FileMesh._TCP.local', 'PTR', ['PTR'], ['SRV', 'TXT', 'A']],
    ['_services._dns-sd._udp.local', 'PTR', ['PTR'], []],
    [`0123456789abcdef.${SERVICE}`, 'SRV', ['SRV'], ['A']],
    [`0123456789abcdef.${SERVICE}`, 'ANY', ['SRV', 'TXT'], ['A']],
    ['0123456789abcdef.local', 'A', ['A'], []],
  ])('%s %s', (name, type, answers, additionals) => {
    const reply = replyTo(query([{ name, type }]), own);
    expect([types(reply?.answers), types(reply?.additionals)]).toEqual([answers, additionals]);
  });

  test('other questions are not answered', () => {
    expect(replyTo(query([{ name: '_http._tcp.local', type: 'PTR' }]), own)).toBeUndefined();
    expect(replyTo(query([{ name: SERVICE, type: 'SRV' }]), own)).toBeUndefined();
    expect(replyTo(query([]), own)).toBeUndefined();
  });

  test('what the asker knows for long enough is not said again', () => {
    const question = [{ name: SERVICE, type: 'PTR' }];
    expect(replyTo(query(question, [own.pointer]), own)).toBeUndefined();
    expect(replyTo(query(question, [{ ...own.pointer, ttl: 2_000 } as Answer]), own)).toBeDefined();
    expect(replyTo(query(question, [{ ...own.pointer, data: `ffff.${SERVICE}` } as Answer]), own)).toBeDefined();
  });

  test('a plain resolver gets short-lived records that flush nothing', () => {
    const questions = [
      { name: '_FILEMESH._tcp.local', type: 'PTR' },
      { name: 'other.local', type: 'A' },
    ];
    const reply = replyTo(query(questions), own);
    const plain = legacyReply(reply as NonNullable<typeof reply>);
    expect(plain.questions).toEqual([{ name: SERVICE, type: 'PTR' }]);
    for (const answer of [...plain.answers, ...plain.additionals]) expect(answer).toMatchObject({ ttl: 10, flush: false });
  });
});

describe('what is heard', () => {
  const heard = (answers: Answer[], sender = '192.168.1.9') => heardIn(response(answers), here, sender);
  const with_ = (change: Partial<Record<keyof typeof own, Answer | undefined>>) =>
    Object.values({ ...own, ...change }).filter((answer) => answer !== undefined);

  test('an announcement, also when the rest is in the additional records', () => {
    const sighting = { instance: announcement.instance, tag: announcement.tag, addresses: ['192.168.1.7:4000'] };
    expect(heard(announcementAnswers(own))).toEqual({ sightings: [sighting], gone: [] });
    expect(heardIn(response([own.pointer], [own.server, own.text, own.host]), here, '192.168.1.9').sightings).toEqual([sighting]);
  });

  test('a goodbye', () => {
    expect(heard(goodbyeAnswers(own))).toEqual({ sightings: [], gone: [announcement.instance] });
  });

  test('without an address in this subnet the sender is taken', () => {
    const elsewhere = { ...own.host, data: '10.0.0.1' } as Answer;
    expect(heard(with_({ host: elsewhere })).sightings[0]?.addresses).toEqual(['192.168.1.9:4000']);
    expect(heard(with_({ host: undefined })).sightings[0]?.addresses).toEqual(['192.168.1.9:4000']);
  });

  test('never more than sixteen addresses, records or peers than allowed', () => {
    const hosts = Array.from({ length: 40 }, (_, index) => ({ ...own.host, data: `192.168.1.${index + 1}` }) as Answer);
    expect(heard([own.server, own.text, ...hosts]).sightings[0]?.addresses.length).toBe(ADDRESSES_MAX);
    const servers = Array.from({ length: 40 }, () => own.server);
    expect(heard([...servers, own.text]).sightings.length).toBe(16);
    expect(heard(Array.from({ length: 300 }, () => own.server).concat(own.text)).sightings).toEqual([]);
  });

  const server = (name: string, data: unknown): Answer => ({ ...own.server, name, data }) as Answer;
  test.each<[string, Answer[]]>([
    ['no TXT', with_({ text: undefined })],
    ['a TXT of another version', with_({ text: { ...own.text, data: ['v=2', `tag=${announcement.tag}`] } as Answer })],
    ['a tag that is no hex', with_({ text: { ...own.text, data: ['v=1', `tag=${'zz'.repeat(16)}`] } as Answer })],
    ['a tag too long', with_({ text: { ...own.text, data: ['v=1', `tag=${'ab'.repeat(17)}`] } as Answer })],
    ['a TXT of somebody else', with_({ text: { ...own.text, name: `ffffffffffffffff.${SERVICE}` } as Answer })],
    ['an instance that is no hex', with_({ server: server(`printer.${SERVICE}`, { port: 1, target: 'a.local' }) })],
    ['another service', with_({ server: server('0123456789abcdef._http._tcp.local', { port: 1, target: 'a.local' }) })],
    ['port 0', with_({ server: server(`0123456789abcdef.${SERVICE}`, { port: 0, target: 'a.local' }) })],
    ['no data', with_({ server: server(`0123456789abcdef.${SERVICE}`, undefined) })],
    ['nothing', []],
  ])('ignored: %s', (_, answers) => {
    expect(heard(answers)).toEqual({ sightings: [], gone: [] });
  });
});

describe('interfaces', () => {
  const info = (address: string, bits: number, internal = false) => ({
    address,
    netmask: '',
    mac: '',
    family: 'IPv4' as const,
    internal,
    cidr: `${address}/${bits}`,
  });
  const listing = { lo: [info('127.0.0.1', 8, true)], eth0: [info('192.168.1.7', 24)], wlan0: [info('10.0.0.5', 16)] };
  const addresses = (allowed?: string[], list = listing) => chosenInterfaces(allowed, list).map((one) => one.address);

  test('all that reach others; loopback only alone or when asked for', () => {
    expect(addresses()).toEqual(['192.168.1.7', '10.0.0.5']);
    expect(chosenInterfaces(undefined, { lo: listing.lo }).map((one) => one.address)).toEqual(['127.0.0.1']);
    expect(addresses(['eth0'])).toEqual(['192.168.1.7']);
    expect(addresses(['10.0.0.5', 'lo'])).toEqual(['127.0.0.1', '10.0.0.5']);
    expect(addresses(['eth9'])).toEqual([]);
  });

  test.each([
    ['192.168.1.255', true],
    ['192.168.2.1', false],
    ['::1', false],
    ['192.168.1.999', false],
    ['192.168.1', false],
    ['', false],
  ])('%s is a neighbour of 192.168.1.7/24: %s', (other, expected) => {
    expect(isNeighbour(here, other)).toBe(expected);
  });

  test('any 127/8 is a neighbour on loopback', () => {
    expect(isNeighbour({ name: 'lo', address: '127.0.0.1', prefixBits: 8, internal: true }, '127.9.9.9')).toBe(true);
  });
});

describe('the memory of sightings', () => {
  let now = 0;
  const clock = { now: () => now, wall: () => now, after: () => ({ cancel: () => undefined }) };
  const sighting = (index: number) => ({
    instance: index.toString(16).padStart(16, '0'),
    tag: 'ab'.repeat(16),
    addresses: ['a:1'],
  });

  test('the same is news once a second, a change at once, and after a goodbye', () => {
    const memory = new SightingMemory(clock);
    expect(memory.isNews(sighting(1))).toBe(true);
    expect(memory.isNews(sighting(1))).toBe(false);
    expect(memory.isNews({ ...sighting(1), addresses: ['b:1'] })).toBe(true);
    memory.forget(sighting(1).instance);
    expect(memory.isNews(sighting(1))).toBe(true);
    now += SIGHTING_REPEAT_MS;
    expect(memory.isNews(sighting(1))).toBe(true);
  });

  test('a flood does not grow it, and keeps no new one back', () => {
    const memory = new SightingMemory(clock);
    for (let index = 0; index < 5_000; index++) memory.isNews(sighting(index));
    expect(memory.count).toBe(SIGHTINGS_REMEMBERED_MAX);
    expect(memory.isNews(sighting(9_999))).toBe(true);
    expect(memory.isNews(sighting(9_999))).toBe(false);
    expect(memory.count).toBe(SIGHTINGS_REMEMBERED_MAX);
  });
});
