import { codewordsOf } from './qr-bits.ts';

/** A text as a QR code, for the camera of a phone. */

/** `true`: a dark module; rows from the top, without the quiet zone. */
export type QrCode = readonly (readonly boolean[])[];

/** Where alignment patterns stand, by version from 1. */
const ALIGNMENT: readonly (readonly number[])[] = [
  [],
  [6, 18],
  [6, 22],
  [6, 26],
  [6, 30],
  [6, 34],
  [6, 22, 38],
  [6, 24, 42],
  [6, 26, 46],
  [6, 28, 50],
  [6, 30, 54],
  [6, 32, 58],
  [6, 34, 62],
];

const MASKS: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** Throws `RangeError` for a text of more than 331 bytes. */
export function qrCode(text: string): QrCode {
  const { version, codewords } = codewordsOf(text);
  const drawn = MASKS.map((_, mask) => drawnWith(version, codewords, mask));
  const penalties = drawn.map(penaltyOf);
  return drawn[penalties.indexOf(Math.min(...penalties))] as QrCode;
}

/** One path of squares for an SVG whose view box counts modules. */
export function qrPath(code: QrCode): string {
  return code.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('');
}

type Grid = (boolean | undefined)[][];

function drawnWith(version: number, codewords: readonly number[], mask: number): QrCode {
  const size = version * 4 + 17;
  const grid: Grid = Array.from({ length: size }, () => Array.from({ length: size }, () => undefined));
  drawPatterns(grid, version);
  drawFormat(grid, mask);
  if (version >= 7) drawVersion(grid, version);
  drawData(grid, codewords, MASKS[mask] as (x: number, y: number) => boolean);
  return grid.map((row) => row.map((dark) => dark === true));
}

function put(grid: Grid, x: number, y: number, dark: boolean): void {
  const row = grid[y];
  if (row !== undefined && x >= 0 && x < row.length) row[x] = dark;
}

function drawPatterns(grid: Grid, version: number): void {
  const size = grid.length;
  for (let at = 0; at < size; at += 1) {
    put(grid, 6, at, at % 2 === 0);
    put(grid, at, 6, at % 2 === 0);
  }
  for (const [x, y] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ] as const)
    drawRings(grid, x, y, 4, [2, 4]);
  const places = ALIGNMENT[version - 1] as readonly number[];
  const last = places.length - 1;
  for (const [i, x] of places.entries()) {
    for (const [j, y] of places.entries()) {
      const isFinder = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
      if (!isFinder) drawRings(grid, x, y, 2, [1]);
    }
  }
}

/** Squares around a centre, dark but for the rings that are `light`. */
function drawRings(grid: Grid, x: number, y: number, radius: number, light: readonly number[]): void {
  for (let dy = -radius; dy <= radius; dy += 1) {
    for (let dx = -radius; dx <= radius; dx += 1) {
      put(grid, x + dx, y + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  }
}

function drawFormat(grid: Grid, mask: number): void {
  // Error correction M is 00: the five bits are those of the mask.
  let rest = mask;
  for (let turn = 0; turn < 10; turn += 1) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const bits = ((mask << 10) | rest) ^ 0x5412;
  const size = grid.length;
  const dark = (bit: number) => ((bits >> bit) & 1) === 1;
  for (let bit = 0; bit < 15; bit += 1) {
    if (bit < 6) put(grid, 8, bit, dark(bit));
    else if (bit < 8) put(grid, 8, bit + 1, dark(bit));
    else put(grid, bit === 8 ? 7 : 14 - bit, 8, dark(bit));
    if (bit < 8) put(grid, size - 1 - bit, 8, dark(bit));
    else put(grid, 8, size - 15 + bit, dark(bit));
  }
  put(grid, 8, size - 8, true);
}

function drawVersion(grid: Grid, version: number): void {
  let rest = version;
  for (let turn = 0; turn < 12; turn += 1) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let bit = 0; bit < 18; bit += 1) {
    const [a, b] = [grid.length - 11 + (bit % 3), Math.floor(bit / 3)];
    put(grid, a, b, ((bits >> bit) & 1) === 1);
    put(grid, b, a, ((bits >> bit) & 1) === 1);
  }
}

/** Up and down in columns of two, from the right; the column of the timing pattern is left out. */
function drawData(grid: Grid, codewords: readonly number[], mask: (x: number, y: number) => boolean): void {
  const size = grid.length;
  let bit = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    const isUp = ((right + 1) & 2) === 0;
    for (let step = 0; step < size; step += 1) {
      const y = isUp ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        const row = grid[y] as (boolean | undefined)[];
        if (row[x] !== undefined) continue;
        row[x] = ((((codewords[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1) !== mask(x, y);
        bit += 1;
      }
    }
  }
}

/** How hard it is to read: long runs, squares, what looks like a corner, and too much of one colour. */
function penaltyOf(code: QrCode): number {
  const columns = code.map((_, x) => code.map((row) => row[x] === true));
  const lines = [...code, ...columns].map((line) => line.map(Number).join(''));
  let penalty = 0;
  for (const line of lines) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) penalty += run.length - 2;
    penalty += 40 * [...line.matchAll(/(?=10111010000|00001011101)/g)].length;
  }
  for (let y = 1; y < code.length; y += 1) {
    for (let x = 1; x < code.length; x += 1) {
      const four = [code[y]?.[x], code[y]?.[x - 1], code[y - 1]?.[x], code[y - 1]?.[x - 1]];
      if (new Set(four).size === 1) penalty += 3;
    }
  }
  const dark = code.flat().filter(Boolean).length / code.length ** 2;
  return penalty + 10 * Math.floor(Math.abs(dark - 0.5) * 20);
}
