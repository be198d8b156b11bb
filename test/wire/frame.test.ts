import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TAIL_BYTES_MAX } from '../../src/wire/calls.ts';
import { HEAD_BYTES_MAX } from '../../src/wire/codec.ts';
import { FRAME_PREFIX_BYTES, type Frame, type FrameKind, FrameParser, framePrefix } from '../../src/wire/frame.ts';

/** A frame whose head was copied, as it is only lent. */
function kept(frame: Frame): Frame {
  return { ...frame, head: frame.head.slice() };
}

function wire(frames: readonly Frame[]): Uint8Array {
  return Buffer.concat(frames.flatMap((frame) => [framePrefix(frame.kind, frame.id, frame.head, frame.tail.length), frame.tail]));
}

/** Parses pieces whose bytes are overwritten as soon as they were read. */
function parse(pieces: readonly Uint8Array[]): Frame[] {
  const parser = new FrameParser();
  const frames: Frame[] = [];
  for (const piece of pieces) {
    const lent = new Uint8Array(piece);
    parser.push(lent, (frame) => frames.push(kept(frame)));
    lent.fill(0xdb);
  }
  return frames;
}

const bytes = (length: number, first = 0) => Uint8Array.from({ length }, (_, index) => first + index);
const FRAMES: readonly Frame[] = [
  { kind: 'beat', id: 500, head: bytes(0), tail: bytes(0) },
  { kind: 'call', id: 1, head: bytes(3), tail: bytes(0) },
  { kind: 'reply', id: 4_294_967_295, head: bytes(0), tail: bytes(4, 9) },
  { kind: 'error', id: 2, head: bytes(5), tail: bytes(0) },
  { kind: 'note', id: 0, head: bytes(2), tail: bytes(0) },
  { kind: 'call', id: 3, head: bytes(7), tail: bytes(11, 30) },
];

describe('frame', () => {
  test('frames arrive whole and in order, split at every byte', () => {
    const stream = wire(FRAMES);
    for (let at = 0; at <= stream.length; at++) expect(parse([stream.subarray(0, at), stream.subarray(at)])).toEqual(FRAMES);
    expect(parse([...stream].map((byte) => Uint8Array.of(byte)))).toEqual(FRAMES);
  });

  test('any frames in any pieces', () => {
    const head = fc.uint8Array({ maxLength: 40 });
    const frame = fc.record({ kind: fc.constantFrom<FrameKind>('call', 'reply'), id: fc.nat(), head, tail: head });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 12 }), (frames, cuts) => {
        const stream = wire(frames);
        const ends = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b), stream.length];
        expect(parse(ends.slice(1).map((end, index) => stream.subarray(ends[index], end)))).toEqual(frames);
      }),
    );
  });

  test('a tail is the receiver’s own: nothing else lies in its memory', () => {
    const [frame] = parse([wire([{ kind: 'reply', id: 1, head: bytes(1), tail: bytes(100) }])]);
    expect(frame?.tail.buffer.byteLength).toBe(100);
  });

  test('the largest frame there is', () => {
    const largest: Frame = {
      kind: 'call',
      id: 1,
      head: new Uint8Array(HEAD_BYTES_MAX).fill(1),
      tail: new Uint8Array(TAIL_BYTES_MAX).fill(2),
    };
    const [frame] = parse([wire([largest])]);
    expect([frame?.head.length, frame?.tail.length, frame?.tail.at(-1)]).toEqual([HEAD_BYTES_MAX, TAIL_BYTES_MAX, 2]);
  });

  /** A prefix as an enemy sends it. */
  function prefix(kind: number, counted: number, head: number): Uint8Array {
    const made = new Uint8Array(FRAME_PREFIX_BYTES);
    const view = new DataView(made.buffer);
    view.setUint32(0, counted);
    made[4] = kind;
    view.setUint32(9, head);
    return made;
  }

  test.each([
    ['an unknown kind', prefix(9, 9, 0)],
    ['kind 0', prefix(0, 9, 0)],
    ['a head beyond the limit', prefix(2, 9 + HEAD_BYTES_MAX + 1, HEAD_BYTES_MAX + 1)],
    ['a tail beyond the limit', prefix(3, 9 + TAIL_BYTES_MAX + 1, 0)],
    ['4 GiB', prefix(2, 0xffffffff, 0)],
    ['a head longer than the frame', prefix(2, 20, 100)],
    ['a frame shorter than its prefix', prefix(2, 3, 0)],
    ['a note with a tail', prefix(1, 9 + 2, 1)],
    ['an error with a tail', prefix(4, 9 + 2, 1)],
    ['an error with a long head', prefix(4, 9 + 257, 257)],
    ['a beat with a head', prefix(5, 9 + 1, 1)],
  ])('%s is refused before any of its body is kept', (_name, bad) => {
    const parser = new FrameParser();
    expect(() => parser.push(bad, () => {})).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  test('what is too large is not sent either', () => {
    expect(() => framePrefix('note', 0, new Uint8Array(HEAD_BYTES_MAX + 1))).toThrow(
      expect.objectContaining({ code: 'protocol' }),
    );
    expect(() => framePrefix('reply', 0, bytes(1), TAIL_BYTES_MAX + 1)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });
});
