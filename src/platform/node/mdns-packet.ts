import type { QueryPacket, ResponsePacket } from 'multicast-dns';
import { isHex } from '../../core/ids.ts';
import type { Announcement, Sighting } from '../discovery.ts';
import { isNeighbour, type LanInterface } from './interfaces.ts';

/**
 * The records of DNS-SD (RFC 6763) over multicast DNS (RFC 6762) as pure functions: what is said of oneself, what is
 * answered to a question, and what a packet of somebody else's tells. Nothing in a packet is believed beyond its form.
 */

export type Answer = NonNullable<ResponsePacket['answers']>[number];
type Question = NonNullable<QueryPacket['questions']>[number];
type StringRecord = Extract<Answer, { type: 'PTR' | 'A' | string; data: string }>;

export const SERVICE = '_filemesh._tcp.local';
const SERVICE_LIST = '_services._dns-sd._udp.local';
/** Seconds, RFC 6762 §10: records that name a host or its address, and all others. */
const HOST_TTL = 120;
const OTHER_TTL = 4_500;
/** Seconds at most in an answer to somebody who speaks no multicast DNS, RFC 6762 §6.7. */
const LEGACY_TTL_MAX = 10;
/** Version of what TXT says; others are not for us. */
const TXT_VERSION = 'v=1';
/** Bytes of a packet, RFC 6762 §17; ours have about 300. */
export const PACKET_BYTES_MAX = 9_000;
/** Records or questions of one packet that are looked at. A responder of many services sends some tens. */
const RECORDS_MAX = 256;
/** Peers one packet may tell of: ours tells of one; a proxy may gather some. */
const SIGHTINGS_MAX = 16;
/** Addresses of one sighting. */
export const ADDRESSES_MAX = 16;

/** The question every browser asks. */
export const BROWSE_QUESTION = { name: SERVICE, type: 'PTR' } as const;

/** What is said of one announcement on one interface. */
export interface OwnRecords {
  /** Shared with other peers: never flushed from a cache. */
  readonly serviceList: Answer;
  readonly pointer: Answer;
  /** Ours alone (the instance is random): flushes what a cache has. */
  readonly server: Answer;
  readonly text: Answer;
  readonly host: Answer;
}

/** @param address that of the interface it will be said on, and no other: the rest is not reachable from there. */
export function ownRecords({ instance, tag, port }: Announcement, address: string): OwnRecords {
  const name = `${instance}.${SERVICE}`;
  const target = `${instance}.local`;
  return {
    serviceList: { name: SERVICE_LIST, type: 'PTR', ttl: OTHER_TTL, data: SERVICE },
    pointer: { name: SERVICE, type: 'PTR', ttl: OTHER_TTL, data: name },
    server: { name, type: 'SRV', ttl: HOST_TTL, flush: true, data: { priority: 0, weight: 0, port, target } },
    text: { name, type: 'TXT', ttl: OTHER_TTL, flush: true, data: [TXT_VERSION, `tag=${tag}`] },
    host: { name: target, type: 'A', ttl: HOST_TTL, flush: true, data: address },
  };
}

/** All of it, unasked, when an announcement begins. */
export function announcementAnswers(own: OwnRecords): Answer[] {
  return [own.serviceList, own.pointer, own.server, own.text, own.host];
}

/** The same with time to live 0, when it ends. The list of services belongs to the other peers too. */
export function goodbyeAnswers(own: OwnRecords): Answer[] {
  return [own.pointer, own.server, own.text, own.host].map((answer) => ({ ...answer, ttl: 0 }) as Answer);
}

export interface Reply {
  /** The questions that are answered, in our own spelling: what a stranger wrote is never sent on. */
  readonly questions: Question[];
  readonly answers: Answer[];
  readonly additionals: Answer[];
}

/** What answers a query, with what the asker will want to know next; undefined: nothing does, or all of it is known to the asker. */
export function replyTo(query: QueryPacket, own: OwnRecords): Reply | undefined {
  const { questions = [], answers: known = [] } = query;
  if (questions.length > RECORDS_MAX || known.length > RECORDS_MAX) return undefined;
  const all = announcementAnswers(own);
  const asked = all.filter((answer) => questions.some((question) => isAsked(question, answer)));
  const answers = asked.filter((answer) => !known.some((one) => isKnown(one, answer)));
  if (answers.length === 0) return undefined;
  const wanted = answers.includes(own.pointer)
    ? [own.server, own.text, own.host]
    : answers.includes(own.server)
      ? [own.host]
      : [];
  return {
    questions: questions.filter((question) => answers.some((answer) => isAsked(question, answer))).map(inOurSpelling),
    answers,
    additionals: wanted.filter((answer) => !answers.includes(answer)),
  };
}

