/** The app of most tests of the command line. */
import { defineFunction } from 'holdfast';
import { z } from 'zod';

export const greet = defineFunction({
  name: 'desk.greet',
  input: z.object({ name: z.string() }),
  tenant: 'house',
  run: async ({ name }, ctx) => {
    ctx.log.info('greeting', { name });
    ctx.log.warn('done \u001b[31mgreeting');
    return `hello, ${name}`;
  },
});

/** Its tenant takes the input. */
const seat = defineFunction({
  name: 'desk.seat',
  tenant: (input: { readonly name: string }) => `house-${input.name}`,
  run: ({ name }) => `a seat for ${name}`,
});

/** Waits until it is told to stop. */
export const wait = defineFunction({
  name: 'desk.wait',
  lane: 'door',
  timeouts: { graceMs: 2_000 },
  run: async (_input: unknown, ctx) => {
    const stopped = Promise.withResolvers<never>();
    ctx.signal.addEventListener('abort', () => stopped.reject(ctx.signal.reason));
    return await stopped.promise;
  },
});

const fail = defineFunction({
  name: 'desk.fail',
  retry: false,
  run: async () => {
    throw new Error('the desk is on fire');
  },
});

const pid = defineFunction({ name: 'desk.pid', run: () => process.pid });

/** Ends its process without a word. */
const crash = defineFunction({
  name: 'desk.crash',
  onCrash: 'lose',
  run: () => process.kill(process.pid, 'SIGKILL'),
});

export const others = [fail, pid, crash, greet, seat];
