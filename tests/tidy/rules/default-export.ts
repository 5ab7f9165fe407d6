/** A name is given once, where a thing is defined, and not again at each import. */
import { finding, isProduction, type Rule, walk } from '../source.ts';

export const defaultExport: Rule = {
  name: 'default-export',
  check(source) {
    if (!isProduction(source) || source.code === undefined) return [];
    const findings: ReturnType<typeof finding>[] = [];
    walk(source.code.program, (node) => {
      const renamed =
        node.type === 'ExportSpecifier' &&
        node.exported.type === 'Identifier' &&
        node.exported.name === 'default';
      if (node.type !== 'ExportDefaultDeclaration' && !renamed) return;
      findings.push(
        finding(source, defaultExport, node.start, 'default export; export it by name'),
      );
    });
    return findings;
  },
};
