/** The bits of a QR code (ISO/IEC 18004): byte mode, error correction M, versions 1 to 13 (331 bytes). */

/** By version: all codewords, codewords of error correction in a block, blocks. */
const VERSIONS: readonly (readonly [number, number, number])[] = [
  [26, 10, 1],
  [44, 16, 1],
  [70, 26, 1],
  [100, 18, 2],
  [134, 24, 2],
  [172, 16, 4],
  [196, 18, 4],
  [242, 22, 4],
  [292, 22, 5],
  [346, 26, 5],
  [404, 30, 5],
  [466, 22, 8],
  [532, 22, 9],
];

/** Exponents and logarithms of GF(256) with the polynomial of the standard. */
const EXP: number[] = [];
const LOG: number[] = [];
for (let exponent = 0, value = 1; exponent < 255; exponent += 1) {
  EXP[exponent] = value;
  LOG[value] = exponent;
  value = value >= 128 ? (value * 2) ^ 0x11d : value * 2;
}

function times(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : (EXP[((LOG[a] as number) + (LOG[b] as number)) % 255] as number);
}

/** The codewords in the order they are drawn, and the version that has room for them. Throws when none has. */
export function codewordsOf(text: string): { readonly version: number; readonly codewords: readonly number[] } {
  const bytes = [...new TextEncoder().encode(text)];
  const index = VERSIONS.findIndex((row, at) => dataLength(row) >= bytes.length + (at < 9 ? 2 : 3));
  const row = VERSIONS[index];
  if (row === undefined) throw new RangeError(`a QR code of this page has room for 331 bytes, not for ${bytes.length}`);
  return { version: index + 1, codewords: interleaved(dataOf(bytes, dataLength(row), index + 1), row) };
}

function dataLength([all, correction, blocks]: readonly [number, number, number]): number {
  return all - correction * blocks;
}

function dataOf(bytes: readonly number[], length: number, version: number): number[] {
  const bits = [0, 1, 0, 0];
  const push = (value: number, count: number) => {
    for (let bit = count - 1; bit >= 0; bit -= 1) bits.push((value >> bit) & 1);
  };
  push(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) push(byte, 8);
  push(0, Math.min(4, length * 8 - bits.length));
  while (bits.length % 8 !== 0) bits.push(0);
  const data: number[] = [];
  for (let at = 0; at < bits.length; at += 8) data.push(Number.parseInt(bits.slice(at, at + 8).join(''), 2));
  for (let pad = 0xec; data.length < length; pad ^= 0xec ^ 0x11) data.push(pad);
  return data;
}

/** Data and correction of all blocks, one codeword of each in turn. The later blocks are longer by one where it does not divide. */
function interleaved(data: readonly number[], [, correction, count]: readonly [number, number, number]): number[] {
  const short = Math.floor(data.length / count);
  const longer = data.length % count;
  const blocks: number[][] = [];
  for (let block = 0, at = 0; block < count; block += 1) {
    const length = short + (block >= count - longer ? 1 : 0);
    blocks.push(data.slice(at, at + length));
    at += length;
  }
  const generator = generatorOf(correction);
  return [...inTurn(blocks), ...inTurn(blocks.map((block) => remainderOf(block, generator)))];
}

function inTurn(blocks: readonly (readonly number[])[]): number[] {
  const longest = Math.max(...blocks.map((block) => block.length));
  const row = (at: number) => blocks.map((block) => block[at]).filter((word) => word !== undefined);
  return Array.from({ length: longest }, (_, at) => row(at)).flat();
}

/** Coefficients of Reed and Solomon's generator below the leading one. */
function generatorOf(degree: number): number[] {
  let generator: number[] = [1];
  for (let root = 0; root < degree; root += 1) {
    const next = [...generator, 0];
    for (const [at, value] of generator.entries()) next[at + 1] = (next[at + 1] as number) ^ times(value, EXP[root] as number);
    generator = next;
  }
  return generator.slice(1);
}

function remainderOf(block: readonly number[], generator: readonly number[]): number[] {
  const remainder = generator.map(() => 0);
  for (const word of block) {
    const factor = word ^ (remainder.shift() as number);
    remainder.push(0);
    for (const [at, value] of generator.entries()) remainder[at] = (remainder[at] as number) ^ times(value, factor);
  }
  return remainder;
}
