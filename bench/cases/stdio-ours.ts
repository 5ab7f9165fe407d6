/**
 * An agent and our plugin. Checked: every uid has one answer, with status 200.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Case, verify } from '../case.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const app = fileURLToPath(new URL('./stdio-app.ts', import.meta.url));

export async function openCase(): Promise<Case> {
  const words = ['--conditions=holdfast-source', main, 'stdio', app];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  let rest = '';
  let heard: (uid: string, status: string) => void = () => {};
  const ready = Promise.withResolvers<void>();
  child.stdout.on('data', (piece: Buffer) => {
    const lines = (rest + piece.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('FUNCTION GLOBAL')) ready.resolve();
      if (!line.startsWith('FUNCTION_RESULT_BEGIN ')) continue;
      const [, uid = '', status = ''] = line.split(' ', 3);
      heard(uid, status);
    }
  });
  await ready.promise;
  let uids = 0;
  const call = async (count: number, window: number) => {
    const us: number[] = [];
    const begun = new Map<string, number>();
    let [sent, answered] = [0, 0];
    const done = Promise.withResolvers<void>();
    const send = (many: number): void => {
      let text = '';
      for (let n = 0; n < many && sent < count; n += 1) {
        const uid = `u${uids}`;
        uids += 1;
        sent += 1;
        begun.set(uid, performance.now());
        text += `FUNCTION ${uid} 10 "noop a b" "0x8" "ip=localhost"\n`;
      }
      if (text !== '') child.stdin.write(text);
    };
    heard = (uid, status) => {
      const from = begun.get(uid);
      verify(from !== undefined && status === '200', `${uid} was answered once, with 200`);
      begun.delete(uid);
      if (window === 1) us.push((performance.now() - (from ?? 0)) * 1_000);
      answered += 1;
      if (answered === count) done.resolve();
      // In batches, so that the agent is not what is measured.
      if (begun.size <= window / 2) send(window - begun.size);
    };
    const from = performance.now();
    send(window);
    await done.promise;
    return { perSecond: count / ((performance.now() - from) / 1_000), us };
  };
  return {
    ask: (ask) => call(Number(ask.count), Number(ask.window)),
    async close() {
      child.stdin.end('QUIT');
      await new Promise((resolve) => child.once('exit', resolve));
    },
  };
}
