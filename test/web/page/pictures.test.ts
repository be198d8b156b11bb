import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lanesOf, partMarks } from '../../../src/web/page/mesh/pieces.ts';
import { MAP_HEIGHT, MAP_WIDTH, peerRadius, ringSpots, shareArc } from '../../../src/web/page/mesh/ring.ts';
import { peerAt, placesOf, underName } from '../../../src/web/page/places.ts';
import { flowsOf, meshFlows, meshLinks, othersRates, ratesOf } from '../../../src/web/page/rates.ts';
import { drawnRows, scrolledTo } from '../../../src/web/page/window.ts';

describe('the map', () => {
  it('has room for every peer, and none touches another', () => {
    for (let count = 1; count <= 50; count += 1) {
      const spots = ringSpots(count);
      const radius = peerRadius(count);
      for (const { x, y } of spots) {
        expect(x - radius).toBeGreaterThan(0);
        expect(x + radius).toBeLessThan(MAP_WIDTH);
        expect(y - radius).toBeGreaterThan(0);
        expect(y + radius + 36).toBeLessThan(MAP_HEIGHT);
      }
      const gaps = spots.flatMap((a, index) => spots.slice(index + 1).map((b) => Math.hypot(a.x - b.x, a.y - b.y)));
      expect(Math.min(...gaps, 999), `${count} peers`).toBeGreaterThan(2 * radius);
    }
  });

  it('draws a full peer as a full ring and an empty one as none', () => {
    expect(shareArc(0)).toBe('');
    expect(shareArc(0.25)).toMatch(/^M0 -1A1 1 0 0 1 1\.000 -?0\.000$/);
    expect(shareArc(7)).toContain('A1 1 0 1 1');
  });
});

describe('the picture of a file', () => {
  const chunks = [
    { offset: 0, size: 40, hash: 'a', holders: ['alpha', 'bravo'] },
    { offset: 40, size: 20, hash: 'b', holders: ['alpha', 'charlie'] },
    { offset: 60, size: 40, hash: 'c', holders: ['bravo', 'charlie'] },
  ];

  it('shows each holder what it has, in one piece where parts lie side by side', () => {
    expect(lanesOf(100, chunks, ['alpha', 'bravo', 'charlie'])).toEqual([
      { peer: 'alpha', stretches: [{ from: 0, to: 0.6, parts: 2 }], bytes: 60, share: 0.6 },
      {
        peer: 'bravo',
        stretches: [
          { from: 0, to: 0.4, parts: 1 },
          { from: 0.6, to: 1, parts: 1 },
        ],
        bytes: 80,
        share: 0.8,
      },
      { peer: 'charlie', stretches: [{ from: 0.4, to: 1, parts: 2 }], bytes: 60, share: 0.6 },
    ]);
    expect(partMarks(100, chunks)).toEqual([0.4, 0.6]);
  });

  it('needs no parts where all is held', () => {
    expect(lanesOf(0, [], ['alpha'])).toEqual([{ peer: 'alpha', stretches: [{ from: 0, to: 1, parts: 1 }], bytes: 0, share: 1 }]);
  });
});

describe('a long list', () => {
  it('draws what is in sight, and never more than a screen and a few', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(50_000_000), fc.integer({ min: 100, max: 2000 }), (count, top, view) => {
        const { from, to } = drawnRows(count, 50, top, view);
        expect(to - from).toBeLessThanOrEqual(view / 50 + 28);
        const bare = drawnRows(count, 50, top, view, 0);
        expect(bare.to - bare.from).toBeLessThanOrEqual(view / 50 + 2);
        const [seen, last] = [top, top + view - 1].map((pixel) => Math.min(count - 1, Math.floor(pixel / 50))) as [
          number,
          number,
        ];
        for (const { from, to } of count > 0 && top / 50 < count ? [drawnRows(count, 50, top, view), bare] : []) {
          expect(from <= seen && last < to).toBe(true);
        }
      }),
    );
  });

  it('scrolls as little as shows the row', () => {
    expect(scrolledTo(3, 50, 0, 500)).toBe(0);
    expect(scrolledTo(3, 50, 400, 500)).toBe(150);
    expect(scrolledTo(20, 50, 0, 500)).toBe(550);
  });
});

