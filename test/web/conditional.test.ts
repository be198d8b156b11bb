import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerOf, dateOf, rangeOf, tagOf } from '../../src/web/conditional.ts';
import { attachmentOf, typeOf } from '../../src/web/content-types.ts';

const hash = 'a'.repeat(64);
const modifiedMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const content = { hash, size: 1000, modifiedMs };
const tag = tagOf(hash);
const date = dateOf(modifiedMs);

describe('a range', () => {
  test.each([
    ['bytes=0-', { offset: 0, length: 1000 }],
    ['bytes=0-0', { offset: 0, length: 1 }],
    ['bytes=100-199', { offset: 100, length: 100 }],
    ['bytes=990-2000', { offset: 990, length: 10 }],
    ['bytes=-100', { offset: 900, length: 100 }],
    ['bytes=-5000', { offset: 0, length: 1000 }],
    ['bytes=1000-', 'outside'],
    ['bytes=-0', 'outside'],
    ['bytes=5-4', undefined],
    ['bytes=-', undefined],
    ['bytes=a-b', undefined],
    ['bytes=0-1,5-6', undefined],
    ['lines=0-1', undefined],
    [`bytes=0-${'9'.repeat(20)}`, undefined],
  ] as const)('%s', (header, range) => {
    expect(rangeOf(header, 1000)).toEqual(range);
  });

  test('lies within the content, whatever is asked for', () => {
    const number = fc.oneof(fc.nat(2000).map(String), fc.constant(''));
    fc.assert(
      fc.property(number, number, fc.nat(1500), (first, last, size) => {
        const range = rangeOf(`bytes=${first}-${last}`, size);
        if (range === undefined || range === 'outside') return;
        expect(range.offset).toBeGreaterThanOrEqual(0);
        expect(range.length).toBeGreaterThan(0);
        expect(range.offset + range.length).toBeLessThanOrEqual(size);
      }),
    );
  });
});

describe('a conditional read', () => {
  test.each([
    [{}, 200],
    [{ ifNoneMatch: tag }, 304],
    [{ ifNoneMatch: `"x", W/${tag}` }, 304],
    [{ ifNoneMatch: '*' }, 304],
    [{ ifNoneMatch: '"x"' }, 200],
    [{ ifNoneMatch: '"x"', ifModifiedSince: date }, 200],
    [{ ifModifiedSince: date }, 304],
    [{ ifModifiedSince: dateOf(modifiedMs - 5000) }, 200],
    [{ ifModifiedSince: 'nonsense' }, 200],
    [{ ifUnmodifiedSince: date }, 200],
    [{ ifUnmodifiedSince: dateOf(modifiedMs - 5000) }, 412],
    [{ ifUnmodifiedSince: 'nonsense' }, 200],
    [{ ifMatch: tag, ifUnmodifiedSince: dateOf(modifiedMs - 5000) }, 200],
    [{ ifMatch: tag }, 200],
    [{ ifMatch: `W/${tag}` }, 412],
    [{ ifMatch: '"x"' }, 412],
    [{ range: 'bytes=1-2' }, 206],
    [{ range: 'bytes=1-2', ifRange: tag }, 206],
    [{ range: 'bytes=1-2', ifRange: date }, 206],
    [{ range: 'bytes=1-2', ifRange: '"x"' }, 200],
    [{ range: 'bytes=1-2', ifRange: `W/${tag}` }, 200],
    [{ range: 'bytes=2000-' }, 416],
    [{ range: 'bytes=1-2', ifNoneMatch: tag }, 304],
  ])('%j is answered with %i', (wanted, status) => {
    expect(answerOf(wanted, content).status).toBe(status);
  });
});

describe('a content', () => {
  test.each([
    ['a.html', 'text/plain; charset=utf-8', true],
    ['a.svg', 'application/octet-stream', false],
    ['a.xhtml', 'application/octet-stream', false],
    ['a.pdf', 'application/octet-stream', false],
    ['a.JS', 'text/plain; charset=utf-8', true],
    ['a.png', 'image/png', true],
    ['docs.d/Makefile', 'text/plain; charset=utf-8', true],
    ['a.html.exe', 'application/octet-stream', false],
    ['film.mp4', 'video/mp4', true],
  ])('%s is told to be %s', (path, type, isShown) => {
    expect(typeOf(path)).toEqual({ type, isShown });
  });

  test('is saved under its name, whatever that is', () => {
    const [, plain] = /filename="([^"]*)"/.exec(attachmentOf('d/a"b\r\nSet-Cookie: x\\%ü.txt')) ?? [];
    expect(plain).toBe('a_b__Set-Cookie: x___.txt');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const header = attachmentOf(`folder/${name.replaceAll('/', '')}`);
        expect(header).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeURIComponent(header.slice(header.lastIndexOf("''") + 2))).toBe(name.replaceAll('/', ''));
      }),
    );
  });
});
