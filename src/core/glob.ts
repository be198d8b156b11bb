import { MeshError } from './errors.ts';

/** Characters that make a text a pattern. */
const SPECIAL = /[*?[{]/;
/** Characters of a pattern: as many as a path has bytes at most. */
const PATTERN_CHARACTERS_MAX = 1_024;
/** Alternatives a pattern may spell with braces in all. */
const ALTERNATIVES_MAX = 64;
/** Pairs of braces that are spelled out in all. */
const BRACES_MAX = 256;
/** Parts of all alternatives together: each is held against each character of a path at worst. */
const PARTS_MAX = 2_048;

type Token =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'class'; readonly ranges: readonly (readonly [string, string])[]; readonly negated: boolean }
  /** `*`: anything within one component. */
  | { readonly kind: 'star' }
  /** `**`: anything. */
  | { readonly kind: 'globstar' };

/** A compiled pattern: true for a path that fits. */
export interface PathTest {
  (path: string): boolean;
  /** Steps that one character of a path takes at worst. */
  readonly stepsPerCharacter: number;
}

/** Every path fits. */
export const ANY_PATH: PathTest = Object.assign(() => true, { stepsPerCharacter: 0 });

/**
 * Compiles a pattern of the command line to a test of paths. A plain text names a file, or a folder with all below it.
 * With `*`, `?`, `[a-z]`, `{a,b}`: without a slash it is held against the last component, else against the whole path;
 * `**` crosses folders. Takes time of at most pattern × path, whatever the pattern (Thompson 1968).
 *
 * Throws `usage` for a pattern that is too long, or has too many alternatives.
 */
export function compilePattern(pattern: string): PathTest {
  if (pattern.length > PATTERN_CHARACTERS_MAX) throw tooMuch(`more than ${PATTERN_CHARACTERS_MAX} characters`);
  const text = pattern.normalize('NFC').replace(/\/+$/, '');
  if (!SPECIAL.test(text)) {
    return Object.assign((path: string) => path === text || path.startsWith(`${text}/`), { stepsPerCharacter: 1 });
  }
  const programs = expandBraces(text).map((alternative) => programOf(simplified(tokensOf(alternative))));
  const parts = programs.reduce((sum, program) => sum + program.parts, 0);
  if (parts > PARTS_MAX) throw tooMuch(`more than ${PARTS_MAX} parts, with its alternatives in braces spelled out`);
  const wholePath = text.includes('/');
  const fits = (path: string) => {
    const subject = [...(wholePath ? path : path.slice(path.lastIndexOf('/') + 1))];
    return programs.some((program) => matches(program, subject));
  };
  return Object.assign(fits, { stepsPerCharacter: parts });
}

/** True when the text has a character that makes it a pattern. */
export function isPattern(text: string): boolean {
  return SPECIAL.test(text);
}

function tooMuch(what: string): MeshError {
  return new MeshError('usage', `the pattern has ${what}: use a simpler one`);
}

function expandBraces(pattern: string): string[] {
  const expanded: string[] = [];
  const open = [pattern];
  for (let spelled = 0; open.length > 0; spelled++) {
    const text = open.pop() as string;
    const group = /\{([^{}]*)\}/.exec(text);
    if (group === null) expanded.push(text);
    else {
      const parts = (group[1] as string).split(',');
      if (parts.length + open.length + expanded.length > ALTERNATIVES_MAX || spelled > BRACES_MAX) {
        throw tooMuch('too many alternatives in braces');
      }
      const [before, after] = [text.slice(0, group.index), text.slice(group.index + group[0].length)];
      open.push(...parts.map((part) => before + part + after));
    }
  }
  return expanded;
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  const characters = [...pattern];
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] as string;
    if (character === '*' && characters[index + 1] === '*') {
      tokens.push({ kind: 'globstar' });
      index += 1;
      // `**/` may stand for nothing: the slash goes with it, and `a/**/b` matches `a/b`.
      if (characters[index + 1] === '/') index += 1;
    } else if (character === '*') tokens.push({ kind: 'star' });
    else if (character === '?') tokens.push({ kind: 'any' });
    else if (character === '[' && characters.indexOf(']', index + 2) > 0) {
      const end = characters.indexOf(']', index + 2);
      tokens.push(classOf(characters.slice(index + 1, end)));
      index = end;
    } else tokens.push({ kind: 'character', character });
  }
  return tokens;
}

function classOf(characters: string[]): Token {
  const negated = characters[0] === '!' || characters[0] === '^';
  const body = negated ? characters.slice(1) : characters;
  const ranges: [string, string][] = [];
  for (let index = 0; index < body.length; index++) {
    const from = body[index] as string;
    const to = body[index + 1] === '-' ? body[index + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) index += 2;
  }
  return { kind: 'class', ranges, negated };
}

/** The same with fewer stars: in a run of `*` and `?` one star is enough, at its end; beside `**` it says nothing. */
function simplified(tokens: readonly Token[]): Token[] {
  const simple: Token[] = [];
  for (const token of tokens) {
    const last = simple.at(-1);
    if (token.kind === 'any' && last?.kind === 'star') simple.splice(-1, 0, token);
    else if (token.kind === 'globstar' && last?.kind === 'star') simple.splice(-1, 1, token);
    else if (!(isStar(token) && isStar(last))) simple.push(token);
  }
  return simple;
}

function isStar(token: Token | undefined): boolean {
  return token?.kind === 'star' || token?.kind === 'globstar';
}

interface Program {
  readonly tokens: readonly Token[];
  /** Positions of the stars. */
  readonly stars: readonly number[];
  /** Tokens, and the ranges of their classes. */
  readonly parts: number;
}

function programOf(tokens: readonly Token[]): Program {
  const stars = [...tokens.keys()].filter((position) => isStar(tokens[position]));
  const parts = tokens.reduce((sum, token) => sum + (token.kind === 'class' ? 1 + token.ranges.length : 1), 1);
  return { tokens, stars, parts };
}

/** Runs all ways through the program at once: `reached` marks the positions they stand at. */
function matches({ tokens, stars }: Program, subject: readonly string[]): boolean {
  const reached = new Uint8Array(tokens.length + 1);
  reached[0] = 1;
  // No two stars are neighbours, so that one look at each is enough.
  for (const star of stars) if (reached[star] === 1) reached[star + 1] = 1;
  for (const character of subject) {
    if (!step(tokens, reached, character)) return false;
    for (const star of stars) if (reached[star] === 1) reached[star + 1] = 1;
  }
  return reached[tokens.length] === 1;
}

/** Takes one character; false when no way goes on. From the end, so that no way takes it twice. */
function step(tokens: readonly Token[], reached: Uint8Array, character: string): boolean {
  let goesOn = false;
  reached[tokens.length] = 0;
  for (let position = tokens.length - 1; position >= 0; position--) {
    if (reached[position] === 0) continue;
    const token = tokens[position] as Token;
    if (token.kind === 'globstar' || (token.kind === 'star' && character !== '/')) {
      goesOn = true;
      continue;
    }
    reached[position] = 0;
    if (!accepts(token, character)) continue;
    reached[position + 1] = 1;
    goesOn = true;
  }
  return goesOn;
}

function accepts(token: Token, character: string): boolean {
  if (token.kind === 'character') return token.character === character;
  if (character === '/') return false;
  if (token.kind === 'any') return true;
  if (token.kind !== 'class') return false;
  return token.ranges.some(([from, to]) => character >= from && character <= to) !== token.negated;
}
