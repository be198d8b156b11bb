/** The text of a file as a field of a page takes it, and as it is stored. */

export interface FileText {
  /** Its lines end in \n, for a field gives them back so whatever they were. */
  readonly text: string;
  /** What ends the first of them in the file. */
  readonly lineEnd: string;
  /** Why it would be stored with other bytes than it has, in words; undefined: it would not. */
  readonly loss: string | undefined;
}

export function fileTextOf(bytes: ArrayBuffer): FileText {
  const [whole, isUtf8] = decoded(bytes);
  const text = whole.replace(/\r\n?/g, '\n');
  const lineEnd = /\r\n?|\n/.exec(whole)?.[0] ?? '\n';
  if (!isUtf8) return { text, lineEnd, loss: 'Not all of it is text (UTF-8)' };
  return { text, lineEnd, loss: storedText(text, lineEnd) === whole ? undefined : 'Its lines do not all end alike' };
}

export function storedText(text: string, lineEnd: string): string {
  return text.replaceAll('\n', lineEnd);
}

/** A mark of the byte order at its start stays. */
function decoded(bytes: ArrayBuffer): [whole: string, isUtf8: boolean] {
  try {
    return [new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), true];
  } catch {
    return [new TextDecoder().decode(bytes), false];
  }
}
