import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Announcement, Discovery, Sighting } from '../../src/platform/discovery.ts';

/** Some ends on one LAN, made anew for each test. Announcements of other tests may be heard too: instances are compared. */
export interface DiscoveryWorld {
  discovery(): Promise<Discovery>;
  /** Lets the world's time go on until `promise` is settled; on the real side it is simply awaited. */
  settle<T>(promise: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Keeps all sightings of one end, so that a test can await one. */
export class SightingLog {
  readonly all: Sighting[] = [];
  #waiting: { holds: (sighting: Sighting) => boolean; resolve: (sighting: Sighting) => void }[] = [];

  readonly sighted = (sighting: Sighting): void => {
    this.all.push(sighting);
    const met = this.#waiting.filter((one) => one.holds(sighting));
    this.#waiting = this.#waiting.filter((one) => !met.includes(one));
    for (const one of met) one.resolve(sighting);
  };

  /** The next sighting of `instance`; `heard` counts those of the past too. */
  next(instance: string, holds: (sighting: Sighting) => boolean = () => true): Promise<Sighting> {
    return new Promise((resolve) => {
      this.#waiting.push({ holds: (sighting) => sighting.instance === instance && holds(sighting), resolve });
    });
  }

  heard(instance: string): boolean {
    return this.all.some((sighting) => sighting.instance === instance);
  }
}

let made = 0;

/** An announcement nobody else makes. */
export function freshAnnouncement(): Announcement {
  made++;
  const instance = `${process.pid.toString(16)}${made.toString(16).padStart(4, '0')}`.padStart(16, 'a');
  return { instance, tag: instance.repeat(2), port: 40_000 + (made % 10_000) };
}

/** What every Discovery must do. `make` is called once a test. */
export function runDiscoveryAcceptance(name: string, make: () => Promise<DiscoveryWorld>): void {
  describe(`discovery acceptance: ${name}`, () => {
    let world: DiscoveryWorld;
    let ends: Discovery[];

    beforeEach(async () => {
      world = await make();
      ends = [];
    });

    afterEach(async () => {
      await world.settle(Promise.all(ends.map((end) => end.close())));
      await world.close();
    });

    async function end(): Promise<Discovery> {
      const one = await world.discovery();
      ends.push(one);
      return one;
    }

    function expectSighting(sighting: Sighting, announcement: Announcement): void {
      expect(sighting.tag).toBe(announcement.tag);
      expect(sighting.addresses.length).toBeGreaterThan(0);
      for (const address of sighting.addresses) expect(address.endsWith(`:${announcement.port}`)).toBe(true);
    }

    test('who browses first hears who announces later', async () => {
      const [alpha, bravo] = [await end(), await end()];
      const log = new SightingLog();
      const announcement = freshAnnouncement();
      const seen = log.next(announcement.instance);
      await world.settle(alpha.browse(log.sighted));
      await world.settle(bravo.announce(announcement));
      expectSighting(await world.settle(seen), announcement);
    });

    test('who announces first is heard by who browses later', async () => {
      const [alpha, bravo] = [await end(), await end()];
      const log = new SightingLog();
      const announcement = freshAnnouncement();
      await world.settle(bravo.announce(announcement));
      const seen = log.next(announcement.instance);
      await world.settle(alpha.browse(log.sighted));
      expectSighting(await world.settle(seen), announcement);
    });

    test('two that do both see each other and never themselves', async () => {
      const [alpha, bravo] = [await end(), await end()];
      const [alphaLog, bravoLog] = [new SightingLog(), new SightingLog()];
      const [alphaSays, bravoSays] = [freshAnnouncement(), freshAnnouncement()];
      const met = Promise.all([alphaLog.next(bravoSays.instance), bravoLog.next(alphaSays.instance)]);
      await world.settle(Promise.all([alpha.announce(alphaSays), bravo.announce(bravoSays)]));
      await world.settle(Promise.all([alpha.browse(alphaLog.sighted), bravo.browse(bravoLog.sighted)]));
      await world.settle(met);
      expect(alphaLog.heard(alphaSays.instance)).toBe(false);
      expect(bravoLog.heard(bravoSays.instance)).toBe(false);
    });

    test('a second announcement replaces the first', async () => {
      const [alpha, bravo] = [await end(), await end()];
      const log = new SightingLog();
      const [first, second] = [freshAnnouncement(), freshAnnouncement()];
      await world.settle(bravo.announce(first));
      await world.settle(bravo.announce(second));
      const seen = log.next(second.instance);
      await world.settle(alpha.browse(log.sighted));
      expectSighting(await world.settle(seen), second);
    });

    test('a refresh asks again: a known announcement is sighted once more', async () => {
      const [alpha, bravo] = [await end(), await end()];
      const log = new SightingLog();
      const announcement = freshAnnouncement();
      const seen = log.next(announcement.instance);
      await world.settle(alpha.browse(log.sighted));
      await world.settle(bravo.announce(announcement));
      await world.settle(seen);
      const again = log.next(announcement.instance);
      alpha.refresh();
      expectSighting(await world.settle(again), announcement);
    });

    test('after close nothing is heard from it, and close twice is harmless', async () => {
      const [alpha, bravo, charlie] = [await end(), await end(), await end()];
      const log = new SightingLog();
      const [gone, present] = [freshAnnouncement(), freshAnnouncement()];
      await world.settle(bravo.announce(gone));
      await world.settle(bravo.close());
      await world.settle(bravo.close());
      await world.settle(charlie.announce(present));
      const seen = log.next(present.instance);
      await world.settle(alpha.browse(log.sighted));
      await world.settle(seen);
      expect(log.heard(gone.instance)).toBe(false);
    });
  });
}
