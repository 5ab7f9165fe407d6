/**
 * Scripts of both languages that say the same, and what tests need around them.
 */
import assert from 'node:assert/strict';
import {
  defineScript,
  HoldfastError,
  runScript,
  type ScriptDefinition,
  type ScriptLanguage,
  type ScriptOptions,
} from 'holdfast';

/** A script in both languages. */
export type Both = Readonly<Record<ScriptLanguage, string>>;

export const languages = ['js', 'lua'] as const;

type More = Partial<Omit<ScriptOptions, 'name' | 'language' | 'source'>>;

/** Scripts that are ended with the test. */
export class Scripts implements AsyncDisposable {
  readonly #all: ScriptDefinition[] = [];

  make(language: ScriptLanguage, source: string, more: More = {}): ScriptDefinition {
    const script = defineScript({ name: 'sample', language, source, ...more });
    this.#all.push(script);
    return script;
  }

  /** Executes a script once, and ends it. */
  async once(language: ScriptLanguage, source: string, input: unknown = null, more: More = {}) {
    const script = this.make(language, source, more);
    try {
      return await runScript(script, input).result;
    } finally {
      await script.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((script) => script.close()));
  }
}

/** The error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<HoldfastError> {
  const error = await promise.then(
    (value) => assert.fail(`it succeeded with ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HoldfastError, String(error));
  return error;
}
