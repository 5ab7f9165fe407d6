/**
 * Owns a throw-away PgBouncer in front of a server of tests, where the machine has the program.
 *
 * B1 It listens on a socket in a folder of its own, so that it can be in nobody's way.
 * B2 Nothing outlives the process that started it (see guard.ts).
 */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { giveTo, serverAccount } from './account.ts';
import { guardFolder } from './guard.ts';
import { reachableFolder } from './initdb.ts';

const program = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  .map((folder) => join(folder, 'pgbouncer'))
  .find((path) => existsSync(path));

/** The options of a suite that needs one. */
export const needsBouncer =
  program === undefined ? { skip: 'needs pgbouncer: apt-get install pgbouncer' } : {};

export interface Bouncer extends AsyncDisposable {
  /** Leads to the same database as the URL that it was started with. */
  readonly url: string;
}

const port = 6432;

/** The socket is there a moment before somebody listens on it. */
const listens = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    const answer = (heard: boolean) => (): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.once('connect', answer(true)).once('error', answer(false));
  });

/** Starts one in front of the server of this URL, whose user everybody becomes. */
export async function startBouncer(target: string, mode: string, more = ''): Promise<Bouncer> {
  const { hostname, port: targetPort, username, password, pathname, search } = new URL(target);
  const secret = password === '' ? '' : ` password=${decodeURIComponent(password)}`;
  const account = serverAccount();
  const folder = reachableFolder(account);
  const guard = guardFolder(folder);
  const config = join(folder, 'pgbouncer.ini');
  const lines = [
    '[databases]',
    `* = host=${hostname} port=${targetPort} user=${username}${secret}`,
    '[pgbouncer]',
    ...['listen_addr =', `listen_port = ${port}`, `unix_socket_dir = ${folder}`],
    ...['auth_type = any', `pool_mode = ${mode}`, 'default_pool_size = 20', more],
  ];
  writeFileSync(config, lines.join('\n'), { mode: 0o600 });
  giveTo(account, config);
  const child = spawn(program ?? 'pgbouncer', [config], {
    ...{ ...account, cwd: folder, detached: true },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  guard.watch(child.pid ?? null);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.unref();
  while (!(await listens(join(folder, `.s.PGSQL.${port}`)))) {
    if (child.exitCode !== null) throw new Error(`PgBouncer did not start:\n${said}`);
    await turn();
  }
  const query = new URLSearchParams(search);
  query.set('host', folder);
  query.set('port', String(port));
  return {
    url: `postgres://${username}@${pathname}?${query}`,
    [Symbol.asyncDispose]: () => guard.finish(),
  };
}