/** A reply as a plain DNS resolver understands it: short-lived, without the flush bit (RFC 6762 §6.7). */
export function legacyReply({ questions, answers, additionals }: Reply): Reply {
  const plain = (answer: Answer): Answer => ({ ...answer, ttl: Math.min(LEGACY_TTL_MAX, ttlOf(answer)), flush: false }) as Answer;
  return { questions, answers: answers.map(plain), additionals: additionals.map(plain) };
}

function inOurSpelling({ name, type }: Question): Question {
  return { name: name.toLowerCase(), type };
}

function isAsked(question: Question, answer: Answer): boolean {
  if (question.name.toLowerCase() !== answer.name) return false;
  return question.type === answer.type || (question.type as string) === 'ANY';
}

/** Known-answer suppression (RFC 6762 §7.1), for the records of one text: the others are small or never asked for alone. */
function isKnown(known: Answer, answer: Answer): boolean {
  if (known.type !== answer.type || (answer.type !== 'PTR' && answer.type !== 'A')) return false;
  const { name, data, ttl = 0 } = known as StringRecord;
  return (
    name.toLowerCase() === answer.name &&
    typeof data === 'string' &&
    data.toLowerCase() === (answer as StringRecord).data &&
    ttl >= ttlOf(answer) / 2
  );
}

/** What a response tells: who is there, and which instances said goodbye. */
export interface Heard {
  readonly sightings: Sighting[];
  readonly gone: string[];
}

/**
 * Reads a response strictly: instance and tag of the right form, a port, addresses in the subnet of the interface it
 * came by, or else the sender's own. What is off is left out; never throws on anything a decoder made.
 */
export function heardIn(packet: ResponsePacket, by: LanInterface, sender: string): Heard {
  const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])];
  if (records.length > RECORDS_MAX) return { sightings: [], gone: [] };
  const sightings: Sighting[] = [];
  const gone: string[] = [];
  for (const record of records) {
    if (record.type !== 'SRV' || sightings.length + gone.length >= SIGHTINGS_MAX) continue;
    const instance = instanceOf(record.name);
    if (instance === undefined || typeof record.data?.target !== 'string') continue;
    if (ttlOf(record) === 0) {
      gone.push(instance);
      continue;
    }
    const { port, target } = record.data;
    const tag = tagIn(records, instance);
    if (tag === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) continue;
    const hosts = hostsIn(records, target.toLowerCase(), by);
    const addresses = (hosts.length > 0 ? hosts : [sender]).map((host) => `${host}:${port}`);
    sightings.push({ instance, tag, addresses });
  }
  return { sightings, gone };
}

function instanceOf(name: string): string | undefined {
  const [instance, ...service] = name.toLowerCase().split('.');
  return instance !== undefined && isHex(instance, 16) && service.join('.') === SERVICE ? instance : undefined;
}

function tagIn(records: readonly Answer[], instance: string): string | undefined {
  for (const record of records) {
    if (record.type !== 'TXT' || instanceOf(record.name) !== instance || ttlOf(record) === 0) continue;
    const texts = [record.data].flat().map((text) => Buffer.from(text).toString('latin1'));
    const tag = texts.find((text) => text.startsWith('tag='))?.slice(4);
    if (texts.includes(TXT_VERSION) && tag !== undefined && isHex(tag, 32)) return tag;
  }
  return undefined;
}

function hostsIn(records: readonly Answer[], target: string, by: LanInterface): string[] {
  const hosts = new Set<string>();
  for (const record of records) {
    if (record.type !== 'A' || record.name.toLowerCase() !== target || ttlOf(record) === 0) continue;
    if (typeof record.data === 'string' && isNeighbour(by, record.data) && hosts.size < ADDRESSES_MAX) hosts.add(record.data);
  }
  return [...hosts];
}

function ttlOf(answer: Answer): number {
  return 'ttl' in answer ? (answer.ttl ?? 0) : 0;
}
