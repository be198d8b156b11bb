import { checkAccountName } from '../client/verbs/accounts.ts';
import { MeshError } from '../core/errors.ts';
import type { PeerEvent } from '../peer/event.ts';
import { Peer } from '../peer/peer.ts';
import type { Log } from '../platform/log.ts';
import { parseMeshLine } from '../wire/mesh-line.ts';
import { EXIT_DONE } from './exit-codes.ts';
import { keepHeapSmall, spareTheCores } from './heap.ts';
import { Home } from './home.ts';
import type { Parsed } from './parse.ts';
import type { Screen } from './screen.ts';
import { readUpFile } from './up-file.ts';
import { defaultFolder, type PeerPlaces, preparePlaces } from './up-folder.ts';
import { tellOtherName, tellOtherReplicas } from './up-notes.ts';
import { openPeerPlatform } from './up-platform.ts';
import { recoverAdmin } from './up-recovery.ts';
import { isUpOption, precedence, settingsOf, textsOfEnvironment, type UpSettings, type UpTexts } from './up-settings.ts';
import { unlessStopped, withinStopTime } from './up-stop.ts';
import { jsonView, livingView, plainView, type UpView } from './up-view.ts';
import { listenForPage, servePage } from './up-web.ts';
import { letTerminalsWait } from './waiting-terminal.ts';
import type { Doors, WebListener } from './web-door.ts';

/** How often it is looked whether the join line changed, so that local clients have the present one. */
const LINE_LOOK_MS = 2000;

/** Runs a peer until it is told to stop. Resolves with the exit code. */
export async function up(line: Parsed, screen: Screen, doors: Doors): Promise<number> {
  spareTheCores();
  keepHeapSmall();
  letTerminalsWait();
  const { folder, settings, isNamed } = await wishOf(line);
  const home = Home.of(process.env);
  await home.check();
  const places = await preparePlaces(folder, home, settings.isNew);
  const json = line.options.has('json');
  const living = !json && process.stdout.isTTY === true;
  const view = json ? jsonView(screen) : living ? livingView(screen, places.folder) : plainView(screen, places.folder);
  const stopped = untilStopped();
  const start = new Start(view);
  // No option of a file or the environment: each start would give another password.
  const lost = line.options.get('recover-admin')?.[0];
  const recovered = lost === undefined ? undefined : checkAccountName(lost);
  const logs = living ? 'silent' : json ? 'info' : 'warn';
  const starting = startPeer(places, settings, logs, start, () => listenForPage(doors, settings, places, view), recovered);
  try {
    const started = await unlessStopped(starting, stopped, async ({ peer, web, close }) => {
      await web?.close();
      await peer.stop().then(close);
    });
    if (started === undefined) {
      view.stopping();
      return EXIT_DONE;
    }
    const failure = await serve(started, { home, places, settings, isNamed, view, start, stopped });
    if (failure !== undefined) throw failure;
    return EXIT_DONE;
  } finally {
    view.close();
  }
}

interface Started {
  readonly peer: Peer;
  readonly log: Log;
  /** Where the page is served. */
  readonly web: WebListener | undefined;
  /** What is to be told once it is ready. */
  readonly note: string | undefined;
  /** Lets go of the outside; after the peer has stopped. */
  readonly close: () => Promise<void>;
}

/** Opens the outside and starts the peer; what fails leaves nothing open. */
async function startPeer(
  places: PeerPlaces,
  settings: UpSettings,
  logs: Parameters<typeof openPeerPlatform>[2],
  start: Start,
  listen: () => Promise<WebListener | undefined>,
  recovered: string | undefined,
): Promise<Started> {
  const { platform, close } = await openPeerPlatform(places, settings.interfaces, logs);
  let web: WebListener | undefined;
  try {
    web = await listen();
    const config = web === undefined ? settings.config : { ...settings.config, http: web.url };
    const peer = await Peer.start(platform, config, (event) => start.event(event));
    const note = recovered === undefined ? undefined : await recoverAdmin(peer, platform, recovered);
    return { peer, log: platform.log, web, note, close };
  } catch (thrown) {
    await web?.close();
    await platform.store.close();
    await close();
    throw thrown;
  }
}

interface Serving {
  readonly home: Home;
  readonly places: PeerPlaces;
  readonly settings: UpSettings;
  readonly isNamed: boolean;
  readonly view: UpView;
  readonly start: Start;
  readonly stopped: Promise<void>;
}

