/** Functions that the test of the process serves to itself. */
import { defineFunction } from 'holdfast';

export const echo = defineFunction({
  name: 'probe-echo',
  call: { help: 'says it again', tags: 'top' },
  run: (input: unknown) => input,
});

export const wait = defineFunction({
  name: 'wait',
  call: { access: 0x13 },
  run: (_: unknown, ctx) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    ctx.signal.addEventListener('abort', () => {
      console.error('the wait was stopped');
      resolve('stopped');
    });
    return promise;
  },
});

export const print = defineFunction({
  name: 'print',
  run: () => {
    console.log('FUNCTION_RESULT_END of the app');
  },
});

export const big = defineFunction({ name: 'big', run: () => 'x'.repeat(500_000) });
