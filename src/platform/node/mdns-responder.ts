import type { QueryPacket } from 'multicast-dns';
import type { Clock, Timer } from '../clock.ts';
import type { Announcement } from '../discovery.ts';
import type { Random } from '../random.ts';
import {
  type Answer,
  announcementAnswers,
  goodbyeAnswers,
  legacyReply,
  type OwnRecords,
  ownRecords,
  replyTo,
} from './mdns-packet.ts';
import type { LegacyAsker, MdnsSocket } from './mdns-socket.ts';

/** An announcement is said twice, this far apart (RFC 6762 §8.3). */
const ANNOUNCE_GAP_MS = 1_000;
/** Answers that several peers may give wait a random while, so that they do not collide (RFC 6762 §6). */
const ANSWER_DELAY_MS_MIN = 20;
const ANSWER_DELAY_MS_MAX = 120;
/** A record is not multicast again on one interface within this time (RFC 6762 §6). */
const REPEAT_MS_MIN = 1_000;
/** Answers to plain resolvers within one repeat time: nobody uses us to flood another. Range 1–100. */
const LEGACY_ANSWERS_MAX = 10;

/**
 * Speaks for one announcement on one interface: says it twice, answers who asks, says goodbye. Probing is left out, as
 * RFC 6762 §8.1 allows: the instance is 64 random bits, so its names are unique.
 */
export class MdnsResponder {
  readonly #socket: MdnsSocket;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #own: OwnRecords;
  #stopped = false;
  #second: Timer | undefined;
  #pending: { timer: Timer; answers: Set<Answer>; additionals: Set<Answer> } | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  #legacyCount = 0;
  #legacySinceMs = Number.NEGATIVE_INFINITY;

  constructor(socket: MdnsSocket, announcement: Announcement, clock: Clock, random: Random) {
    this.#socket = socket;
    this.#clock = clock;
    this.#random = random;
    this.#own = ownRecords(announcement, socket.interface.address);
  }

  /** Resolves when it was said once; the second time follows by itself. */
  async announce(): Promise<void> {
    if (this.#stopped) return;
    this.#second?.cancel();
    this.#second = this.#clock.after(ANNOUNCE_GAP_MS, () => void this.#tellAll());
    await this.#tellAll();
  }

  query(query: QueryPacket, legacy: LegacyAsker | undefined): void {
    if (this.#stopped) return;
    const reply = replyTo(query, this.#own);
    if (reply === undefined) return;
    if (legacy !== undefined) {
      if (this.#mayAnswerLegacy()) this.#socket.tellOne(legacy, legacyReply(reply));
      return;
    }
    this.#pending ??= { timer: this.#answerLater(), answers: new Set(), additionals: new Set() };
    for (const answer of reply.answers) this.#pending.answers.add(answer);
    for (const answer of reply.additionals) this.#pending.additionals.add(answer);
  }

  /** Falls silent; with `goodbye` it first says so. Resolves when that is sent. */
  async stop(goodbye: boolean): Promise<void> {
    this.#stopped = true;
    this.#second?.cancel();
    this.#pending?.timer.cancel();
    if (goodbye) await this.#socket.tell(goodbyeAnswers(this.#own));
  }

  async #tellAll(): Promise<void> {
    this.#toldMs = this.#clock.now();
    await this.#socket.tell(announcementAnswers(this.#own));
  }

  #answerLater(): Timer {
    const delayMs = ANSWER_DELAY_MS_MIN + this.#random.integer(ANSWER_DELAY_MS_MAX - ANSWER_DELAY_MS_MIN);
    const allowedMs = this.#toldMs + REPEAT_MS_MIN - this.#clock.now();
    return this.#clock.after(Math.max(delayMs, allowedMs), () => {
      const pending = this.#pending;
      this.#pending = undefined;
      if (pending === undefined) return;
      this.#toldMs = this.#clock.now();
      const additionals = [...pending.additionals].filter((answer) => !pending.answers.has(answer));
      void this.#socket.tell([...pending.answers], additionals);
    });
  }

  #mayAnswerLegacy(): boolean {
    const now = this.#clock.now();
    if (now - this.#legacySinceMs >= REPEAT_MS_MIN) {
      this.#legacySinceMs = now;
      this.#legacyCount = 0;
    }
    return ++this.#legacyCount <= LEGACY_ANSWERS_MAX;
  }
}
