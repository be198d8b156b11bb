// What the shell of the demonstration takes besides the client's verbs.
import { spawnSync } from 'node:child_process';
import { MeshError } from '../dist/program/code/errors.js';

const NAMES_SHOWN = 6;

/** `kill`, `start` and `client`, as the shell has its verbs. */
export function demoCommands(mesh) {
  return [
    command('kill', 'NAME|PORT', 'end a peer of this demo at once, without a word (SIGKILL)', async (screen, word) => {
      const peer = peerOf(mesh, word);
      if (peer.child === undefined) throw new MeshError('usage', `${peer.name} does not run; "start ${peer.name}" starts it`);
      await mesh.killPeer(peer);
      screen.print(`killed ${peer.name} (${peer.address}); "start ${peer.name}" starts it again`);
    }, () => namesOf(mesh, ({ child }) => child !== undefined)),
    command('start', 'NAME|PORT', 'start a killed peer of this demo again', async (screen, word) => {
      const peer = peerOf(mesh, word);
      if (peer.child !== undefined) throw new MeshError('usage', `${peer.name} runs already (${peer.address})`);
      await mesh.startPeer(peer).catch((cause) => {
        throw new MeshError('failed', cause.message, { cause });
      });
      screen.print(`started ${peer.name} (${peer.address})`);
    }, () => namesOf(mesh, ({ child }) => child === undefined)),
    command('client', '', 'open one more shell: in tmux beside this one, else tell what to type', async (screen) => {
      const line = mesh.clientWords.map(quoted).join(' ');
      const pane = process.env.TMUX === undefined ? undefined : openPane(line);
      if (pane !== undefined) {
        mesh.atEnd(() => spawnSync('tmux', ['kill-pane', '-t', pane], { stdio: 'ignore' }));
        screen.print('one more shell is open in a pane of its own, until the demo ends');
      }
      else screen.print(`type this in another terminal of this machine, while the demo runs:\n  ${line}`);
    }),
  ];
}

/** `candidates`: the words it may take now. */
function command(name, words, describe, act, candidates = () => []) {
  const count = words === '' ? 0 : 1;
  const run = async ({ screen }, line) => {
    await act(screen, line.words[0]);
    return 0;
  };
  return { name, words, count: { min: count, max: count }, describe, options: {}, candidates, run };
}

function namesOf(mesh, isMeant) {
  return mesh.peers.filter(isMeant).map(({ name }) => name);
}

/** The id of the new pane; undefined when tmux has no room for one, or is not to be had. */
function openPane(line) {
  const { status, stdout } = spawnSync('tmux', ['split-window', '-P', '-F', '#{pane_id}', line], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function peerOf(mesh, word) {
  const found = mesh.peers.find(({ name, port }) => name === word || port === word);
  if (found !== undefined) return found;
  const names = mesh.peers.map(({ name }) => name);
  const shown = names.length <= NAMES_SHOWN ? names.join(', ') : `${names.slice(0, NAMES_SHOWN - 1).join(', ')} … ${names.at(-1)}`;
  throw new MeshError('not-found', `this demo has no peer "${word}"; its peers are ${shown}`);
}

/** For a POSIX shell. */
function quoted(word) {
  return /^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
