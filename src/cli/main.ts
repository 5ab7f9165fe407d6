#!/usr/bin/env node
/**
 * The `holdfast` command: this process's streams, and its exit code.
 *
 * Most of the time of a short command goes into loading its modules, in this thread and in those of
 * the store. Node keeps what it compiled in the cache folder for its user, and finds it there next
 * time.
 */
import { enableCompileCache } from 'node:module';
import { wordWithoutCredentials } from '../core/redact.ts';

const { directory } = enableCompileCache();
// The threads of the store and the workers of `up` learn of it from the environment.
if (directory !== undefined) process.env.NODE_COMPILE_CACHE ??= directory;

// Everybody on the machine can read a command line: the password of an address is taken out of it.
const words = process.argv.slice(2);
const shown = words.map(wordWithoutCredentials);
if (shown.some((word, at) => word !== words[at])) process.title = `holdfast ${shown.join(' ')}`;

// Whoever reads the output may stop reading: `holdfast ls | head`.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

const { HoldOpen } = await import('../runtime/hold-open.ts');
const { processIo } = await import('./io.ts');
const { runProgram } = await import('./program.ts');

// Clocks keep no process alive, and a wait must not end with the event loop.
new HoldOpen().hold();
const exit = await runProgram(processIo(), words);
// An app module may have left something open: what was asked for is done, so this is the end.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<void>((written) => stream.write('', () => written()));
}
process.exit(exit);
