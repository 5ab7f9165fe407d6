/**
 * Finds where a file uses a global by its name. A name that the file itself declares (a parameter,
 * a variable, an import) is its own and no global; a property of the same name is none either.
 */
import type { Node } from 'oxc-parser';
import { type Source, walk } from './source.ts';

export interface Reference {
  readonly name: string;
  readonly at: number;
  /** What is read from it: `now` in `Date.now()`. */
  readonly member: string | undefined;
  /** The nodes around it, the outermost first. */
  readonly ancestors: readonly Node[];
}

export function referencesOf(source: Source, names: readonly string[]): Reference[] {
  const references: Reference[] = [];
  const declared = new Set<string>();
  if (source.code === undefined || !names.some((name) => source.text.includes(name))) return [];
  walk(source.code.program, (node, ancestors) => {
    if (node.type !== 'Identifier' || !names.includes(node.name)) return;
    const parent = ancestors.at(-1);
    if (parent === undefined) return;
    if (declares(parent, node, ancestors.at(-2))) declared.add(node.name);
    else if (isUse(parent, node)) {
      references.push({
        name: node.name,
        at: node.start,
        member: memberOf(parent, node),
        ancestors,
      });
    }
    // `globalThis.setTimeout` is a use of setTimeout.
    else if (isMemberOfGlobal(parent)) {
      const outer = ancestors.at(-2);
      const member = outer === undefined ? undefined : memberOf(outer, parent);
      references.push({ name: node.name, at: node.start, member, ancestors });
    }
  });
  return references.filter((reference) => !declared.has(reference.name));
}

function declares(parent: Node, node: Node, outer: Node | undefined): boolean {
  switch (parent.type) {
    case 'VariableDeclarator':
    case 'ClassDeclaration':
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return parent.id === node;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return parent.body !== node;
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
      return parent.local === node;
    case 'Property':
      return outer?.type === 'ObjectPattern' && parent.value === node;
    case 'AssignmentPattern':
      return parent.left === node;
    case 'RestElement':
    case 'ArrayPattern':
      return true;
    default:
      return false;
  }
}

/** Not a key, not a property after a dot, not part of a type. */
function isUse(parent: Node, node: Node): boolean {
  switch (parent.type) {
    case 'MemberExpression':
      return parent.object === node || parent.computed;
    case 'Property':
      return parent.value === node;
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'AccessorProperty':
      return parent.computed || parent.value === node;
    case 'ImportSpecifier':
    case 'ExportSpecifier':
    case 'LabeledStatement':
    case 'MetaProperty':
      return false;
    default:
      return !parent.type.startsWith('TS') || WRAPPERS.has(parent.type);
  }
}

/** TypeScript nodes that hold an expression rather than a type. */
const WRAPPERS = new Set<string>([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSInstantiationExpression',
]);

function memberOf(parent: Node, node: Node): string | undefined {
  if (parent.type !== 'MemberExpression' || parent.object !== node) return undefined;
  if (parent.property.type === 'Identifier' && !parent.computed) return parent.property.name;
  return parent.property.type === 'Literal' ? String(parent.property.value) : undefined;
}

function isMemberOfGlobal(parent: Node): boolean {
  return (
    parent.type === 'MemberExpression' &&
    parent.object.type === 'Identifier' &&
    ['globalThis', 'global'].includes(parent.object.name)
  );
}
