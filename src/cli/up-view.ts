import type { PeerEvent } from '../peer/event.ts';
import type { Peer } from '../peer/peer.ts';
import { shownSize, shownText } from './output.ts';
import type { Screen } from './screen.ts';
import { cutToWidth, wrapToWidth } from './shown-width.ts';

/** What of a peer is shown. */
export type ShownPeer = Pick<Peer, 'id' | 'name' | 'meshName' | 'addresses' | 'scanned' | 'status' | 'peers'>;

/** What a running peer shows: events as they happen, and in a terminal how it is. */
export interface UpView {
  /** It listens and its store is open. */
  ready(peer: ShownPeer, join: string, http?: string): void;
  event(event: PeerEvent): void;
  /** Something about how it was started that its user should know. */
  note(text: string): void;
  /** It begins to stop. */
  stopping(): void;
  close(): void;
}

/** How often the living status is drawn anew. */
const REDRAW_MS = 1000;
/** How long the last thing that happened is what the peer "does now". */
const LATEST_MS = 3000;
/** Columns of a terminal that tells no size, and the fewest the status is cut to. */
const COLUMNS_DEFAULT = 80;
const COLUMNS_MIN = 20;

/** Why a peer may be alone, the likeliest first. */
const ALONE = [
  'no other peer was found yet. If there should be one, look in this order:',
  '  1. the firewall of either machine: TCP port of the peer, and UDP 5353 for multicast, must be let in',
  '  2. multicast may not get from one to the other (other subnet, VPN): name the other one by hand, filemesh up --peer HOST:PORT',
  '  3. the Wi-Fi access point may keep its clients apart ("AP isolation", a guest network): then nothing gets through',
];

/** One JSON object a line, for programs. What happens in one turn is written at once. */
export function jsonView(screen: Screen): UpView {
  let lines: string[] = [];
  let missed = 0;
  const flush = () => {
    // Who stops reading, or reads too slowly, is told later how much of it was left out.
    if (screen.isBehind()) {
      missed += lines.length;
    } else if (lines.length > 0) {
      if (missed > 0) lines.unshift(JSON.stringify({ event: 'missed', count: missed }));
      missed = 0;
      screen.print(lines.join('\n'));
    }
    lines = [];
  };
  return {
    ready: (peer, join, http) => {
      const { id, name, meshName } = peer;
      screen.value({
        event: 'ready',
        id,
        name,
        mesh: meshName ?? join.split(/[+/]/)[0],
        address: peer.addresses[0] ?? null,
        join,
        http: http ?? null,
      });
    },
    event: (event) => {
      if (lines.length === 0) setImmediate(flush);
      lines.push(JSON.stringify(event));
    },
    note: (text) => screen.note(`filemesh: ${text}`),
    stopping: () => {},
    close: flush,
  };
}

/** Plain lines, where there is no terminal. */
export function plainView(screen: Screen, folder: string): UpView {
  return {
    ready: (peer, _join, http) => screen.print(readyText(peer, folder, http)),
    event: (event) => {
      if (!screen.isBehind()) screen.print(eventText(event));
    },
    note: (text) => screen.note(`filemesh: ${text}`),
    stopping: () => screen.print('stopping'),
    close: () => {},
  };
}

/** In a terminal: a short status that is drawn anew, with the events that matter to a person above it. */
export function livingView(screen: Screen, folder: string): UpView {
  const living = new Living(screen, folder);
  return {
    ready: (peer, join, http) => living.start(peer, join, http),
    event: (event) => living.event(event),
    note: (text) => living.say(`filemesh: ${text}`),
    stopping: () => {
      living.close();
      living.say('stopping');
    },
    close: () => living.close(),
  };
}

class Living {
  readonly #screen: Screen;
  readonly #folder: string;
  #peer: ShownPeer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #linesDrawn = 0;
  #latest = '';
  #latestMs = 0;

  constructor(screen: Screen, folder: string) {
    this.#screen = screen;
    this.#folder = folder;
  }

  start(peer: ShownPeer, join: string, http: string | undefined): void {
    this.#peer = peer;
    this.say(`${readyText(peer, this.#folder, http)}\nother machines enter with: filemesh up --join ${join}`);
    this.#timer = setInterval(() => this.#redraw(), REDRAW_MS);
    this.#redraw();
  }