/** From ready to the end; resolves with why it ended when nobody ended it. */
async function serve({ peer, log, web, note, close }: Started, serving: Serving): Promise<MeshError | undefined> {
  const { home, places, settings, isNamed, view, start, stopped } = serving;
  try {
    const keeping = await keepForClients(home, peer, places, settings, web?.url);
    if (web !== undefined) servePage(web, { peer, home, log, line: keeping.line, addresses: () => localAddresses(peer) });
    start.ready(peer, keeping.line(), web?.url);
    if (note !== undefined) view.note(note);
    if (isNamed) tellOtherName(peer, settings.config.name, view);
    const telling = tellOtherReplicas(peer, settings.config.replicas, view);
    const failure = await Promise.race([stopped, peer.failure]);
    view.stopping();
    keeping.end();
    telling.end();
    const stopping = async (): Promise<void> => {
      await web?.close();
      await peer.stop().then(close);
    };
    await withinStopTime(stopping());
    return failure instanceof MeshError ? failure : undefined;
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Holds events back until `ready` was told: that one is the first. */
class Start {
  readonly #view: UpView;
  #early: PeerEvent[] | undefined = [];
  #isForeignTold = false;

  constructor(view: UpView) {
    this.#view = view;
  }

  event(event: PeerEvent): void {
    // That there is another mesh is news once; `status` tells how many of its peers there are.
    if (event.event === 'foreign-mesh' && this.#isForeignTold) return;
    this.#isForeignTold ||= event.event === 'foreign-mesh';
    if (this.#early === undefined) this.#view.event(event);
    else this.#early.push(event);
  }

  ready(peer: Peer, join: string, http: string | undefined): void {
    this.#view.ready(peer, join, http);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#view.event(event);
  }
}

async function wishOf(line: Parsed): Promise<{ folder: string; settings: UpSettings; isNamed: boolean }> {
  // What a script's unset variable leaves would be the folder it runs in.
  if (line.words[0] === '') throw new MeshError('usage', 'the name of the folder is empty; leave it out for ~/filemesh');
  if (line.options.has('timeout')) throw new MeshError('usage', 'up takes no --timeout');
  const flags: Partial<Record<string, readonly string[]>> = {};
  for (const [option, texts] of line.options) {
    if (isUpOption(option)) flags[option] = texts.length === 0 ? ['true'] : texts;
  }
  const config = line.options.get('config')?.[0] ?? process.env.FILEMESH_CONFIG;
  const file = config === undefined || config === '' ? { texts: {} } : await readUpFile(config);
  const texts = precedence(flags as UpTexts, textsOfEnvironment(process.env), file.texts);
  const settings = settingsOf(texts);
  // Before anything is made in the folder.
  if (settings.config.join !== undefined) parseMeshLine(settings.config.join);
  const folder = line.words[0] ?? nonEmpty(process.env.FILEMESH_FOLDER) ?? ('folder' in file ? file.folder : undefined);
  return { folder: folder ?? defaultFolder(), settings, isNamed: texts.name !== undefined };
}

/** Leaves the join line and the address where a client of this user finds them, now and whenever they change. */
async function keepForClients(home: Home, peer: Peer, places: PeerPlaces, settings: UpSettings, http: string | undefined) {
  const line = (): string => peer.join ?? settings.config.join ?? '';
  let kept = '';
  const keep = async (): Promise<void> => {
    const now = line();
    const addresses = localAddresses(peer);
    const state = JSON.stringify([now, addresses]);
    if (state === kept || now === '') return;
    kept = state;
    await home.keepMesh({ line: now, facts: [] });
    await home.keepLocalPeer(now, { id: peer.id, folder: places.folder, addresses, pid: process.pid, ...(http && { http }) });
  };
  await home.keepFolder(places.folder, peer.id);
  await keep();
  const timer = setInterval(() => {
    // Only a convenience for clients here: tried again at the next look.
    keep().catch(() => {
      kept = '';
    });
  }, LINE_LOOK_MS);
  return { line, end: () => clearInterval(timer) };
}

/** Loopback first: it is always listened on, and no firewall is in the way. */
function localAddresses(peer: Peer): string[] {
  const port = /:(\d+)$/.exec(peer.addresses[0] ?? '')?.[1];
  const loopback = port === undefined ? [] : [`127.0.0.1:${port}`];
  return [...new Set([...loopback, ...peer.addresses])];
}

/** Resolves at the first SIGINT, SIGTERM or SIGHUP (its terminal was closed); a second one ends the program at once. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (): void => {
      if (isStopping) process.exit(1);
      isStopping = true;
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    process.on('SIGHUP', stop);
  });
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
