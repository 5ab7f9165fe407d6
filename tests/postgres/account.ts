/**
 * Owns which user the server of a test runs as, and what that user may reach.
 *
 * A1 Postgres refuses to run as root, so root hands it to another user of the machine: `postgres`
 *    where there is one, else one without rights. Anybody else runs it as themselves.
 * A2 What that user can reach is tried and not computed: a private home, a mount option or a policy
 *    of the kernel stands in no mode bit.
 */
import { spawnSync } from 'node:child_process';
import { lchownSync, readFileSync } from 'node:fs';

/** Ids for `spawn`. Empty: the user of this process. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** Users without rights that most machines have, best first. */
const NAMES = ['postgres', 'nobody', 'daemon'];

/** Whoever runs the server. initdb insists on a user that the machine can name. */
export function serverAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of NAMES) {
    const [, , uid, gid] = users.find(([name]) => name === wanted) ?? [];
    const account = { uid: Number(uid), gid: Number(gid) };
    if (account.uid > 0 && runs(account, '/bin/sh', ['-c', ':'])) return account;
  }
  throw new Error(`root cannot run Postgres, and can run nothing as any of: ${NAMES.join(', ')}`);
}

/** Whether the program, run by that user, ends well. */
export function runs(account: Account, program: string, args: readonly string[]): boolean {
  const { status } = spawnSync(program, args, { ...account, cwd: '/', stdio: 'ignore' });
  return status === 0;
}

/** Makes the file, folder or link the user's own. */
export function giveTo(account: Account, path: string): void {
  if (account.uid !== undefined && account.gid !== undefined) {
    lchownSync(path, account.uid, account.gid);
  }
}
