import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newKeyPair } from '../../../src/cli/sealing/account-key.ts';
import { makeHeader } from '../../../src/cli/sealing/age-header.ts';
import { OpeningSink } from '../../../src/cli/sealing/opening-sink.ts';
import { stanzasForReaders } from '../../../src/cli/sealing/readers.ts';
import { SealedSource } from '../../../src/cli/sealing/sealed-source.ts';
import type { Sink, Source } from '../../../src/client/transfer.ts';
import { type Figure, mebibytes, median } from '../figures.ts';
import type { Part } from '../part.ts';

/** As an upload reads, and a download brings. */
const PIECE_BYTES = 2 ** 20;
/** MB in a second of one core. */
const GOAL = 500;

/**
 * Sealing and opening as transfers do it, from a file in the page cache to nowhere; beside it `age` from the same file to
 * /dev/null, turn by turn. MB (10^6 bytes) a second, by the clock and by the CPU time of the process.
 */
export const sealing: Part = async (scale) => {
  const bytes = scale.bytes(2 ** 30);
  const folder = mkdtempSync(join(tmpdir(), 'filemesh-bench-sealing-'));
  try {
    const plain = join(folder, 'plain');
    writeNoise(plain, bytes);
    const pair = await newKeyPair();
    writeText(join(folder, 'key.txt'), `${pair.identity}\n`);
    const rates = { seal: [] as Rate[], open: [] as Rate[], ageSeal: [] as Rate[], ageOpen: [] as Rate[] };
    for (let run = 0; run < scale.runs(5); run++) {
      const sealed = join(folder, 'sealed');
      rates.ageSeal.push(ageRate(bytes, ['-r', pair.recipient, '-o', sealed, plain]));
      rates.ageOpen.push(ageRate(bytes, ['-d', '-i', join(folder, 'key.txt'), '-o', '/dev/null', sealed]));
      const fileKey = randomBytes(16);
      const readers = stanzasForReaders([{ name: 'bench', recipient: pair.recipient }], fileKey);
      const seal = { header: makeHeader(fileKey, readers), fileKey, nonce: randomBytes(16) };
      rates.seal.push(await rateOf(bytes, () => drain(plain, bytes, (source) => new SealedSource(source, seal))));
      rates.open.push(await openRate(plain, bytes, seal, join(folder, 'ours')));
    }
    const what = mebibytes(bytes);
    return [
      figure(`${what} sealed`, rates.seal, true),
      figure(`${what} opened`, rates.open, true),
      figure(`${what} sealed by age`, rates.ageSeal, false),
      figure(`${what} opened by age`, rates.ageOpen, false),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** MB a second. NaN: there is no age here. */
interface Rate {
  readonly byClock: number;
  readonly byCpu: number;
}

function figure(what: string, rates: readonly Rate[], isOurs: boolean): Figure {
  const [clock, cpu] = [median(rates.map(({ byClock }) => byClock)), median(rates.map(({ byCpu }) => byCpu))];
  if (Number.isNaN(clock)) return { what, figure: 'age is not installed', goal: '–' };
  const figure = `${clock.toFixed(0)} MB/s, ${cpu.toFixed(0)} MB a CPU second (medians of ${rates.length})`;
  return isOurs ? { what, figure, goal: `≥ ${GOAL} MB a CPU second`, isMissed: cpu < GOAL } : { what, figure, goal: '–' };
}

async function rateOf(bytes: number, act: () => Promise<void>): Promise<Rate> {
  const before = process.cpuUsage();
  const began = performance.now();
  await act();
  const { user, system } = process.cpuUsage(before);
  return { byClock: bytes / 1e3 / (performance.now() - began), byCpu: bytes / (user + system) };
}

/** The CPU time of a child is that of all its threads: it is told by `time`, and not known here. */
function ageRate(bytes: number, words: readonly string[]): Rate {
  const began = performance.now();
  const { status, stderr } = spawnSync('bash', ['-c', 'TIMEFORMAT="%U %S"; rm -f "$OUT"; time age "$@"', 'age', ...words], {
    encoding: 'utf8',
    env: { ...process.env, OUT: words.includes('-r') ? (words[3] ?? '') : '' },
  });
  if (status !== 0) return { byClock: Number.NaN, byCpu: Number.NaN };
  const [user = 0, system = 0] = stderr.trim().split(/\s+/).map(Number);
  return { byClock: bytes / 1e3 / (performance.now() - began), byCpu: bytes / 1e6 / (user + system) };
}

async function drain(file: string, bytes: number, sealed: (plain: Source) => Source): Promise<void> {
  const handle = await open(file);
  const source = sealed(fileSource(handle, bytes));
  for (let at = 0; at < source.size; ) at += (await source.read(at, PIECE_BYTES)).length;
  await handle.close();
}

async function openRate(
  plain: string,
  bytes: number,
  seal: ConstructorParameters<typeof SealedSource>[1],
  file: string,
): Promise<Rate> {
  const from = await open(plain);
  const to = await open(file, 'w+');
  const source = new SealedSource(fileSource(from, bytes), seal);
  for (let at = 0; at < source.size; ) {
    const piece = await source.read(at, PIECE_BYTES);
    await to.write(piece, 0, piece.length, at);
    at += piece.length;
  }
  const sealed = fileSource(to, source.size);
  const rate = await rateOf(bytes, async () => {
    const sink = new OpeningSink({ ...seal, size: bytes }, new Nowhere());
    for (let at = 0; at < sealed.size; ) {
      const piece = await sealed.read(at, PIECE_BYTES);
      await sink.write(at, piece);
      at += piece.length;
    }
    await sink.finish();
  });
  await from.close();
  await to.close();
  return rate;
}

class Nowhere implements Sink {
  write(): Promise<void> {
    return Promise.resolve();
  }
  finish(): Promise<string> {
    return Promise.resolve('');
  }
  discard(): Promise<void> {
    return Promise.resolve();
  }
}

function fileSource(handle: FileHandle, size: number): Source {
  const read = async (offset: number, length: number) => {
    const bytes = Buffer.allocUnsafe(Math.min(length, size - offset));
    await handle.read(bytes, 0, bytes.length, offset);
    return bytes;
  };
  return { size, read, check: () => Promise.resolve() };
}

function writeNoise(file: string, bytes: number): void {
  const descriptor = openSync(file, 'w');
  const noise = randomBytes(PIECE_BYTES);
  for (let at = 0; at < bytes; at += PIECE_BYTES) writeSync(descriptor, noise, 0, Math.min(PIECE_BYTES, bytes - at));
  closeSync(descriptor);
}

function writeText(file: string, text: string): void {
  const descriptor = openSync(file, 'w', 0o600);
  writeSync(descriptor, text);
  closeSync(descriptor);
}
