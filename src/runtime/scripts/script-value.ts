/**
 * Owns the way of a value from the text that a VM gave to a value of the host.
 *
 * V1 A text that is no JSON, or nests so deeply that code which walks through it would run out of
 *    stack, is an error of the script. Engines write such values without a stack; others do not.
 */
import { limits } from '../../core/limits.ts';
import { scriptError } from '../../sandbox/vm/script-error.ts';
import type { VmSetup } from '../../sandbox/vm/wire.ts';

const [quote, backslash] = [34, 92];

/** The value. Throws `script.failed`. */
export function scriptValueOf(setup: VmSetup, text: string): unknown {
  const { scriptValueDepthMax } = limits;
  if (nestsTooDeeply(text)) {
    const message = `its values nest deeper than ${scriptValueDepthMax}`;
    throw scriptError(setup, { kind: 'unreadable', message });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw scriptError(setup, { kind: 'unreadable', message: 'it gave no JSON' });
  }
}

/** Counts brackets outside of texts. */
export function nestsTooDeeply(text: string): boolean {
  const most = limits.scriptValueDepthMax;
  // As many levels take as many brackets to open and to close.
  if (text.length <= 2 * most) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfText(text, at);
    else if (code === 91 || code === 123) {
      depth += 1;
      if (depth > most) return true;
    } else if (code === 93 || code === 125) depth -= 1;
  }
  return false;
}

/** Where the text ends that begins there. */
function endOfText(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text.charCodeAt(at) !== quote) {
    at += text.charCodeAt(at) === backslash ? 2 : 1;
  }
  return at;
}
