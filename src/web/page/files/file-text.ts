/** The text of a file as a field of a page takes it, and as it is stored. */

export interface FileText {
  /** Its lines end in \n, for a field gives them back so whatever they were. */
  readonly text: string;
  /** What ends the first of them in the file. */
  readonly lineEnd: string;
  /** False: not all of its bytes are UTF-8, and stored again they would be others. */
  readonly isExact: boolean;
}

export function fileTextOf(bytes: ArrayBuffer): FileText {
  const [whole, isExact] = decoded(bytes);
  return { text: whole.replace(/\r\n?/g, '\n'), lineEnd: /\r\n?|\n/.exec(whole)?.[0] ?? '\n', isExact };
}

export function storedText(text: string, lineEnd: string): string {
  return text.replaceAll('\n', lineEnd);
}

/** A mark of the byte order at its start stays. */
function decoded(bytes: ArrayBuffer): [whole: string, isExact: boolean] {
  try {
    return [new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), true];
  } catch {
    return [new TextDecoder().decode(bytes), false];
  }
}
