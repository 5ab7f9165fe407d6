/**
 * A file as the rules see it: its text, and its syntax tree where it is code. Owns parsing, line
 * numbers and the walk over a tree; knows no rule.
 */
import { type Comment, type Node, type Program, parseSync, visitorKeys } from 'oxc-parser';
import type { Finding } from './finding.ts';

export interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Without their line ends. */
  readonly lines: readonly string[];
  /** Absent when the file is not TypeScript or JavaScript. */
  readonly code?: Code;
}

export interface Code {
  readonly program: Program;
  readonly comments: readonly Comment[];
}

/** One rule looks at one file at a time, or at all of them when its matter is between files. */
export interface Rule {
  readonly name: string;
  check(source: Source, all: readonly Source[]): readonly Finding[];
}

const CODE = /\.(ts|mts|js|mjs|tsx)$/;

export function toSource(path: string, text: string): Source {
  const lines = text.split(/\r?\n/);
  if (!CODE.test(path)) return { path, text, lines };
  const { program, comments, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`);
  return { path, text, lines, code: { program, comments } };
}

/** The line, from 1, that holds the character at `offset`. */
export function lineAt(source: Source, offset: number): number {
  return source.text.slice(0, offset).split('\n').length;
}

export function finding(source: Source, rule: Rule, at: number, message: string): Finding {
  return { path: source.path, line: lineAt(source, at), rule: rule.name, message };
}

/** Visits every node, parents first. `ancestors` runs from the program to the node's parent. */
export function walk(
  root: Node,
  visit: (node: Node, ancestors: readonly Node[]) => void,
  ancestors: readonly Node[] = [],
): void {
  visit(root, ancestors);
  const below = [...ancestors, root];
  for (const key of visitorKeys[root.type] ?? []) {
    const child = (root as unknown as Record<string, unknown>)[key];
    for (const node of Array.isArray(child) ? child : [child]) {
      if (isNode(node)) walk(node, visit, below);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** Production code: under src/, and not a test. Most rules look at nothing else. */
export function isProduction(source: Source): boolean {
  return source.path.startsWith('src/') && !isTest(source);
}

/** A test beside the code, or anything under tests/. */
export function isTest(source: Source): boolean {
  return source.path.endsWith('.test.ts') || source.path.startsWith('tests/');
}
