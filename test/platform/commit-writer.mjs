import { closeSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * A person's program that saves one file as fast as it can: `save` writes another file and renames it, `write` opens
 * and writes in place. Contents grow, so that no two stats are equal. In a thread of its own, and plain JavaScript
 * because Node 20 runs nothing else there.
 */
const { path, how } = workerData;

parentPort.on('message', ({ round, saves }) => {
  let content = '';
  for (let save = 0; save < saves; save++) {
    content = `round ${round} save ${save} ${'x'.repeat(100 * round + save)}`;
    if (how === 'save') {
      writeFileSync(`${path}.saving`, content);
      renameSync(`${path}.saving`, path);
    } else {
      const descriptor = openSync(path, 'w');
      writeSync(descriptor, content);
      closeSync(descriptor);
    }
  }
  parentPort.postMessage(content);
});
