import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  baseName,
  COMPONENT_BYTES_MAX,
  checkPath,
  faultOfPath,
  foldCase,
  folderOf,
  foldersOf,
  PATH_BYTES_MAX,
  quote,
  utf8Bytes,
} from '../../src/core/path.ts';

describe('a path that can be kept', () => {
  it.each([
    'a',
    'a/b/c.txt',
    'Ünïcode/😀',
    '.hidden',
    'a b',
    ' leading space',
    '..a',
    'a..b',
    'console',
    'a/.filemesh.txt',
    '.filemesh-notes',
    'nul1',
    'xy:z',
    'n'.repeat(COMPONENT_BYTES_MAX),
  ])('%j', (text) => {
    expect(faultOfPath(text)).toBeUndefined();
    expect(checkPath(text)).toBe(text);
  });

  it('is in composed form, whatever was typed', () => {
    expect(checkPath('u\u0308')).toBe('\u00fc');
  });
});

describe('a path that cannot be kept', () => {
  it.each([
    ['', 'empty'],
    ['/a', 'relative'],
    ['a/', 'empty part'],
    ['a//b', 'empty part'],
    ['..', 'part ".."'],
    ['a/../b', 'part ".."'],
    ['./a', 'part "."'],
    ['a\\b', 'backslash'],
    ['a\u0000', 'control'],
    ['a\nb', 'control'],
    ['a\u0085b', 'control'],
    ['a\u202etxt.exe', 'reverses'],
    ['a\u2066b', 'reverses'],
    ['a.', 'dot or a space'],
    ['a /b', 'dot or a space'],
    ['C:/x', 'drive'],
    ['c:', 'drive'],
    ['CON', 'reserved'],
    ['a/nul.txt', 'reserved'],
    ['com1', 'reserved'],
    ['LPT\u00b2.x', 'reserved'],
    ['.filemesh', 'belongs to the program'],
    ['.FileMesh/x', 'belongs to the program'],
    ['a/.filemesh/identity.key', 'belongs to the program'],
    ['a/.filemesh-0123456789abcdef', 'download under way'],
    ['\ud800', 'Unicode'],
    ['n'.repeat(COMPONENT_BYTES_MAX + 1), 'a part of it is longer'],
    [`${'ü'.repeat(128)}`, 'a part of it is longer'],
    ['a/'.repeat(PATH_BYTES_MAX / 2 + 1).slice(0, -1), 'longer than'],
  ])('%j', (text, rule) => {
    expect(faultOfPath(text)).toContain(rule);
    expect(() => checkPath(text)).toThrow(expect.objectContaining({ code: 'bad-name' }));
  });

  it('is told so without throwing, whatever the text, and a kept one never leaves its folder', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[./\\a]{0,8}$/)), (text) => {
        if (faultOfPath(text) !== undefined) return;
        const path = checkPath(text);
        expect(path.split('/').some((part) => part === '' || part === '.' || part === '..')).toBe(false);
        expect(path).toBe(path.normalize('NFC'));
        expect(faultOfPath(path)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });
});

describe('parts of a path', () => {
  it.each([
    ['a/b/c', 'a/b', 'c', ['a', 'a/b']],
    ['c', '', 'c', []],
  ])('%s', (path, folder, base, folders) => {
    expect([folderOf(path), baseName(path), foldersOf(path)]).toEqual([folder, base, folders]);
  });

  it('are counted in bytes of UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).length);
      }),
    );
  });
});

describe('case', () => {
  it('is folded the same twice, and for upper and lower', () => {
    expect(foldCase('STRASSE')).toBe(foldCase('straße'));
    for (const capital of ['STRA\u1e9eE', 'Stra\u1e9ee']) expect(foldCase(capital)).toBe(foldCase('straße'));
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-ZäÖß/]{0,12}$/), (text) => {
        expect(foldCase(foldCase(text))).toBe(foldCase(text));
        expect(foldCase(text.toUpperCase())).toBe(foldCase(text.toLowerCase()));
      }),
    );
  });

  it('is one for every character, however its case is written, and for what it gives', () => {
    const wrong: string[] = [];
    for (let code = 0; code < 0x110000; code++) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const character = String.fromCodePoint(code).normalize('NFC');
      const fold = foldCase(character);
      const cases = [character.toLowerCase(), character.toUpperCase(), fold].map((text) => text.normalize('NFC'));
      if (cases.some((text) => foldCase(text) !== fold)) wrong.push(`U+${code.toString(16)}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe('a quoted name', () => {
  it('is one short line without marks that move text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const shown = quote(text);
        expect(shown).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
        expect(shown.startsWith('"') && shown.endsWith('"')).toBe(true);
      }),
    );
    expect(quote('n'.repeat(200))).toHaveLength(82);
  });
});