  event(event: PeerEvent): void {
    // Single files come by the thousand: they are the last line of the status, not a line each.
    if (event.event !== 'stored' && event.event !== 'replicated' && event.event !== 'deleted') {
      // Of a terminal that was stopped for days the last ones are left out.
      if (!this.#screen.isBehind()) this.say(eventText(event));
      return;
    }
    this.#latest = eventText(event);
    this.#latestMs = performance.now();
  }

  say(text: string): void {
    this.#print(wrapToWidth(text, this.#columns()));
    this.#linesDrawn = 0;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#peer = undefined;
  }

  #redraw(): void {
    const peer = this.#peer;
    // What a terminal that was stopped shows at last is how things are then.
    if (peer === undefined || this.#screen.isBehind(0)) return;
    peer
      .status()
      .then((status) => {
        if (this.#peer === undefined) return;
        const all = peer.peers().peers;
        const self = all.find((one) => one.self);
        const others = all.filter((one) => !one.self).map((one) => `${shownText(one.name)}${one.alive ? '' : ' (away)'}`);
        const paused = status.paused === undefined ? '' : `PAUSED: ${shownText(status.paused)}`;
        this.#draw([
          `folder   ${shownText(this.#folder)}, ${shownSize(self?.bytes ?? 0)} of ${shownSize(self?.capacity ?? 0)}`,
          `members  ${others.length === 0 ? 'none yet' : others.join(', ')}`,
          `files    ${status.files}${status.under > 0 ? `, ${status.under} with fewer than ${status.wanted} copies` : ''}`,
          `now      ${paused === '' ? this.#doing(peer) : paused}`,
        ]);
      })
      .catch(() => undefined);
  }

  #doing(peer: ShownPeer): string {
    if (!peer.scanned) return 'looks at the folder for the first time';
    return performance.now() - this.#latestMs < LATEST_MS ? this.#latest : 'watches the folder';
  }

  #draw(lines: readonly string[]): void {
    // A line that the terminal would break counts as one only if it is cut.
    this.#print(lines.map((line) => cutToWidth(line, this.#columns())).join('\n'));
    this.#linesDrawn = lines.length;
  }

  /** In the place of the status: from the left edge, for a Ctrl-C was echoed where the cursor stood. */
  #print(text: string): void {
    this.#screen.print(this.#linesDrawn === 0 ? text : `\r\u001b[${this.#linesDrawn}A\u001b[J${text}`);
  }

  /** One is left over: some terminals break a line that fills the last one. */
  #columns(): number {
    return Math.max(COLUMNS_MIN, (this.#screen.size()?.columns ?? COLUMNS_DEFAULT) - 1);
  }
}

function readyText(peer: ShownPeer, folder: string, http: string | undefined): string {
  const mesh = peer.meshName === undefined ? 'waits to be let into its mesh' : `of mesh ${shownText(peer.meshName)}`;
  const page = http === undefined ? '' : `; in a browser: ${http}`;
  return `${shownText(peer.name)} ${mesh} listens on ${peer.addresses[0] ?? 'no address'}, folder ${shownText(folder)}${page}`;
}

/** One event in words. */
export function eventText({ event, path, peer, reason }: PeerEvent): string {
  const name = shownText(path ?? '');
  const who = shownText(peer ?? '');
  const why = reason === undefined ? '' : `: ${shownText(reason)}`;
  switch (event) {
    case 'member-joined':
      return `${who} is here`;
    case 'member-lost':
      return `${who} is away`;
    case 'stored':
      return `stored ${name}`;
    case 'replicated':
      return `${name} has its copies`;
    case 'deleted':
      return `deleted ${name}`;
    case 'conflict':
      return `conflict: ${name} has several versions; "filemesh resolve" ends that`;
    case 'paused':
      return `paused${why}`;
    case 'resumed':
      return 'goes on: the folder is believed again';
    case 'foreign-mesh':
      return `${shownText(reason ?? 'peers of another mesh are near')}; "filemesh invite" there prints a line, "filemesh up --join LINE" with a folder of its own joins it`;
    case 'alone':
      return ALONE.join('\n');
    default:
      return `${event}${why}`;
  }
}
