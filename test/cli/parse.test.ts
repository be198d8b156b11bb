import { describe, expect, test } from 'vitest';
import { CLIENT_OPTIONS } from '../../src/cli/client-settings.ts';
import { COMMAND_GROUPS, COMMANDS, SHELL_COMMANDS, SHELL_GROUPS } from '../../src/cli/commands.ts';
import { helpOf, helpOfAll } from '../../src/cli/help.ts';
import { parseLine } from '../../src/cli/parse.ts';
import { wordsOf } from '../../src/cli/words.ts';

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
    [['sho'], /^there is no command "sho" \(did you mean "show"\?\); "filemesh help" lists the commands$/],
    [['ls'], /no command "ls" \(did you mean "show"\?\)/],
    [['downlaod', 'x'], /did you mean "download"/],
    [['xyzzy'], /^there is no command "xyzzy"; /],
    [['d'], /^there is no command "d"; /],
    [['x'.repeat(100_000)], /^there is no command/],
    [['download', 'a', '--froce'], /^there is no option --froce \(did you mean --force\?\); "filemesh help download" shows/],
    [['show', '--jsno'], /did you mean --json\?/],
    [['show', '--frce'], /^there is no option --frce; /],
    [['show', '-x'], /there is no option -x \(a name/],
    [['download', 'a', '-f'], /there is no option -f \(did you mean --force\?\)/],
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
  const words = (text: string) => text.replace(/\s+/g, ' ');

  test('names every command once, and each has its own page', () => {
    const all = helpOfAll(COMMAND_GROUPS, 'filemesh ', CLIENT_OPTIONS);
    for (const { name, words: taken, describe } of COMMANDS) {
      const left = `  ${name} ${taken}`.trimEnd();
      expect(all.split('\n').filter((line) => line === left || line.startsWith(`${left}  `))).toHaveLength(1);
      expect(words(all)).toContain(describe);
      expect(words(helpOf(name, COMMANDS, 'filemesh ', CLIENT_OPTIONS))).toContain(describe);
    }
    expect(() => helpOf('nope', SHELL_COMMANDS, '', {})).toThrow(/no command/);
    expect(() => helpOf('dowload', SHELL_COMMANDS, '', {})).toThrow(/did you mean "download"/);
  });

  test('fits a terminal of 80 columns, and of fewer as far as its words do', () => {
    const texts = [helpOfAll(COMMAND_GROUPS, 'filemesh ', CLIENT_OPTIONS), helpOfAll(SHELL_GROUPS, '', {})];
    const pages = COMMANDS.map(({ name }) => helpOf(name, COMMANDS, 'filemesh ', CLIENT_OPTIONS, 80));
    const lines = [...texts, ...pages].flatMap((text) => text.split('\n'));
    // What is to be typed stands on a line of its own, however long.
    expect(lines.filter((line) => line.length > 80 && !/^ *(filemesh )?user add/.test(line))).toEqual([]);
    expect(
      Math.max(
        ...helpOf('download', COMMANDS, '', {}, 50)
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(50);
  });

  test.each(COMMANDS.filter((command) => command.words !== '' || Object.keys(command.options).length > 0))(
    'of $name has examples, and each is understood',
    async (command) => {
      const examples = command.examples ?? [];
      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples) {
        const line = await parseLine(wordsOf(example), COMMANDS, CLIENT_OPTIONS);
        expect(line.command?.name).toBe(command.name);
        expect(helpOf(command.name, COMMANDS, 'filemesh ', CLIENT_OPTIONS)).toContain(`  filemesh ${example}`);
      }
    },
  );

  test('leads from a name of other programs to one command', () => {
    const others = COMMANDS.flatMap(({ also = [] }) => also);
    expect(new Set(others).size).toBe(others.length);
    expect(others.filter((word) => COMMANDS.some(({ name }) => name === word))).toEqual([]);
  });
});
