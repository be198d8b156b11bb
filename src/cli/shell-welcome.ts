import { listEntries } from '../client/verbs/listing.ts';
import { status } from '../client/verbs/mesh.ts';
import type { Entry } from '../wire/calls.ts';
import type { OpenClient } from './open-client.ts';
import { counted, shownSize, shownText } from './output.ts';
import type { Screen } from './screen.ts';
import { fileTable } from './verbs/show.ts';

/** Lines of the screen that are not for the list: the head of the table, its sum, the words above, the prompt. */
const LINES_BESIDE = 6;

/** What the shell tells on connecting: mesh, peer, how many files; and the list itself when it fits one screen. */
export async function welcome(client: OpenClient, screen: Screen, signal: AbortSignal): Promise<void> {
  const reply = await status(client.session, { signal });
  screen.print(
    `mesh ${shownText(reply.mesh)}, by way of ${shownText(reply.name)}: ${counted(reply.files, 'file')}, ${shownSize(reply.bytes)}, ` +
      `${counted(reply.peers, 'peer')} up; try "help"`,
  );
  if (reply.paused !== undefined) screen.print(`${shownText(reply.name)} is paused: ${shownText(reply.paused)}`);
  const room = (screen.size()?.rows ?? 24) - LINES_BESIDE;
  if (reply.files === 0 || reply.files > room) return;
  const entries: Entry[] = [];
  for await (const entry of listEntries(client.session, {}, { signal })) entries.push(entry);
  if (entries.length > 0) screen.print(fileTable(entries, Date.now()));
}
