/**
 * What tests of mistakes share: a log that is kept, and a look at everything that came out for
 * passwords. An address is given by whoever runs a program; its errors and logs are read by many.
 */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { errorTable, HoldfastError, type Log } from 'holdfast';

/** Everything that was said, and the passwords that must be nowhere in it. */
export class Secretive {
  readonly #secrets: readonly string[];
  readonly #said: string[] = [];
  readonly log: Log = {
    log: (level, message, fields) => this.hear(level, message, fields),
  };

  /** Secrets are also looked for as they stand in a URL. */
  constructor(...secrets: readonly string[]) {
    this.#secrets = secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]);
  }

  hear(...words: readonly unknown[]): void {
    for (const word of words) {
      const options = { depth: 20, showHidden: true, maxStringLength: null, breakLength: 80 };
      this.#said.push(typeof word === 'string' ? word : inspect(word, options));
    }
  }

  /** The error of a call, which must be one of ours, with this code. */
  async refusal(code: string, words: RegExp, call: Promise<unknown>): Promise<HoldfastError> {
    const error = await call.then(
      () => assert.fail(`no error, but expected ${code}`),
      (caught: unknown) => caught,
    );
    this.hear(error);
    assert.ok(error instanceof HoldfastError, inspect(error));
    assert.equal(error.code, code, inspect(error));
    assert.match(error.message, words);
    assert.ok(error.code in errorTable);
    this.isKept();
    return error;
  }

  /** Nothing that was heard holds a secret. */
  isKept(): void {
    for (const said of this.#said) {
      for (const secret of this.#secrets) {
        assert.ok(!said.includes(secret), `a password is in: ${said.replaceAll(secret, '***')}`);
      }
    }
  }
}
