/**
 * The one table of errors. Only code and advice cross the wire; message and cause stay where they arose. Failover
 * reads the advice, never the text; the command line reads the exit code (DESIGN: exit codes are a contract).
 */

/** What a caller may do next: `never` the same again; `later` the same again; `elsewhere` the same at another peer. */
export type Advice = 'never' | 'later' | 'elsewhere';

interface ErrorRow {
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6 | 7;
  readonly advice: Advice;
}

export const ERRORS = {
  /** Something went wrong that no other row names. */
  failed: { exit: 1, advice: 'never' },
  /** The words or options of a command are off. */
  usage: { exit: 2, advice: 'never' },
  /** A name that no mesh can carry; the message names the rule. */
  'bad-name': { exit: 2, advice: 'never' },
  /** No such file in the mesh. */
  'not-found': { exit: 3, advice: 'never' },
  /** The name is taken: by a file, a folder, a case-twin, or a local file without --force. */
  exists: { exit: 4, advice: 'never' },
  /** No peer answers. */
  unreachable: { exit: 5, advice: 'later' },
  /** The file is known, but none of its holders can be reached. */
  unavailable: { exit: 5, advice: 'later' },
  /** Several contents under one name, and the verb needs one. */
  conflict: { exit: 6, advice: 'never' },
  /** Another version came in between: the base is no longer what the owner sees. */
  overtaken: { exit: 6, advice: 'never' },
  /** The identity or the secret does not admit to this. */
  'not-allowed': { exit: 7, advice: 'never' },
  /** Another request holds the name, or the owner cannot tell yet. */
  busy: { exit: 1, advice: 'later' },
  /** No room: capacity, reserve, or a real full disk. */
  full: { exit: 1, advice: 'elsewhere' },
  /** The peer does not believe its folder. */
  paused: { exit: 1, advice: 'elsewhere' },
  /** The bytes asked for are not here (any more). */
  gone: { exit: 5, advice: 'elsewhere' },
  /** The bytes are here and wrong; they were set aside. */
  corrupt: { exit: 5, advice: 'elsewhere' },
  /** The name is impossible on that peer's disk. */
  'bad-place': { exit: 1, advice: 'elsewhere' },
  /** The source changed or vanished while it was read. */
  changed: { exit: 1, advice: 'later' },
  /** No answer within the deadline. */
  timeout: { exit: 5, advice: 'elsewhere' },
  /** The link or the peer went away. */
  closed: { exit: 5, advice: 'elsewhere' },
  /** A message that breaks the protocol or its limits. */
  protocol: { exit: 1, advice: 'never' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** True for a word of the table: what arrives by wire is checked with it. */
export function isErrorCode(word: string): word is ErrorCode {
  return Object.hasOwn(ERRORS, word);
}

/** The one error class. `message` says what happened and what to do next; it is for people and never crosses to a stranger. */
export class MeshError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'MeshError';
    this.code = code;
  }

  get advice(): Advice {
    return ERRORS[this.code].advice;
  }

  get exit(): number {
    return ERRORS[this.code].exit;
  }
}

/** Anything thrown, as a MeshError: foreign errors become `failed` with their own message. */
export function asMeshError(thrown: unknown): MeshError {
  if (thrown instanceof MeshError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MeshError('failed', message, { cause: thrown });
}

/** A broken invariant: a defect of this program, on in production. */
export function invariant(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(`invariant broken: ${what}`);
}
