/**
 * How many columns of a terminal a text takes: East Asian wide characters and emoji two, marks that join the one before
 * none. Terminals differ on joined emoji; they are counted whole here, so a text is never wider than it is thought to be.
 */

/** Marks, and the joiners: zero width space, non-joiner, joiner. */
const NO_COLUMN = /^(?:\p{Mn}|\p{Me}|\u200b|\u200c|\u200d)$/u;
/** The blocks of wide characters (Unicode, UAX 11), and what is shown as a picture. */
const TWO_COLUMNS =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{16fe0}-\u{1b2ff}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u;

/** Columns of a text without control characters. */
export function shownWidth(text: string): number {
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
}

/** The longest beginning of `text` that fits. */
export function cutToWidth(text: string, columns: number): string {
  let room = columns;
  let end = 0;
  for (const character of text) {
    room -= widthOf(character);
    if (room < 0) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

/** `text` in lines that fit, broken at blanks; a longer word stands on lines of its own, whole, so that it can be copied. */
export function wrapToWidth(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => wrapLine(line, columns))
    .join('\n');
}

function wrapLine(text: string, columns: number): string {
  if (shownWidth(text) <= columns) return text;
  const lines: string[] = [];
  let line = '';
  // The blanks a line begins with are part of its first word.
  for (const word of text.match(/^ +\S*|\S+/g) ?? []) {
    if (line === '') line = word;
    else if (shownWidth(line) + 1 + shownWidth(word) <= columns) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line].join('\n');
}

function widthOf(character: string): 0 | 1 | 2 {
  if (character < '\u0300') return 1;
  // It makes a picture of the character before: one column more than that had.
  if (character === '\ufe0f') return 1;
  if (NO_COLUMN.test(character)) return 0;
  return TWO_COLUMNS.test(character) ? 2 : 1;
}
