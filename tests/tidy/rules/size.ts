/** Files, functions and lines stay small enough to be read in one go. */
import type { Node } from 'oxc-parser';
import { finding, isProduction, lineAt, type Rule, type Source, walk } from '../source.ts';

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;
const LINE_COLUMNS_MAX = 100;

export const fileLines: Rule = {
  name: 'file-lines',
  check(source) {
    const count = source.lines.length - (source.lines.at(-1) === '' ? 1 : 0);
    if (!isProduction(source) || source.code === undefined || count <= FILE_LINES_MAX) return [];
    const message = `${count} lines, more than ${FILE_LINES_MAX}; split it by responsibility`;
    return [finding(source, fileLines, 0, message)];
  },
};

export const functionLines: Rule = {
  name: 'function-lines',
  check(source) {
    if (!isProduction(source) || source.code === undefined) return [];
    const findings: ReturnType<typeof finding>[] = [];
    walk(source.code.program, (node, ancestors) => {
      if (!isFunction(node)) return;
      const count = linesOf(source, node) - linesOfTexts(source, node);
      if (count <= FUNCTION_LINES_MAX) return;
      const message =
        `${nameOf(node, ancestors.at(-1))} has ${count} lines, more than ${FUNCTION_LINES_MAX}; ` +
        'give its parts names of their own';
      findings.push(finding(source, functionLines, node.start, message));
    });
    return findings;
  },
};

const linesOf = (source: Source, { start, end }: Node): number =>
  lineAt(source, end) - lineAt(source, start) + 1;

/** A text in a template, such as a function of the database, is data: it counts as one line. */
function linesOfTexts(source: Source, node: Node): number {
  let lines = 0;
  walk(node, (inner, ancestors) => {
    if (inner.type !== 'TemplateLiteral') return;
    if (ancestors.some(({ type }) => type === 'TemplateLiteral')) return;
    lines += linesOf(source, inner) - 1;
  });
  return lines;
}

export const lineColumns: Rule = {
  name: 'line-columns',
  check(source) {
    if (source.code === undefined) return [];
    return source.lines.flatMap((line, index) => {
      const columns = [...line].length;
      if (columns <= LINE_COLUMNS_MAX) return [];
      const message = `${columns} columns, more than ${LINE_COLUMNS_MAX}; break the line`;
      return [{ path: source.path, line: index + 1, rule: lineColumns.name, message }];
    });
  },
};

function isFunction(node: Node): boolean {
  return (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression'
  );
}

function nameOf(node: Node, parent: Node | undefined): string {
  const own = 'id' in node ? node.id : undefined;
  const given = parent === undefined ? undefined : 'key' in parent ? parent.key : undefined;
  const variable = parent?.type === 'VariableDeclarator' ? parent.id : undefined;
  for (const name of [own, given, variable]) {
    if (name !== null && typeof name === 'object' && 'name' in name) return String(name.name);
  }
  return 'a function';
}
