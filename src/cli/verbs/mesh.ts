import { statusResult } from '../../client/results.ts';
import * as mesh from '../../client/verbs/mesh.ts';
import { MeshError } from '../../core/errors.ts';
import type { Reply } from '../../wire/calls.ts';
import { EXIT_DONE } from '../exit-codes.ts';
import { counted, shownSize, shownTable, shownText } from '../output.ts';
import { readInteger } from '../values.ts';
import { agrees, type VerbCommand, type VerbContext, wordAt } from '../verb.ts';

/** Lines of a list told before it is cut. */
const TOLD_MAX = 20;

export const peers: VerbCommand = {
  name: 'peers',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'list the peers of the mesh',
  options: {},
  examples: ['peers'],
  also: ['nodes', 'members'],
  async run(context) {
    const items = await mesh.peers(context.session, context.options);
    if (context.json) context.screen.value(items);
    else {
      const rows = items.map((peer) => [
        shownText(peer.name),
        peer.alive ? 'up' : 'away',
        `${peer.files}`,
        shownSize(peer.bytes),
        shownSize(peer.capacity),
        shownText(peer.address ?? '-'),
        peer.id.slice(0, 12),
      ]);
      context.screen.print(shownTable(['peer', 'state', 'files', 'bytes', 'capacity', 'address', 'id'], rows, [2, 3, 4]));
    }
    return EXIT_DONE;
  },
};

export const status: VerbCommand = {
  name: 'status',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'tell how the mesh and the answering peer are',
  options: {},
  examples: ['status'],
  async run(context) {
    const reply = await mesh.status(context.session, context.options);
    if (context.json) context.screen.value(statusResult(reply));
    else context.screen.print(statusText(reply));
    return EXIT_DONE;
  },
};

export const invite: VerbCommand = {
  name: 'invite',
  words: '',
  count: { min: 0, max: 0 },
  describe: 'print the join line that lets another machine in',
  options: {},
  examples: ['invite'],
  also: ['join'],
  async run(context) {
    const result = await mesh.invite(context.session, context.options);
    if (context.json) context.screen.value(result);
    else context.screen.print(result.join);
    return EXIT_DONE;
  },
};

export const removeVerb: VerbCommand = {
  name: 'remove',
  words: 'PEER',
  count: { min: 1, max: 1 },
  describe: 'cut a peer off for good, and renew the secret of the mesh',
  options: { yes: { describe: 'do not ask, also when files would be lost' } },
  examples: ['remove bravo'],
  also: ['kick'],
  async run(context, line) {
    const { session, options } = context;
    const planned = await mesh.removePeer(session, wordAt(line, 0), false, options);
    const lost = planned.onlyThere.length + planned.more;
    if (!line.options.has('yes') && lost > 0) await confirmLoss(context, planned, lost);
    // Whom the person was told of: the name may be another machine's by now.
    const { id, ...result } = await mesh.removePeer(session, planned.id, true, options);
    if (context.json) context.screen.value(result);
    else context.screen.print(`${shownText(result.peer)} is cut off; "filemesh invite" prints the new join line`);
    return EXIT_DONE;
  },
};

export const set: VerbCommand = {
  name: 'set',
  words: 'replicas N',
  count: { min: 2, max: 2 },
  describe: 'change how many copies of every file the mesh keeps',
  options: {},
  examples: ['set replicas 3'],
  also: ['config'],
  async run(context, line) {
    if (wordAt(line, 0) !== 'replicas')
      throw new MeshError('usage', 'nothing can be set but the number of copies: set replicas N');
    const replicas = readInteger(wordAt(line, 1), 'replicas', { min: 1, max: 16 });
    await mesh.setReplicas(context.session, replicas, context.options);
    if (context.json) context.screen.value({ replicas });
    else context.screen.print(`the mesh keeps ${copiesOf(replicas)} of every file`);
    return EXIT_DONE;
  },
};

export const resume: VerbCommand = {
  name: 'resume',
  words: '--deleted|--restore',
  count: { min: 0, max: 0 },
  describe: 'answer a paused peer about the files missing from its folder',
  options: {
    deleted: { describe: 'they were deleted on purpose: delete them everywhere' },
    restore: { describe: 'go on with the folder as it is: copies that are missing come from other peers' },
  },
  examples: ['resume --restore', 'resume --deleted'],
  also: ['unpause'],
  async run(context, line) {
    const deleted = line.options.has('deleted');
    if (deleted === line.options.has('restore')) throw new MeshError('usage', 'resume takes either --deleted or --restore');
    const how = deleted ? 'deleted' : 'restore';
    const peer = await mesh.resume(context.session, how, context.options);
    if (context.json) context.screen.value({ resumed: how, peer: peer ?? null });
    else context.screen.print(peer === undefined ? 'no peer is paused: there is nothing to do' : `${shownText(peer)} goes on`);
    return EXIT_DONE;
  },
};

async function confirmLoss(context: VerbContext, planned: mesh.RemoveResult, lost: number): Promise<void> {
  const { screen } = context;
  screen.note(`only ${shownText(planned.peer)} holds the newest version of ${counted(lost, 'file')}:`);
  for (const path of planned.onlyThere.slice(0, TOLD_MAX)) screen.note(`  ${shownText(path)}`);
  if (lost > TOLD_MAX) screen.note(`  and ${lost - TOLD_MAX} more`);
  if (await agrees(context, `cut ${shownText(planned.peer)} off all the same?`)) return;
  throw new MeshError('failed', `${planned.peer} was not removed; --yes removes it without asking`);
}

function copiesOf(count: number): string {
  return `${count} ${count === 1 ? 'copy' : 'copies'}`;
}

function statusText(reply: Reply<'status'>): string {
  const lines = [
    `mesh ${shownText(reply.mesh)}, answered by ${shownText(reply.name)}`,
    `${counted(reply.peers, 'peer')} up, ${counted(reply.files, 'file')}, ${shownSize(reply.bytes)}, ${copiesOf(reply.wanted)} wanted`,
  ];
  if (reply.under > 0) lines.push(`${counted(reply.under, 'file')} with fewer copies than wanted`);
  if (reply.unavailable > 0) lines.push(`${counted(reply.unavailable, 'file')} unavailable: the holders are away`);
  if (reply.conflicts > 0) lines.push(`${counted(reply.conflicts, 'conflict')}: "filemesh conflicts" lists them`);
  if (reply.paused !== undefined) lines.push(`paused: ${shownText(reply.paused)}`);
  for (const warning of reply.warnings) lines.push(`warning: ${shownText(warning)}`);
  for (const { path, reason } of reply.notKept.slice(0, TOLD_MAX))
    lines.push(`not kept: ${shownText(path)} (${shownText(reason)})`);
  if (reply.notKept.length > TOLD_MAX) lines.push(`not kept: ${reply.notKept.length - TOLD_MAX} more`);
  return lines.join('\n');
}
