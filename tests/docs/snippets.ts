/**
 * Owns the finding of runnable code in documents: every fenced `ts` block is a program, and a
 * comment `// => text` behind a `console.log` is what that line must print.
 */
import { readFileSync } from 'node:fs';

/** A program in a document. */
export interface Snippet {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  /** What it must print, line by line. */
  readonly prints: readonly string[];
}

const printed = /console\.log\(.*\);?\s*\/\/ => (.*)$/;

/** Every program in one Markdown file. */
export function snippetsOf(file: string): readonly Snippet[] {
  const snippets: Snippet[] = [];
  let open: { line: number; code: string[] } | null = null;
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((text, index) => {
      if (open === null) {
        if (text.trim() === '```ts') open = { line: index + 2, code: [] };
      } else if (text.trim() === '```') {
        const prints = open.code.flatMap((line) => printed.exec(line)?.[1]?.trim() ?? []);
        snippets.push({ file, line: open.line, code: open.code.join('\n'), prints });
        open = null;
      } else {
        open.code.push(text);
      }
    });
  return snippets;
}
