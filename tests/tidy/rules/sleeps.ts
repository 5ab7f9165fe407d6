/**
 * Tests wait on signals, never on time: a sleep is too short on a busy machine and too long on any
 * other. A timer that ends a wait with an error is a deadline and is fine.
 */
import type { Node } from 'oxc-parser';
import { importsOf } from '../imports.ts';
import { finding, isTest, type Rule, type Source, walk } from '../source.ts';

const INSTEAD = 'wait for the event itself, or move the simulated clock';

export const sleeps: Rule = {
  name: 'sleep',
  check(source) {
    if (!isTest(source) || source.code === undefined) return [];
    return [...imported(source), ...promised(source, source.code.program)];
  },
};

/** A turn of the event loop (setImmediate) is a signal; a time is not. */
function imported(source: Source) {
  return importsOf(source)
    .filter((one) => /^(node:)?timers\/promises$/.test(one.specifier) && !one.typeOnly)
    .filter((one) => one.names.length === 0 || one.names.some((name) => name !== 'setImmediate'))
    .map((one) => finding(source, sleeps, one.at, `imports ${one.specifier}; ${INSTEAD}`));
}

/** `new Promise((resolve) => setTimeout(resolve, ms))`, also with `() => resolve()` inside. */
function promised(source: Source, program: Node) {
  const findings: ReturnType<typeof finding>[] = [];
  walk(program, (node) => {
    const executor = executorOf(node);
    const resolve = executor === undefined ? undefined : firstParameter(executor);
    if (executor === undefined || resolve === undefined) return;
    walk(executor, (inner) => {
      if (inner.type !== 'CallExpression' || inner.callee.type !== 'Identifier') return;
      const [callback] = inner.arguments;
      if (inner.callee.name !== 'setTimeout' || callback === undefined) return;
      if (!mentions(callback, resolve)) return;
      findings.push(finding(source, sleeps, inner.start, `sleeps with setTimeout; ${INSTEAD}`));
    });
  });
  return findings;
}

function executorOf(node: Node): Node | undefined {
  if (node.type !== 'NewExpression' || node.callee.type !== 'Identifier') return undefined;
  return node.callee.name === 'Promise' ? node.arguments[0] : undefined;
}

function firstParameter(executor: Node): string | undefined {
  if (executor.type !== 'ArrowFunctionExpression' && executor.type !== 'FunctionExpression') {
    return undefined;
  }
  const [first] = executor.params;
  return first?.type === 'Identifier' ? first.name : undefined;
}

function mentions(root: Node, name: string): boolean {
  let found = false;
  walk(root, (node) => {
    if (node.type === 'Identifier' && node.name === name) found = true;
  });
  return found;
}
