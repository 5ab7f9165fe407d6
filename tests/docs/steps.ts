/**
 * Owns the finding of steps in a guide: a fenced block behind a comment `<!-- step: name -->`, and
 * the block of plain text that may follow it, which shows what the step prints.
 *
 * S1 Every block of commands or SQL is a step, or says behind `<!-- not executed: ` why not: a test
 *    that executes all steps has then executed the guide.
 */
import { readFileSync } from 'node:fs';

/** One step. */
export interface Step {
  readonly language: string;
  readonly text: string;
  /** What the guide says that it prints, or null. */
  readonly shows: string | null;
}

interface Block {
  readonly language: string;
  readonly text: string;
  /** The comment right before it. */
  readonly mark: string;
}

const fenced = /(?:<!-- ([^\n]*) -->\n)?```(\w+)\n([\s\S]*?)```/g;
const executable = ['ts', 'sh', 'sql'];

/** The steps of a guide by their names, in their order. */
export function stepsOf(path: string): ReadonlyMap<string, Step> {
  const blocks = [...readFileSync(path, 'utf8').matchAll(fenced)].map(
    ([, mark = '', language = '', text = '']): Block => ({ mark, language, text }),
  );
  const steps = new Map<string, Step>();
  for (const [at, { mark, language, text }] of blocks.entries()) {
    const name = /^step: (.*)$/.exec(mark)?.[1];
    if (name === undefined) {
      if (!executable.includes(language) || mark.startsWith('not executed: ')) continue;
      throw new Error(`${path}: a block is no step, and says not why:\n${text}`);
    }
    if (steps.has(name)) throw new Error(`${path}: there are two steps '${name}'`);
    const next = blocks[at + 1];
    steps.set(name, { language, text, shows: next?.language === 'text' ? next.text : null });
  }
  return steps;
}
