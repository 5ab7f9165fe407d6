/** Reads what a file imports: import and export-from, dynamic import, and import types. */
import { posix } from 'node:path';
import type { ImportDeclaration, Node, StringLiteral } from 'oxc-parser';
import { type Source, walk } from './source.ts';

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** For a relative specifier, the path from the root of the repository. */
  readonly target: string | undefined;
  /** True when nothing of it is left after the types are stripped. */
  readonly typeOnly: boolean;
  /** The exported names asked for; empty for a whole namespace or a side effect. */
  readonly names: readonly string[];
  /** The name that stands for the whole module, where there is one. */
  readonly alias: string | undefined;
  readonly at: number;
}

const known = new WeakMap<Source, readonly Import[]>();

export function importsOf(source: Source): readonly Import[] {
  let imports = known.get(source);
  if (imports === undefined) {
    imports = readImports(source);
    known.set(source, imports);
  }
  return imports;
}

function readImports(source: Source): Import[] {
  const imports: Import[] = [];
  const add = (
    from: Node,
    at: number,
    typeOnly: boolean,
    names: readonly string[] = [],
    alias?: string,
  ) => {
    if (!isString(from)) return;
    const specifier = from.value;
    const target = specifier.startsWith('.')
      ? posix.join(posix.dirname(source.path), specifier)
      : undefined;
    imports.push({ specifier, target, typeOnly, names, alias, at });
  };
  if (source.code === undefined) return imports;
  walk(source.code.program, (node) => {
    switch (node.type) {
      case 'ImportDeclaration':
        add(node.source, node.start, isTypeOnly(node), importedNames(node), aliasOf(node));
        break;
      case 'ExportAllDeclaration':
        add(node.source, node.start, node.exportKind === 'type');
        break;
      case 'ExportNamedDeclaration':
        if (node.source !== null) add(node.source, node.start, node.exportKind === 'type');
        break;
      case 'ImportExpression':
        add(node.source, node.start, false);
        break;
      case 'TSImportType':
        add(node.source, node.start, true);
        break;
    }
  });
  return imports;
}

function isString(node: Node): node is StringLiteral {
  return node.type === 'Literal' && typeof node.value === 'string';
}

function isTypeOnly(node: ImportDeclaration): boolean {
  if (node.importKind === 'type') return true;
  const { specifiers } = node;
  return (
    specifiers.length > 0 &&
    specifiers.every((one) => one.type === 'ImportSpecifier' && one.importKind === 'type')
  );
}

function importedNames(node: ImportDeclaration): string[] {
  return node.specifiers.flatMap((one) => {
    if (one.type !== 'ImportSpecifier') return [];
    return [one.imported.type === 'Literal' ? one.imported.value : one.imported.name];
  });
}

function aliasOf(node: ImportDeclaration): string | undefined {
  return node.specifiers.find((one) => one.type !== 'ImportSpecifier')?.local.name;
}
