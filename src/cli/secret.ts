import { openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { stopped } from '../client/waiting.ts';
import { MeshError } from '../core/errors.ts';
import { EXIT_INTERRUPTED } from './exit-codes.ts';
import { isGiven } from './standard-input.ts';
import type { VerbContext } from './verb.ts';

const STANDARD_INPUT = 0;
/** A longer line is no secret that somebody typed. In characters. */
const SECRET_MAX = 1024;
const ENTER = /[\r\n]/;
const BACKSPACE = /[\b\u007f]/;
const INTERRUPT = '\u0003';
const END = '\u0004';

/** Ctrl-C where the terminal sends no signal, for it gives every key as it is. */
class Interrupted extends MeshError {
  constructor() {
    super('failed', stopped().message);
  }

  override get exit(): number {
    return EXIT_INTERRUPTED;
  }
}

/**
 * A secret of the person, not shown while it is typed; where there is no person the next line of standard input. `what`: `the
 * passphrase`. Rejects with `usage` where there is neither.
 */
export async function askSecret(context: VerbContext, question: string, what: string): Promise<string> {
  if (context.ask !== undefined) {
    context.quiet();
    return await context.lendTerminal(() => typedSecret(question));
  }
  if (context.inShell)
    throw new MeshError('usage', `lines of standard input are commands here, so none is ${what}: do this outside of the shell`);
  const line = !isGiven(STANDARD_INPUT) ? undefined : await nextLine(process.stdin);
  if (line === undefined || line === '')
    throw new MeshError('usage', `${what} is typed at a terminal, or stands in the first line of standard input`);
  return line;
}

/** Asked twice at a terminal, lest it be mistyped where nobody sees it. */
export async function askNewSecret(context: VerbContext, question: string, what: string): Promise<string> {
  const secret = await askSecret(context, question, what);
  if (context.ask === undefined || (await askSecret(context, 'again: ', what)) === secret) return secret;
  throw new MeshError('usage', 'the second one was another: nothing was done');
}

/** From the terminal of this process, whatever its standard input is. */
async function typedSecret(question: string): Promise<string> {
  const terminal = new ReadStream(openSync('/dev/tty', 'r'));
  // Before it is asked for: a program that types for a person is quick.
  terminal.setRawMode(true);
  process.stderr.write(question);
  try {
    return await typedLine(terminal);
  } finally {
    terminal.setRawMode(false);
    terminal.destroy();
    process.stderr.write('\n');
  }
}

/** What is typed up to Enter. */
export async function typedLine(keys: AsyncIterable<Buffer>): Promise<string> {
  let typed = '';
  const decoder = new TextDecoder();
  for await (const piece of keys) {
    // A character may come in two pieces.
    for (const key of decoder.decode(piece, { stream: true })) {
      if (key === INTERRUPT) throw new Interrupted();
      if (key === END) throw stopped();
      if (ENTER.test(key)) return typed;
      if (BACKSPACE.test(key)) typed = [...typed].slice(0, -1).join('');
      else if (typed.length < SECRET_MAX) typed += key;
    }
  }
  return typed;
}

/** One line of a stream, and nothing behind it: the next call gives the next one. Undefined at its end. */
async function nextLine(input: NodeJS.ReadStream): Promise<string | undefined> {
  const bytes: Buffer[] = [];
  for (let read = 0; read <= SECRET_MAX; read++) {
    const byte = await nextByte(input);
    if (byte === undefined && bytes.length === 0) return undefined;
    if (byte === undefined || byte.toString() === '\n') return Buffer.concat(bytes).toString('utf8').replace(/\r$/, '');
    bytes.push(byte);
  }
  throw new MeshError('usage', `the first line of standard input is longer than ${SECRET_MAX} bytes`);
}

async function nextByte(input: NodeJS.ReadStream): Promise<Buffer | undefined> {
  for (;;) {
    const byte = input.read(1) as Buffer | null;
    if (byte !== null) return byte;
    if (input.readableEnded) return undefined;
    await new Promise<void>((resolve) => {
      const wake = () => {
        input.off('readable', wake);
        input.off('end', wake);
        resolve();
      };
      input.on('readable', wake);
      input.on('end', wake);
    });
  }
}
