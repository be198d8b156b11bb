import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { PeerConfig } from '../peer/config.ts';
import { isMeshName, MESH_NAME_WORDS } from '../wire/mesh-line.ts';
import type { OptionTable } from './parse.ts';
import {
  badValue,
  readAddress,
  readBoolean,
  readCapacity,
  readChoice,
  readDuration,
  readInteger,
  readLabel,
  readRate,
  readText,
} from './values.ts';

/** The one TCP port of filemesh: what a firewall has to let in beside UDP 5353. */
export const PORT_DEFAULT = 4795;
/** A slower limit would make a large file take days, and every wait for a turn longer than peers wait. In bytes a second. */
const RATE_MIN = 64 * 1024;
/** Time between whole scans of a folder whose hints work. */
const SCAN_EVERY_MS = 60_000;

/** What `up` was told, from all sources. */
export interface UpSettings {
  readonly config: PeerConfig;
  /** Addresses or names of the interfaces to use; empty: all. */
  readonly interfaces: readonly string[];
  /** Where the page is to be served; undefined: on the loopback, at the usual port or the next free one. */
  readonly http: { readonly host: string; readonly port: number } | 'off' | undefined;
  /** This folder has a new peer in it although another was known here. */
  readonly isNew: boolean;
}

/** The options of `up` by their long names: the texts given for each, in the order given. */
export type UpTexts = Partial<Record<UpOption, readonly string[]>>;

/** Every option of `up` that may also stand in the environment and in a file. */
export const UP_OPTIONS = {
  name: { describe: 'name of this peer (default: the host name)', value: 'NAME' },
  mesh: { describe: 'name for a new mesh (default home)', value: 'NAME' },
  join: { describe: 'join line of the mesh to enter ("filemesh invite" prints it)', value: 'LINE' },
  port: { describe: `TCP port; the next free one when taken (default ${PORT_DEFAULT})`, value: 'PORT' },
  http: {
    describe: 'where the page is served: ADDRESS:PORT, or off (default 127.0.0.1:4780 or the next free port)',
    value: 'ADDRESS:PORT|off',
  },
  interface: { describe: 'network interface or address to use, repeatable (default: all)', value: 'NAME', repeats: true },
  peer: { describe: 'a peer to call besides those found by multicast, repeatable', value: 'HOST:PORT', repeats: true },
  replicas: { describe: 'copies of every file, when this peer enters a mesh (default 2)', value: 'N' },
  capacity: { describe: 'room for the mesh here: 10GiB, 50% (default: all but a tenth of the disk)', value: 'SIZE' },
  'limit-up': { describe: 'file data sent in a second at most: 10MiB, 500KiB (default: no limit)', value: 'RATE' },
  'limit-down': { describe: 'file data taken in in a second at most (default: no limit)', value: 'RATE' },
  settle: { describe: 'time a file must lie still before it is taken (default 1s)', value: 'TIME' },
  'heal-after': { describe: 'absence after which new copies are made (default 10m; of a stopped peer a day)', value: 'TIME' },
  placement: { describe: 'least loaded by share of capacity, or by number of files (default share)', value: 'share|files' },
  new: { describe: 'begin anew in a folder whose identity is gone' },
} as const satisfies OptionTable;

export type UpOption = keyof typeof UP_OPTIONS;

export function isUpOption(word: string): word is UpOption {
  return Object.hasOwn(UP_OPTIONS, word);
}

/** Takes for each option the texts of the first source that has it. Sources: flags, environment, file. */
export function precedence(...sources: readonly UpTexts[]): UpTexts {
  return Object.assign({}, ...sources.toReversed()) as UpTexts;
}

