/** Bytes that one search may look at. */
const GEAR_WINDOW_BYTES = 1024 * 1024;

/**
 * 256 random words, fixed for ever by this formula (splitmix32 over 1…256, from seed 0): a change of it is a change of
 * the chunking scheme.
 */
const WORDS = Int32Array.from({ length: 256 }, (_, index) => {
  let word = Math.imul(index + 1, 0x9e3779b9);
  word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
  word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
  return (word ^ (word >>> 15)) | 0;
});

/** Bytes looked at between two looks at the end: a loop costs as much as a byte. */
const UNROLLED = 4;
const PAGE_BYTES = 64 * 1024;

/**
 * `search(from, to, mask, hash)` over the window in its memory: rolls the hash byte by byte, and gives the end of the
 * first byte at which no bit of `mask` is set, else -1 with the hash in the global `hash`. WebAssembly, because V8 checks
 * every index of the same loop in JavaScript: it takes twice the time.
 *
 *     loop while at < to:  hash = (hash << 1) + words[window[at]];  if (hash & mask) == 0 return at + 1;  at += 1
 */
interface Machine {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly hash: { readonly value: number };
  search(from: number, to: number, mask: number, hash: number): number;
}

/** Where the window begins in the memory: behind the words. */
const WINDOW_AT = WORDS.byteLength;

/** Part of the language's library only where there is a browser's too. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object) => { readonly exports: unknown };
  };
};
const machine = new WebAssembly.Instance(new WebAssembly.Module(assemble())).exports as Machine;
new Int32Array(machine.memory.buffer, 0, WORDS.length).set(WORDS);

/** What `searchGear` looks at. Whoever fills it and searches does both in one turn: there is one a thread. */
export const gearWindow = new Uint8Array(machine.memory.buffer, WINDOW_AT, GEAR_WINDOW_BYTES);

/**
 * Goes on from `hash` over gearWindow[from, to): the end of the first byte at which no bit of `mask` is set, else -1 and
 * the hash so far.
 */
export function searchGear(from: number, to: number, mask: number, hash: number): { end: number; hash: number } {
  const end = machine.search(from, to, mask, hash);
  return { end, hash: machine.hash.value };
}

/** The module as bytes (WebAssembly Core Specification 2.0, chapter 5). */
function assemble(): Uint8Array {
  const [i32, at, to, mask, hash, lastFull] = [0x7f, 0, 1, 2, 3, 4];
  const get = (local: number) => [0x20, local];
  const set = (local: number) => [0x21, local];
  const tee = (local: number) => [0x22, local];
  const constant = (value: number) => [0x41, ...signed(value)];
  const [add, sub, and, shiftLeft, isZero, isNotLess] = [0x6a, 0x6b, 0x71, 0x74, 0x45, 0x4e];
  const [then, end, out, giveBack] = [[0x04, 0x40], 0x0b, 0x0c, 0x0f];
  const loadByte = (address: number) => [0x2d, 0, ...unsigned(address)];
  const loadWord = (address: number) => [0x28, 2, ...unsigned(address)];
  const word = (ahead: number) => [...get(at), ...loadByte(WINDOW_AT + ahead), ...constant(2), shiftLeft, ...loadWord(0)];
  const step = (ahead: number) => [
    ...[...get(hash), ...constant(1), shiftLeft, ...word(ahead), add, ...tee(hash)],
    ...[...get(mask), and, isZero, ...then, ...get(at), ...constant(ahead + 1), add, giveBack, end],
  ];
  const [block, loop, leaveIf] = [
    [0x02, 0x40],
    [0x03, 0x40],
    [0x0d, 1],
  ];
  const whileLess = (limit: number, body: number[], by: number) => [
    ...[...block, ...loop, ...get(at), ...get(limit), isNotLess, ...leaveIf],
    ...[...body, ...get(at), ...constant(by), add, ...set(at), out, 0, end, end],
  ];
  const unrolled = Array.from({ length: UNROLLED }, (_, ahead) => step(ahead)).flat();
  const body = [
    ...[1, 1, i32, ...get(to), ...constant(UNROLLED - 1), sub, ...set(lastFull)],
    ...[...whileLess(lastFull, unrolled, UNROLLED), ...whileLess(to, step(0), 1)],
    ...[...get(hash), 0x24, 0, ...constant(-1), end],
  ];
  const pages = Math.ceil((WINDOW_AT + GEAR_WINDOW_BYTES) / PAGE_BYTES);
  const types = [1, 0x60, 4, i32, i32, i32, i32, 1, i32];
  const globals = [1, i32, 1, ...constant(0), end];
  const exported = [3, ...text('memory'), 2, 0, ...text('hash'), 3, 0, ...text('search'), 0, 0];
  const code = [1, ...unsigned(body.length), ...body];
  const sections: [number, number[]][] = [
    [1, types],
    [3, [1, 0]],
    [5, [1, 0, ...unsigned(pages)]],
    [6, globals],
    [7, exported],
    [10, code],
  ];
  const magic = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return new Uint8Array([...magic, ...sections.flatMap(([id, bytes]) => [id, ...unsigned(bytes.length), ...bytes])]);
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** LEB128 of small numbers of either sign. */
function signed(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

function text(value: string): number[] {
  return [value.length, ...[...value].map((character) => character.charCodeAt(0))];
}
