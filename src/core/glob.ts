import { MeshError } from './errors.ts';

/** Characters that make a text a pattern. */
const SPECIAL = /[*?[{]/;
/** Alternatives a pattern may spell with braces in all. */
const ALTERNATIVES_MAX = 64;

type Token =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'class'; readonly ranges: readonly (readonly [string, string])[]; readonly negated: boolean }
  /** `*`: anything within one component. */
  | { readonly kind: 'star' }
  /** `**`: anything. */
  | { readonly kind: 'globstar' };

/**
 * Compiles a pattern of the command line to a test of paths. A plain text names a file, or a folder with all below it.
 * With `*`, `?`, `[a-z]`, `{a,b}`: without a slash it is held against the last component, else against the whole path;
 * `**` crosses folders. Takes time of at most pattern × path, whatever the pattern (Thompson 1968).
 *
 * Throws `usage` for a pattern with more than ALTERNATIVES_MAX alternatives.
 */
export function compilePattern(pattern: string): (path: string) => boolean {
  const text = pattern.normalize('NFC').replace(/\/+$/, '');
  if (!SPECIAL.test(text)) return (path) => path === text || path.startsWith(`${text}/`);
  const programs = expandBraces(text).map(tokensOf);
  const wholePath = text.includes('/');
  return (path) => {
    const subject = wholePath ? path : path.slice(path.lastIndexOf('/') + 1);
    return programs.some((program) => matches(program, subject));
  };
}

/** True when the text has a character that makes it a pattern. */
export function isPattern(text: string): boolean {
  return SPECIAL.test(text);
}

function expandBraces(pattern: string): string[] {
  let expanded = [pattern];
  for (;;) {
    const index = expanded.findIndex((text) => /\{[^{}]*\}/.test(text));
    if (index < 0) return expanded;
    const text = expanded[index] as string;
    const group = /\{([^{}]*)\}/.exec(text) as RegExpExecArray;
    const parts = (group[1] as string).split(',');
    const spelled = parts.map((part) => text.slice(0, group.index) + part + text.slice(group.index + group[0].length));
    expanded = [...expanded.slice(0, index), ...spelled, ...expanded.slice(index + 1)];
    if (expanded.length > ALTERNATIVES_MAX) throw new MeshError('usage', 'the pattern has too many alternatives in braces');
  }
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

/** Runs all ways through the program at once: `states` are the positions reached. */
function matches(program: readonly Token[], subject: string): boolean {
  let states = closure(program, [0]);
  for (const character of subject) {
    const next: number[] = [];
    for (const state of states) {
      const token = program[state];
      if (token === undefined) continue;
      if (token.kind === 'globstar' || (token.kind === 'star' && character !== '/')) next.push(state);
      else if (accepts(token, character)) next.push(state + 1);
    }
    states = closure(program, next);
    if (states.size === 0) return false;
  }
  return states.has(program.length);
}

function closure(program: readonly Token[], from: readonly number[]): Set<number> {
  const states = new Set<number>();
  for (let state of from) {
    states.add(state);
    while (program[state]?.kind === 'star' || program[state]?.kind === 'globstar') states.add(++state);
  }
  return states;
}

function accepts(token: Token, character: string): boolean {
  if (token.kind === 'character') return token.character === character;
  if (character === '/') return false;
  if (token.kind === 'any') return true;
  if (token.kind !== 'class') return false;
  return token.ranges.some(([from, to]) => character >= from && character <= to) !== token.negated;
}
