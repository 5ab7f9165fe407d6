import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommanderError } from 'commander';
import { recordedIo } from '../../tests/e2e/recorded-io.ts';
import { errorTable, HoldfastError } from '../core/errors.ts';
import { failureOf, showFailure, usageError } from './failure.ts';

function show(error: unknown, json = false, env = {}): { exit: number; err: string } {
  const { io, text } = recordedIo({ env });
  const exit = showFailure(io, json, error);
  assert.equal(text.out, '', 'a failure is no result');
  return { exit, err: text.err };
}

describe('a failure of a command', () => {
  it('is two lines: what with its code, and what to do; the exit code is that of the table', () => {
    const error = new HoldfastError('run.not_found', "no run 'a1'", { details: { id: 'a1' } });
    assert.deepEqual(show(error), {
      exit: errorTable['run.not_found'].exit,
      err: "holdfast: no run 'a1' [run.not_found]\n  look for it: holdfast ls\n",
    });
  });

  it('says what to do in the words of whoever threw it, when there are any', () => {
    const { err } = show(usageError('no store was given', 'name it: --store ./app.db'));
    assert.equal(
      err,
      'holdfast: no store was given [request.invalid]\n  name it: --store ./app.db\n',
    );
  });

  it('is one line of JSON for programs', () => {
    const error = new HoldfastError('run.not_found', "no run 'a1'", { details: { id: 'a1' } });
    assert.deepEqual(JSON.parse(show(error, true).err), {
      error: {
        code: 'run.not_found',
        message: "no run 'a1'",
        retry: 'never',
        advice: 'look for it: holdfast ls',
        details: { id: 'a1' },
      },
    });
  });

  it('shows no stack, but with HOLDFAST_DEBUG=1 that of the cause too', () => {
    const cause = new TypeError('the root of it');
    const error = new HoldfastError('store.unavailable', 'the store cannot be read', { cause });
    assert.doesNotMatch(show(error).err, / at |root of it/);
    assert.doesNotMatch(show(error, false, { HOLDFAST_DEBUG: '0' }).err, / at /);
    const shown = show(error, false, { HOLDFAST_DEBUG: '1' }).err;
    assert.match(shown, /\n {4}at .*failure\.test\.ts/);
    assert.match(shown, /caused by: TypeError: the root of it/);
  });

  it('is a defect when nothing is known of it', () => {
    const { exit, err } = show(new TypeError('x is not a function'));
    assert.equal(exit, 70);
    assert.match(err, /^holdfast: x is not a function \[internal\.defect\]\n {2}please report/);
    assert.equal(failureOf('a text').message, 'a text');
  });

  it('of the command line itself carries the nearest suggestion', () => {
    const text = "error: unknown command 'strat'\n(Did you mean start?)";
    const failure = failureOf(new CommanderError(1, 'commander.unknownCommand', text));
    assert.equal(failure.message, "unknown command 'strat'. Did you mean start?");
    assert.equal(failure.exit, 2);
  });

  it('cannot write control characters to the terminal', () => {
    const { err } = show(new HoldfastError('run.not_found', "no run '\u001b[2J\n'"));
    assert.match(err, /^holdfast: no run '\\u001b\[2J\\n' \[run\.not_found\]\n/);
  });
});
