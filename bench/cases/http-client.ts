/**
 * The load on a server: connections that each send the same start again and again, as soon as they
 * have the answer to the last one (autocannon). Checked: every answer is 201.
 */
import autocannon from 'autocannon';
import { type Ask, type Case, verify } from '../case.ts';

const WARM_UP_SECONDS = 1;
const body = JSON.stringify({ input: { n: 1, text: 'as much as a small job takes along' } });

export async function openCase(): Promise<Case> {
  return {
    async ask({ url, connections, seconds }: Ask) {
      const path = `${String(url)}/api/v1/functions/noop/runs`;
      // In the first second connections are made and code is compiled.
      const warm = await fire(path, Number(connections), WARM_UP_SECONDS);
      const load = await fire(path, Number(connections), Number(seconds));
      return {
        ...{ ms: load.ms, seconds: load.seconds },
        answered: warm.ms.length + load.ms.length,
        sent: warm.sent + load.sent,
      };
    },
    async close() {},
  };
}

/** What connections still wait for when the time is up is not counted, and may be done. */
async function fire(url: string, connections: number, duration: number) {
  const ms: number[] = [];
  let endedAt = performance.now();
  const startedAt = endedAt;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const load = autocannon(
      {
        ...{ url, connections, duration, method: 'POST', body },
        headers: { 'content-type': 'application/json' },
      },
      (error: Error | null, done: autocannon.Result) => {
        if (error) reject(error);
        else resolve(done);
      },
    );
    load.on('response', (_client, status, _bytes, responseTime) => {
      if (status !== 201) return;
      ms.push(responseTime);
      endedAt = performance.now();
    });
  });
  const { errors, timeouts, non2xx } = result;
  verify(errors + timeouts + non2xx === 0, `no request fails, found ${errors} and ${non2xx}`);
  return { ms, seconds: (endedAt - startedAt) / 1e3, sent: ms.length + connections };
}
