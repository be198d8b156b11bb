import { loadIdentity } from '../../src/platform/node/node-identity.ts';

/** A process that loads the identity of the directory it is given, once its standard input ends, and prints its id. */
process.stdin.resume();
process.stdin.on('end', () => {
  loadIdentity(process.argv[2] ?? '').then(
    (identity) => process.stdout.write(identity.id),
    (error: unknown) => {
      process.exitCode = 1;
      process.stderr.write(`${String(error)}\n`);
    },
  );
});
process.stdout.write('ready\n');
