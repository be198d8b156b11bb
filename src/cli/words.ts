import { MeshError } from '../core/errors.ts';

/** A line of the shell cut into words, and what completion needs of its end. */
export interface SplitLine {
  readonly words: readonly string[];
  /** The word under the cursor as meant (quotes taken off); empty after a space. */
  readonly last: string;
  /** Where the text of that word begins in the line. */
  readonly lastStart: number;
  /** The quote that is still open, or an empty text. */
  readonly openQuote: '' | '"' | "'";
}

/**
 * Cuts a line as a shell would: words end at blanks; `'…'` is taken as it stands; in `"…"` a backslash protects `"` and
 * `\`; elsewhere it protects any character. Nothing is expanded.
 */
export function splitLine(line: string): SplitLine {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(line.charAt(at))) at++;
    if (at === line.length) return { words, last: '', lastStart: at, openQuote: '' };
    const { word, end, openQuote } = readWord(line, at);
    words.push(word);
    if (end === line.length) return { words, last: word, lastStart: at, openQuote };
    at = end;
  }
}

/** Reads the word that begins at `start`; `end` is the blank behind it, or the end of the line. */
function readWord(line: string, start: number): { word: string; end: number; openQuote: SplitLine['openQuote'] } {
  let word = '';
  let quote: SplitLine['openQuote'] = '';
  let at = start;
  for (; at < line.length; at++) {
    const character = line.charAt(at);
    if (quote === '' && /\s/.test(character)) break;
    if (quote === character) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === '\\' && isEscape(quote, line.charAt(at + 1))) word += line.charAt(++at);
    else word += character;
  }
  return { word, end: at, openQuote: quote };
}

/** The words of a whole line. Rejects a quote that is not closed. */
export function wordsOf(line: string): string[] {
  const { words, openQuote } = splitLine(line);
  if (openQuote !== '') throw new MeshError('usage', `a ${openQuote} is not closed`);
  return [...words];
}

/** A word as it must be typed to be read back as `text`. */
export function typed(text: string): string {
  if (text !== '' && !/[\s'"\\]/.test(text)) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function isEscape(quote: '' | '"' | "'", next: string): boolean {
  if (quote === "'" || next === '') return false;
  return quote === '' || next === '"' || next === '\\';
}
