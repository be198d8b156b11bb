import { isIP } from 'node:net';
import { MeshError } from '../core/errors.ts';
import { LABEL_LENGTH_MAX } from '../core/facts.ts';
import { quote } from '../core/path.ts';

/** Readers of option values: each takes the text a person wrote and the name under which, and rejects with `usage`. */

const DURATION_MS: Record<string, number> = { '': 1000, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_BYTES: Record<string, number> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** `30s`, `10m`, `24h`, `500ms`; a bare number is seconds. In ms. */
export function readDuration(text: string, option: string, range: { min: number; max: number }): number {
  const parts = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  if (parts === null) throw badValue(option, text, 'a time such as 30s or 10m; a bare number is seconds');
  const ms = Number(parts[1]) * (DURATION_MS[parts[2] ?? ''] ?? Number.NaN);
  if (!(ms >= range.min && ms <= range.max)) {
    throw badValue(option, text, `a time from ${shownDuration(range.min)} to ${shownDuration(range.max)}`);
  }
  return ms;
}

/** `10GiB`, `500MB`, a bare number of bytes, or `50%` of the disk. */
export function readCapacity(text: string, option: string): { bytes: number } | { share: number } {
  const wish = 'a size such as 10GiB, or a share of the disk such as 50%';
  const share = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  if (share !== null) {
    const percent = Number(share[1]);
    if (percent > 100) throw badValue(option, text, 'at most 100%');
    return { share: percent / 100 };
  }
  const bytes = sizeOf(text);
  if (bytes === undefined) throw badValue(option, text, wish);
  if (!Number.isSafeInteger(bytes)) throw badValue(option, text, 'a size below 8 PiB');
  return { bytes };
}

/** `10MiB`, `500KiB`, or a bare number of bytes, each a second; `/s` may follow. In bytes per second. */
export function readRate(text: string, option: string, min: number): number {
  const rate = sizeOf(text.trim().replace(/\s*\/s$/i, ''));
  const wish = `a rate such as 10MiB or 500KiB a second, at least ${min / 1024}KiB (without the option there is no limit)`;
  if (rate === undefined || !Number.isSafeInteger(rate) || rate < min) throw badValue(option, text, wish);
  return rate;
}

/** `10GiB`, `500MB`, or a bare number of bytes. */
export function readSize(text: string, option: string): number {
  const bytes = sizeOf(text.trim());
  if (bytes === undefined) throw badValue(option, text, 'a size such as 500MiB or 10GiB');
  return bytes;
}

/** Bytes, perhaps too many for a whole number; undefined for what is no size. */
function sizeOf(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = SIZE_BYTES[(parts?.[2] ?? '').toLowerCase()];
  return parts === null || unit === undefined ? undefined : Math.floor(Number(parts[1]) * unit);
}

export function readInteger(text: string, option: string, range: { min: number; max: number }): number {
  const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(value >= range.min && value <= range.max))
    throw badValue(option, text, `a whole number from ${range.min} to ${range.max}`);
  return value;
}

/** `host:port` or `[v6]:port`, as it stands. */
export function readAddress(text: string, option: string): string {
  const parts = /^(?:\[([0-9a-f:.%a-z]+)\]|([^\s:[\]/]+)):(\d{1,5})$/i.exec(text.trim());
  const port = Number(parts?.[3]);
  const hostFits = parts?.[1] === undefined ? true : isIP(parts[1].replace(/%.*$/, '')) === 6;
  if (parts === null || !hostFits || !(port >= 1 && port <= 65_535)) {
    throw badValue(option, text, 'HOST:PORT, such as 192.168.1.20:4795 or [fe80::1]:4795');
  }
  return text.trim();
}

/** Name of a peer or a mesh: shown on screens and in file names, so of one line and without slashes. */
export function readLabel(text: string, option: string): string {
  const fits =
    text.length >= 1 && text.length <= LABEL_LENGTH_MAX && text.isWellFormed() && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\]/u.test(text);
  if (!fits || text !== text.trim())
    throw badValue(option, text, `a name of 1 to ${LABEL_LENGTH_MAX} characters without slashes or control characters`);
  return text;
}

export function readChoice<Choice extends string>(text: string, option: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw badValue(option, text, `one of: ${choices.join(', ')}`);
  return choice;
}

export function readBoolean(text: string, option: string): boolean {
  if (['true', 'yes', '1', 'on'].includes(text.toLowerCase())) return true;
  if (['false', 'no', '0', 'off', ''].includes(text.toLowerCase())) return false;
  throw badValue(option, text, 'true or false');
}

export function readText(text: string, option: string): string {
  if (text === '') throw badValue(option, text, 'a text');
  return text;
}

/** The one way in which every wrong value is told. */
export function badValue(option: string, text: string, wanted: string): MeshError {
  return new MeshError('usage', `${option} cannot be ${quote(text)}: it takes ${wanted}`);
}

function shownDuration(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find((one) => ms >= (DURATION_MS[one] ?? 1) && ms % (DURATION_MS[one] ?? 1) === 0);
  return unit === undefined ? `${ms}ms` : `${ms / (DURATION_MS[unit] ?? 1)}${unit}`;
}
