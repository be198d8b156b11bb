import { describe, expect, test } from 'vitest';
import { CLIENT_OPTIONS } from '../../src/cli/client-settings.ts';
import { COMMANDS, SHELL_COMMANDS } from '../../src/cli/commands.ts';
import { helpOf, helpOfAll } from '../../src/cli/help.ts';
import { parseLine } from '../../src/cli/parse.ts';

/** A command line as `command words {options}`. */
async function read(argv: readonly string[]): Promise<unknown[]> {
  const line = await parseLine(argv, COMMANDS, CLIENT_OPTIONS);
  return [line.command?.name, line.words, Object.fromEntries(line.options)];
}

describe('a command line', () => {
  test.each([
    [[], [undefined, [], {}]],
    [['show'], ['show', [], {}]],
    [
      ['show', '*.txt', '--json'],
      ['show', ['*.txt'], { json: [] }],
    ],
    [
      ['--json', 'show'],
      ['show', [], { json: [] }],
    ],
    [
      ['download', '1e3'],
      ['download', ['1e3'], {}],
    ],
    [
      ['download', '007', '--to', '-'],
      ['download', ['007'], { to: ['-'] }],
    ],
    [
      ['upload', '-', '--to', 'x'],
      ['upload', ['-'], { to: ['x'] }],
    ],
    [
      ['upload', 'a', '--peer', 'h:1', 'b', '--peer', 'i:2', 'c'],
      ['upload', ['a', 'b', 'c'], { peer: ['h:1', 'i:2'] }],
    ],
    [
      ['delete', '--', '-x'],
      ['delete', ['-x'], {}],
    ],
    [
      ['delete', '--', '--force'],
      ['delete', ['--force'], {}],
    ],
    [
      ['show', 'show'],
      ['show', ['show'], {}],
    ],
    [
      ['download', 'a b', '--to=x=y'],
      ['download', ['a b'], { to: ['x=y'] }],
    ],
    [
      ['set', 'replicas', '3'],
      ['set', ['replicas', '3'], {}],
    ],
    [
      ['restore', 'a', '--version', '12e4'],
      ['restore', ['a'], { version: ['12e4'] }],
    ],
    [
      ['up', 'folder', '--heal-after', '5m', '--new'],
      ['up', ['folder'], { 'heal-after': ['5m'], new: [] }],
    ],
  ])('%j is read as %j', async (argv, expected) => {
    expect(await read(argv)).toEqual(expected);
  });

  test.each([
    [['nope'], /no command "nope"/],
    [['sho'], /no command "sho"/],
    [['show', '--frce'], /there is no option --frce/],
    [['show', '-x'], /there is no option -x/],
    [['download'], /takes more words: filemesh download NAME/],
    [['show', 'a', 'b'], /takes fewer words/],
    [['rename', 'a'], /takes more words/],
    [['download', 'a', '--to'], /--to takes a value/],
    [['download', 'a', '--to', 'x', '--to', 'y'], /--to is given twice/],
    [['download', 'a', '--force=yes'], /--force takes no value/],
    [['download', 'a', '--no-force'], /no option --no-force/],
    [['show', '--to.x', 'a'], /no option --to.x/],
    [['bye'], /no command "bye"/],
    [['download', 'a', '--to', ''], /--to takes a value, and an empty one was given/],
    [['show', '--mesh='], /--mesh takes a value/],
  ])('%j is refused with %s', async (argv, message) => {
    await expect(read(argv)).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(message) });
  });
});

describe('a line of the shell', () => {
  test.each([
    [['rename', 'a', 'b', 'c'], /: rename NAME\|FOLDER NEWNAME \(a name with blanks stands in quotes\)$/],
    [['nope'], /; "help" lists the commands$/],
    [['show', '--frob'], /; "help show" shows how it is used$/],
  ])('%j is refused in words that can be typed there', async (argv, message) => {
    await expect(parseLine(argv, SHELL_COMMANDS, {}, '')).rejects.toMatchObject({ message: expect.stringMatching(message) });
  });
});

describe('help', () => {
  test('names every command once, and each has its own page', () => {
    const all = helpOfAll(COMMANDS, 'filemesh ', CLIENT_OPTIONS);
    for (const command of COMMANDS) {
      expect(all.split('\n').filter((line) => line.startsWith(`  filemesh ${command.name} `))).toHaveLength(1);
      expect(helpOf(command.name, COMMANDS, 'filemesh ', CLIENT_OPTIONS)).toContain(command.describe);
    }
    expect(() => helpOf('nope', SHELL_COMMANDS, '', {})).toThrow(/no command/);
  });
});
