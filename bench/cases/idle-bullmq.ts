/**
 * The peer's side of idleness: one worker that waits. Commands are counted as they reach the
 * server, without those that its scripts call inside.
 */
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Case } from '../case.ts';
import { openQueue, type PeerParams, serverInfo } from './bullmq.ts';
import { pause } from './waits.ts';

export async function openCase(params: PeerParams): Promise<Case> {
  const { queue, connection, drop } = await openQueue(params);
  const worker = new Worker(queue.name, async () => {}, { connection });
  await worker.waitUntilReady();
  return {
    async ask({ ms }) {
      const client = new Redis(params.redis);
      const monitor = await client.monitor();
      let queries = 0;
      monitor.on('monitor', (_time: string, _args: string[], source: string) => {
        if (source !== 'lua') queries += 1;
      });
      const before = { own: process.cpuUsage(), server: await serverCpuMs(params) };
      queries = 0;
      await pause(Number(ms));
      const counted = queries;
      const own = process.cpuUsage(before.own);
      const serverMs = (await serverCpuMs(params)) - before.server;
      monitor.disconnect();
      client.disconnect();
      return { queries: counted, cpuMs: (own.user + own.system) / 1e3 + serverMs };
    },
    async close() {
      await worker.close();
      await drop();
    },
  };
}

async function serverCpuMs(params: PeerParams): Promise<number> {
  const info = await serverInfo(params, 'cpu');
  return (Number(info.get('used_cpu_sys')) + Number(info.get('used_cpu_user'))) * 1e3;
}
