/**
 * Owns the Redis that the peer runs on: started here, on a free port of the loopback, in a
 * temporary folder, killed and deleted at the end. The settings are Redis's defaults but for
 * those that make its promise comparable: the append-only file is on, and `appendfsync` follows
 * the durability class. Its snapshots are off: they would cost it time and promise nothing that
 * the append-only file does not.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { end, leash } from './children.ts';
import type { Durability } from './measure.ts';

/** Where the peer's cases connect to. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

export interface RedisServer {
  readonly address: RedisAddress;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const READY_MS_MAX = 10_000;
const APPEND_FSYNC = { full: 'always', relaxed: 'everysec' } as const;

/** The version of the redis-server on the PATH, or undefined when there is none. */
export function redisVersion(): string | undefined {
  const { stdout, error } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return error === undefined ? /v=(\S+)/.exec(stdout)?.[1] : undefined;
}

/** Starts a server whose append-only file is synced as the class promises. */
export async function startRedis(dir: string, durability: Durability): Promise<RedisServer> {
  const port = await freePort();
  const folder = join(dir, `redis-${durability}`);
  mkdirSync(folder, { recursive: true });
  const args = [
    ...['--port', String(port), '--bind', HOST, '--dir', folder, '--loglevel', 'warning'],
    ...['--appendonly', 'yes', '--appendfsync', APPEND_FSYNC[durability], '--save', ''],
  ];
  const server = leash(spawn('redis-server', args, { stdio: ['ignore', 'ignore', 'inherit'] }));
  const address = { host: HOST, port };
  try {
    await untilListening(address, server);
  } catch (error) {
    server.kill('SIGKILL');
    throw error;
  }
  return {
    address,
    // Nothing of it is kept, so there is nothing to end in good order.
    stop: () => end(server, 'SIGKILL'),
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, HOST, () => {
      const address = probe.address();
      probe.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('the loopback gave no port'));
      });
    });
  });
}

async function untilListening(address: RedisAddress, server: ChildProcess): Promise<void> {
  const giveUpAt = performance.now() + READY_MS_MAX;
  while (performance.now() < giveUpAt) {
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}`);
    if (await answers(address)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`redis-server did not listen within ${READY_MS_MAX} ms`);
}

function answers({ host, port }: RedisAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