/** The options that stand in the environment as FILEMESH_OPTION_NAME; other FILEMESH_ names are not ours to judge. */
export function textsOfEnvironment(environment: Readonly<Record<string, string | undefined>>): UpTexts {
  const texts: Partial<Record<UpOption, readonly string[]>> = {};
  for (const option of Object.keys(UP_OPTIONS).filter(isUpOption)) {
    const text = environment[environmentName(option)];
    if (text === undefined || text === '') continue;
    texts[option] = isRepeated(option) ? text.split(/[\s,]+/).filter((part) => part !== '') : [text];
  }
  return texts;
}

export function environmentName(option: string): string {
  return `FILEMESH_${option.replaceAll('-', '_').toUpperCase()}`;
}

export function isRepeated(option: UpOption): boolean {
  return 'repeats' in UP_OPTIONS[option];
}

/** The texts as values. Rejects with `usage` naming the option. */
export function settingsOf(texts: UpTexts): UpSettings {
  const one = <T>(option: UpOption, read: (text: string, shown: string) => T, fallback: T): T => {
    const text = texts[option]?.at(-1);
    return text === undefined ? fallback : read(text, `--${option}`);
  };
  const join = one<string | undefined>('join', readText, undefined);
  const capacity = one<PeerConfig['capacity']>('capacity', readCapacity, undefined);
  const name = one('name', readLabel, hostLabel());
  const readReplicas = (text: string, shown: string) => readInteger(text, shown, { min: 1, max: 16 });
  const replicas = one<number | undefined>('replicas', readReplicas, undefined);
  const readLimit = (text: string, shown: string) => readRate(text, shown, RATE_MIN);
  const limitUp = one<number | undefined>('limit-up', readLimit, undefined);
  const limitDown = one<number | undefined>('limit-down', readLimit, undefined);
  const config: PeerConfig = {
    name,
    meshName: one('mesh', readMeshName, 'home'),
    ...(join === undefined ? {} : { join }),
    port: one('port', (text, shown) => readInteger(text, shown, { min: 0, max: 65_535 }), PORT_DEFAULT),
    peers: (texts.peer ?? []).map((text) => readAddress(text, '--peer')),
    ...(replicas === undefined ? {} : { replicas }),
    ...(capacity === undefined ? {} : { capacity }),
    ...(limitUp === undefined ? {} : { limitUp }),
    ...(limitDown === undefined ? {} : { limitDown }),
    settleMs: one('settle', (text, shown) => readDuration(text, shown, { min: 10, max: 3_600_000 }), 1000),
    healAfterMs: one('heal-after', (text, shown) => readDuration(text, shown, { min: 0, max: 30 * 86_400_000 }), 600_000),
    placement: one('placement', (text, shown) => readChoice(text, shown, ['share', 'files']), 'share'),
    scanEveryMs: SCAN_EVERY_MS,
  };
  return {
    config,
    interfaces: (texts.interface ?? []).map((text) => readText(text, '--interface')),
    http: one<UpSettings['http']>('http', readHttp, undefined),
    isNew: one('new', readBoolean, false),
  };
}

/** Where the page is served: an address of this machine and a port (0: any), or nowhere. */
function readHttp(text: string, option: string): NonNullable<UpSettings['http']> {
  if (text.trim() === 'off') return 'off';
  const [, host = '', port = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text.trim()) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const isHost = host === '' || isIP(bare) !== 0;
  if (port === '' || Number(port) > 65_535 || !isHost)
    throw badValue(option, text, 'ADDRESS:PORT of this machine, a port, or "off"');
  return { host: host === '' ? '127.0.0.1' : bare, port: Number(port) };
}

/** A mesh's name stands in the join line: a name that no line can carry would make a mesh nobody enters again. */
function readMeshName(text: string, option: string): string {
  const name = text.normalize('NFC');
  if (!isMeshName(name)) throw badValue(option, text, `a name of ${MESH_NAME_WORDS}`);
  return name;
}

/** The host name as a peer's name: its first part. */
function hostLabel(): string {
  const label =
    hostname()
      .split('.')[0]
      ?.replace(/[^\p{L}\p{N}_-]/gu, '') ?? '';
  return label === '' ? 'peer' : label.slice(0, 64);
}
