import { closeSync, fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * Lets go of a terminal that was closed. Node sets terminals back to how they were when it ends, and where there is none any more
 * it breaks off with a trace of itself, and a core where those are kept. For the last moment of a process.
 */
export function letGoOfLostTerminals(): void {
  for (const descriptor of [0, 1, 2]) {
    try {
      if (fstatSync(descriptor).isCharacterDevice() && !isatty(descriptor)) closeSync(descriptor);
    } catch {
      // It was closed before.
    }
  }
}

/**
 * Lets what is written to a terminal wait while that takes nothing, as with Ctrl-S: written as Node does by itself it would hold
 * the whole process, and a peer would be dead to all others. As with a pipe it counts in `writableLength` then.
 */
export function letTerminalsWait(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // Node has no other way to say so; where there is none left, it stays as it was.
    const { _handle: handle } = stream as { _handle?: { setBlocking?(isBlocking: boolean): void } };
    if (stream.isTTY) handle?.setBlocking?.(false);
  }
}
