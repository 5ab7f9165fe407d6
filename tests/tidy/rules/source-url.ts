/**
 * A path such as './worker.ts' in a string is not rewritten when src/ is compiled, so the published
 * package would look for a file that is not there. Imports are rewritten and are fine.
 */
import type { Node } from 'oxc-parser';
import { finding, isProduction, type Rule, walk } from '../source.ts';

export const sourceUrl: Rule = {
  name: 'source-url',
  check(source) {
    if (!isProduction(source) || source.code === undefined) return [];
    const findings: ReturnType<typeof finding>[] = [];
    walk(source.code.program, (node, ancestors) => {
      if (node.type !== 'Literal' || typeof node.value !== 'string') return;
      if (!/^\.\.?\/.*\.ts$/.test(node.value) || isImport(ancestors.at(-1))) return;
      const message = `${node.value} is not there once compiled; build it from import.meta.url`;
      findings.push(finding(source, sourceUrl, node.start, message));
    });
    return findings;
  },
};

function isImport(parent: Node | undefined): boolean {
  switch (parent?.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return true;
    default:
      return false;
  }
}
