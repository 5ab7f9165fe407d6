/** No test is singled out, and none is skipped without saying why. */
import type { Node } from 'oxc-parser';
import { finding, isTest, type Rule, type Source, walk } from '../source.ts';

const SUITES = new Set(['test', 'it', 'describe', 'suite']);

export const testFocus: Rule = {
  name: 'test-focus',
  check(source) {
    if (!isTest(source) || source.code === undefined) return [];
    const findings: ReturnType<typeof finding>[] = [];
    walk(source.code.program, (node, ancestors) => {
      const problem = node.type === 'Property' ? option(node, ancestors) : call(node);
      if (problem !== undefined) findings.push(report(source, node.start, problem));
    });
    return findings;
  },
};

function report(source: Source, at: number, problem: 'only' | 'skip' | 'todo') {
  const message = {
    only: 'a test singled out; remove it so that all tests run',
    skip: "skipped without a reason; write { skip: 'why' } or a condition that gives the reason",
    todo: 'a test announced but not written; write it or leave it out',
  }[problem];
  return finding(source, testFocus, at, message);
}

/** `test.only(…)`, `describe.skip('title', …)`, `t.skip()`. */
function call(node: Node): 'only' | 'skip' | 'todo' | undefined {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return undefined;
  const { object, property } = node.callee;
  if (property.type !== 'Identifier' || object.type !== 'Identifier') return undefined;
  if (property.name !== 'only' && property.name !== 'skip' && property.name !== 'todo') {
    return undefined;
  }
  if (SUITES.has(object.name)) return property.name;
  // A test's own context: t.skip('why') is fine.
  if (object.name !== 't' && object.name !== 'context') return undefined;
  return property.name === 'skip' && node.arguments.length > 0 ? undefined : property.name;
}

/** `test('title', { skip: true }, …)`: the value must be able to carry a reason. */
function option(node: Node, ancestors: readonly Node[]): 'only' | 'skip' | 'todo' | undefined {
  if (node.type !== 'Property' || node.key.type !== 'Identifier') return undefined;
  const { name } = node.key;
  if (name !== 'only' && name !== 'skip' && name !== 'todo') return undefined;
  if (!isSuiteCall(ancestors.at(-2)) || isFalse(node.value)) return undefined;
  return name === 'skip' && !isBare(node.value) ? undefined : name;
}

function isSuiteCall(node: Node | undefined): boolean {
  if (node?.type !== 'CallExpression') return false;
  const { callee } = node;
  if (callee.type === 'Identifier') return SUITES.has(callee.name);
  return (
    callee.type === 'MemberExpression' &&
    callee.property.type === 'Identifier' &&
    SUITES.has(callee.property.name)
  );
}

function isFalse(value: Node): boolean {
  return value.type === 'Literal' && value.value === false;
}

/** True or a bare comparison skips silently; a string, a name or a choice can hold the reason. */
function isBare(value: Node): boolean {
  return (
    (value.type === 'Literal' && typeof value.value !== 'string') ||
    value.type === 'UnaryExpression' ||
    value.type === 'BinaryExpression'
  );
}
