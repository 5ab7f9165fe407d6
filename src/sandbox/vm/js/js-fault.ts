/**
 * Owns what is made of errors and ends of scripts in JavaScript: faults, with the line where V8
 * knows it.
 *
 * F1 What a script says of itself is believed in its form only: a text is a text.
 * F2 V8 tells the line of what compiles wrongly, of errors, and of code that was stopped by its
 *    time. It tells none of a heap that is full: the stack is gone before anybody is asked.
 */
import { faultCharsMax, type VmFault, type VmWord } from '../wire.ts';

/** What the script says at its end. */
interface Told {
  readonly ok: boolean;
  readonly text?: string | null;
  readonly fault?: {
    readonly name?: string | null;
    readonly message?: string | null;
    readonly stack?: string | null;
    readonly unreadable?: boolean;
  };
}

export const memoryFault: VmFault = { kind: 'memory', message: '' };

/** Of a script that waits, and no grant is open that it could wait for. */
export const stuckFault: VmFault = {
  kind: 'threw',
  message: 'it waits for a promise that nothing can settle any more',
};

interface Thrown {
  readonly message: string;
  readonly stack: string;
  readonly name?: string;
}

function thrownOf(error: unknown): Thrown {
  if (!(error instanceof Error)) return { message: `${error}`, stack: '' };
  const { message, stack = '', name } = error;
  return { message, stack, ...(name === 'Error' ? {} : { name }) };
}

/** The first place of the script in a stack. */
export function lineIn(stack: string, file: string): number | undefined {
  const at = stack.indexOf(`${file}:`);
  if (at === -1) return undefined;
  const line = Number.parseInt(stack.slice(at + file.length + 1), 10);
  return Number.isInteger(line) && line > 0 ? line : undefined;
}

/** Of a script that does not compile. */
export function invalidOf(error: unknown, file: string): VmFault {
  const { message, stack } = thrownOf(error);
  const text = message.replace(/ \[[^\]]*\]$/, '');
  return { kind: 'invalid', message: text, line: lineIn(`${message}\n${stack}`, file) };
}

/** Of code that left the isolate with an error. `ended`: the isolate is no more. */
export function faultOf(error: unknown, file: string, ended: boolean): VmFault {
  const { message, stack, name } = thrownOf(error);
  if (message.includes('memory limit')) return memoryFault;
  const line = lineIn(stack, file);
  if (message.includes('timed out')) return { kind: 'time', message: '', line };
  if (ended) return { kind: 'lost', message: 'it was ended' };
  return { kind: 'threw', message: message.slice(0, faultCharsMax), line, name };
}

/** The end of a call as the script told it (F1). */
export function endOf(call: number, told: string, file: string): VmWord {
  const { ok, text, fault } = parsed(told);
  if (ok && (text === null || typeof text === 'string')) return { word: 'done', call, text };
  const { name, message, stack, unreadable } = fault ?? {};
  const line = typeof stack === 'string' ? lineIn(stack, file) : undefined;
  // How V8 says that a block does not fit into the limit; uncaught, it is the limit that was met.
  if (message === 'Array buffer allocation failed') {
    return { word: 'failed', call, clean: false, fault: { ...memoryFault, line } };
  }
  return {
    word: 'failed',
    call,
    clean: true,
    fault: {
      kind: unreadable === true ? 'unreadable' : 'threw',
      message: typeof message === 'string' ? message : 'it gave no result that can be read',
      ...(typeof name === 'string' ? { name } : {}),
      ...(typeof stack === 'string' ? { stack, line } : {}),
    },
  };
}

function parsed(told: string): Told {
  try {
    return (JSON.parse(told) as Told | null) ?? { ok: false };
  } catch {
    return { ok: false };
  }
}
