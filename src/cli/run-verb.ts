import { FileCutter } from './file-cutter.ts';
import type { OpenClient } from './open-client.ts';
import type { Parsed } from './parse.ts';
import { ProgressBar } from './progress.ts';
import { reportError } from './report.ts';
import { newRunningHash } from './running-hash.ts';
import type { Screen } from './screen.ts';
import type { VerbCommand, VerbContext } from './verb.ts';

/** What differs between a verb of the shell and one of the command line. */
export interface Surroundings {
  readonly client: Pick<OpenClient, 'session' | 'meshFolder' | 'login' | 'ownKey' | 'enter'>;
  readonly screen: Screen;
  readonly inShell: boolean;
  readonly ask?: VerbContext['ask'];
  readonly lendTerminal: VerbContext['lendTerminal'];
  readonly signal: AbortSignal;
}

/** Runs one verb to its exit code; its error is told. */
export async function runVerb(command: VerbCommand, line: Parsed, surroundings: Surroundings): Promise<number> {
  const { client, screen, inShell, ask, lendTerminal, signal } = surroundings;
  const json = line.options.has('json');
  const bar = new ProgressBar(!json);
  const cutter = new FileCutter();
  const context: VerbContext = {
    session: client.session,
    meshFolder: client.meshFolder,
    login: client.login,
    ownKey: client.ownKey,
    screen: {
      ...screen,
      print: cleared(bar, screen.print),
      say: cleared(bar, screen.say),
      note: cleared(bar, screen.note),
    },
    json,
    inShell,
    options: { signal, progress: bar.tell, newHash: newRunningHash },
    lendTerminal,
    quiet: bar.clear,
    cutter,
    ...(ask === undefined ? {} : { ask }),
  };
  try {
    await client.enter(context.options);
    return await command.run(context, line);
  } catch (thrown) {
    bar.end();
    return reportError(screen, thrown, json);
  } finally {
    bar.end();
    await cutter.close();
  }
}

/** Words are not written into a bar. */
function cleared(bar: ProgressBar, write: (text: string) => void): (text: string) => void {
  return (text) => {
    bar.clear();
    write(text);
  };
}
