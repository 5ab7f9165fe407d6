/**
 * Owns the promise that nothing of a cluster outlives the process that started it, however that
 * process ends.
 *
 * U1 A shell of its own session holds the reading end of a pipe. When the pipe closes, the process
 *    is gone or has asked for it; the shell then ends the postmaster that it was told of last and
 *    removes the folder. So the way that a test takes at its end is the way after SIGKILL.
 * U2 The shell holds no stream of its parent, and nothing here keeps the parent alive.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';

/** 10 s for a postmaster to end its children, then no more mercy; 60 s for the folder to empty. */
const SCRIPT = `
trap '' HUP INT TERM
pid=0
while read -r line; do pid=$line; done
if [ "$pid" != 0 ]; then
  kill -QUIT "$pid"; kill -CONT "$pid"
  n=0
  while [ $n -lt 200 ] && kill -0 "$pid"; do sleep 0.05; n=$((n + 1)); done
  kill -KILL "$pid"
fi
n=0
while [ $n -lt 600 ] && ! { rm -rf "$1" && [ ! -e "$1" ]; }; do sleep 0.1; n=$((n + 1)); done
[ ! -e "$1" ]
`;

export interface Guard {
  /** The postmaster to end when this process ends; null when there is none. */
  watch(pid: number | null): void;
  /** Ends what is watched, removes the folder, and says when both is done. */
  finish(): Promise<void>;
}

/** Watches over a folder that this process has just made. */
export function guardFolder(folder: string): Guard {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'holdfast-guard', folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const { stdin } = shell;
  // Whoever kills the shell as well is on their own; a broken pipe must not fail a test.
  stdin.on('error', () => {});
  if (stdin instanceof Socket) stdin.unref();
  shell.unref();
  const gone = once(shell, 'exit');
  return {
    watch: (pid) => stdin.write(`${pid ?? 0}\n`),
    async finish() {
      shell.ref();
      stdin.end();
      const [code] = await gone;
      if (code !== 0) throw new Error(`${folder} could not be removed`);
    },
  };
}
