/**
 * Entry point of a case's process: loads one module of bench/cases/ and answers its parent.
 */
import type { Case, FromCase, OpenCase, ToCase } from './case.ts';

let open: Case | undefined;

const send = (message: FromCase): void => {
  process.send?.(message);
};

async function handle(message: ToCase): Promise<FromCase> {
  if (message.do === 'open') {
    const loaded = (await import(message.module)) as { readonly openCase: OpenCase };
    open = await loaded.openCase(message.params, (event) => send({ is: 'event', event }));
    return { is: 'answer', answer: {} };
  }
  if (open === undefined) throw new Error('the case is not open');
  if (message.do === 'ask') return { is: 'answer', answer: await open.ask(message.ask) };
  await open.close();
  return { is: 'answer', answer: {} };
}

process.on('message', (message: ToCase) => {
  handle(message).then(send, (error: unknown) => {
    send({
      is: 'error',
      message: error instanceof Error ? (error.stack ?? error.message) : `${error}`,
    });
  });
});
// A parent that died leaves nobody to measure for.
process.on('disconnect', () => process.exit(0));
