/**
 * Owns the making of an empty cluster: its folder, and what initdb writes into it. Nothing of it is
 * synced, since no test survives a loss of power.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Account, giveTo, runs } from './account.ts';
import type { Binaries } from './binaries.ts';

/** The role that owns everything in the cluster. */
export const superuser = 'postgres';

/** A fresh temporary folder that the account can use, or of the system's where it cannot. */
export function reachableFolder(account: Account): string {
  for (const parent of [tmpdir(), '/tmp']) {
    const folder = mkdtempSync(join(parent, 'holdfast-pg-'));
    giveTo(account, folder);
    if (runs(account, '/bin/sh', ['-c', ': > "$0/probe" && rm "$0/probe"', folder])) return folder;
    rmSync(folder, { recursive: true });
  }
  throw new Error(`neither ${tmpdir()} nor /tmp can be used by the user that runs Postgres`);
}

export async function makeCluster(
  { initdb }: Binaries,
  account: Account,
  folder: string,
  password: string | undefined,
): Promise<void> {
  const args = [
    '-D',
    join(folder, 'data'),
    '-U',
    superuser,
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ];
  const secret = join(folder, 'password');
  if (password === undefined) args.push('--auth=trust');
  else {
    writeFileSync(secret, password, { mode: 0o600 });
    giveTo(account, secret);
    args.push('--auth=scram-sha-256', `--pwfile=${secret}`);
  }
  const child = spawn(initdb, args, {
    ...{ ...account, cwd: folder, env: bareEnv() },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`initdb failed:\n${said}`);
}

/** Without the PG* variables of whoever runs the tests, and with messages in English. */
export function bareEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C' };
}