describe('what is known of peers', () => {
  const peer = { id: 'a', name: 'alpha', alive: true, files: 1, bytes: 1, capacity: 9 };

  it('bytes a second come of two looks; one that began anew began at nothing', () => {
    const peers = [
      { ...peer, self: true },
      { ...peer, id: 'b', name: 'bravo' },
    ];
    const before = { inBytes: 500, outBytes: 1000, links: [{ id: 'b', inBytes: 500, outBytes: 1000 }] };
    const now = {
      inBytes: 100,
      outBytes: 7000,
      links: [
        { id: 'b', inBytes: 100, outBytes: 3000 },
        { id: 'nobody knows', inBytes: 0, outBytes: 4000 },
      ],
    };
    const rates = ratesOf(before, now, 2000);
    expect(rates.get('')).toEqual({ inBytes: 0, outBytes: 3000 });
    expect(flowsOf('alpha', now, rates, peers)).toEqual([{ from: 'alpha', to: 'bravo', rate: 1000, bytes: 3000 }]);
    expect(flowsOf('alpha', now, new Map(), peers)).toEqual([]);
  });

  it('of what two peers tell of what lies between them each is one, and nobody speaks for others', () => {
    const peers = ['alpha', 'bravo', 'charlie', 'delta'].map((name) => ({ ...peer, id: name, name, self: name === 'alpha' }));
    const link = (id: string, inBytes: number, outBytes: number) => ({ id, inBytes, outBytes });
    const teller = (id: string, ...links: ReturnType<typeof link>[]) => ({ id, inBytes: 0, outBytes: 0, links });
    const before = {
      atMs: 1000,
      peers: [
        teller('bravo', link('charlie', 0, 0)),
        teller('charlie', link('bravo', 0, 0), link('delta', 0, 0), link('clients', 0, 0)),
      ],
      silent: ['delta'],
    };
    const now = {
      atMs: 3000,
      peers: [
        teller('charlie', link('bravo', 500, 100), link('delta', 600, 0), link('clients', 0, 200), link('charlie', 9, 9)),
        teller('bravo', link('charlie', 900, 800), link('alpha', 0, 4000), link('zulu', 0, 9000)),
      ],
      silent: ['delta'],
    };
    const own = { from: 'bravo', to: 'alpha', rate: 70, bytes: 70 };
    const rates = othersRates(before, now);
    const flow = (from: string, to: string | undefined, rate: number, bytes: number) => ({ from, to, rate, bytes });
    expect(meshFlows([own], now, rates, peers)).toEqual([
      flow('bravo', 'charlie', 400, 800),
      flow('delta', 'charlie', 300, 600),
      flow('charlie', undefined, 100, 200),
      own,
      flow('charlie', 'bravo', 50, 100),
    ]);
    expect(meshLinks(now, peers).map((pair) => pair.join())).toEqual([
      'alpha,bravo',
      'alpha,charlie',
      'alpha,delta',
      'bravo,charlie',
      'charlie,delta',
    ]);
    // A link that was away, a page that was out of sight, a peer of the page that started anew: nobody knows when that was moved.
    const alone = { ...before, peers: [teller('charlie', link('bravo', 0, 0))] };
    expect([...(othersRates(alone, now).get('charlie')?.keys() ?? [])]).toEqual(['bravo', '']);
    for (const atMs of [1000, 999, 11_001]) expect(othersRates(before, { ...now, atMs }).size).toBe(0);
    // Asked for the first time, nobody has a rate; before that one knows one's own alone.
    expect(othersRates(undefined, now).size).toBe(0);
    expect(meshFlows([own], undefined, new Map(), peers)).toEqual([own]);
    expect(meshLinks(undefined, peers).length).toBe(3);
  });

  it('a page on this machine keeps the name one is here by, so that the login goes along', () => {
    expect(underName('http://127.0.0.1:4781', 'localhost')).toBe('http://localhost:4781');
    expect(underName('http://127.0.0.1:4781', '127.0.0.1')).toBe('http://127.0.0.1:4781');
    expect(underName('http://127.0.0.1:4781', '10.0.0.1')).toBe('http://127.0.0.1:4781');
    expect(underName('https://10.0.0.2:4781', 'localhost')).toBe('https://10.0.0.2:4781');
    expect(underName('https://127.0.0.2:4781', 'localhost')).toBe('https://127.0.0.2:4781');
  });

  it('pages of others are tried as they live, the ones of old last, and no such address never', () => {
    const peers = [
      { ...peer, name: 'away', alive: false, http: 'http://10.0.0.1:4780' },
      { ...peer, name: 'here', http: '127.0.0.1:4781' },
      { ...peer, name: 'odd', http: 'javascript:alert(1)' },
      { ...peer, name: 'none' },
    ];
    const old = [
      { name: 'old', http: 'https://10.0.0.9:4780' },
      { name: 'x', http: 'http://127.0.0.1:4781' },
    ];
    expect(peerAt(peers, 'http://10.0.0.1:4780/')?.name).toBe('away');
    for (const address of ['', 'nonsense', 'http://10.0.0.1:4781/', 'https://10.0.0.1:4780/', 'http://10.0.0.9:4780/']) {
      expect(peerAt(peers, address), address).toBeUndefined();
    }
    expect(peerAt(peers, 'http://localhost:4781/')?.name).toBe('here');
    expect(peerAt([{ ...peer, http: 'http://10.0.0.1:4780', self: true }], 'http://10.0.0.1:4780/')).toBeUndefined();
    expect(placesOf(peers, old).map(({ http }) => http)).toEqual([
      'http://127.0.0.1:4781',
      'http://10.0.0.1:4780',
      'https://10.0.0.9:4780',
    ]);
  });
});
