/**
 * What the compiler knows of an app behind a client, and that what it says of answers has the
 * fields of the schemas. `tsc` checks the assertions; running the file shows that it holds
 * together.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FunctionDefinition } from 'holdfast';
import {
  type Caller,
  type Client,
  type ClientRun,
  createClient,
  type Explained,
  type LogPage,
  type NameIn,
  type NodeView,
  type Operation,
  type Run,
  type RunPage,
  type RunStep,
  type RunSummary,
} from 'holdfast/client';
import type { z } from 'zod';
import type * as s from '../../src/http/schemas.ts';
import type * as app from './app.ts';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for `true`. */
function holds<Claim extends true>(claim: Claim): void {
  assert.equal(claim, true);
}

/** An app module may export more than functions. */
type App = typeof app & {
  readonly helper: (name: string) => string;
  readonly version: number;
  readonly words: readonly string[];
};

const url = 'http://127.0.0.1:1';

/** The fields of what a schema lets through. */
type FieldsOf<Schema extends z.ZodType> = keyof z.output<Schema>;
type ItemOf<List> = List extends readonly (infer One)[] ? One : never;

describe('a client of an app', () => {
  it('knows its functions wherever they are exported, and nothing else', () => {
    holds<Same<NameIn<App>, 'greet' | 'speak' | 'order.ship' | 'tick' | 'fail'>>(true);
    holds<Same<NameIn<(typeof app)['rest']>, 'tick' | 'fail'>>(true);
    holds<Same<NameIn<(typeof app)['shop']>, 'order.ship'>>(true);
  });

  it('knows what they take and give', () => {
    const use = async (client: Client<App>) => {
      const greeting = await client.start('greet', 'Ada');
      holds<Same<typeof greeting, ClientRun<string>>>(true);
      const order = await client.start('order.ship', { order: 1, at: '5' }, { delayMs: 5 });
      const shipped = await order.result({ timeoutMs: 5 });
      holds<Same<typeof shipped, { order: number; at: number; shipped: boolean }>>(true);
      const tick = await client.start('tick');
      holds<Same<typeof tick, ClientRun<number>>>(true);
      const many = await client.startMany('greet', [{ input: 'Ada', id: 'a' }]);
      const [one] = many;
      if (one?.ok) holds<Same<typeof one.run, ClientRun<string>>>(true);
      // @ts-expect-error No function has this name.
      await client.start('greets', 'Ada');
      // @ts-expect-error The helper is no function of the app.
      await client.start('helper', 'Ada');
      // @ts-expect-error The input is text.
      await client.start('greet', 5);
      // @ts-expect-error The input is missing.
      await client.start('greet');
      // @ts-expect-error Callers give what the schema takes, not what it makes of it.
      await client.start('order.ship', { order: 1, at: 5 });
      // @ts-expect-error No such option.
      await client.start('greet', 'Ada', { delay: 5 });
      // @ts-expect-error A transaction does not go over HTTP.
      await client.start('greet', 'Ada', { tx: null });
      // @ts-expect-error The input is text.
      await client.startMany('greet', [{ input: 5 }]);
    };
    assert.equal(typeof use, 'function');
  });

  it('takes any name and input where nothing is known of the app', () => {
    const use = async () => {
      const client = createClient({ url });
      const run = await client.start('anything', { at: 'all' });
      holds<Same<typeof run, ClientRun<unknown>>>(true);
      await client.start('anything');
    };
    assert.equal(typeof use, 'function');
  });

  it('takes definitions in a record that was written for it', () => {
    interface Shop {
      readonly ship: FunctionDefinition<'order.ship', { order: number }, boolean>;
    }
    const use = async (client: Client<Shop>) => {
      const run = await client.start('order.ship', { order: 1 });
      holds<Same<typeof run, ClientRun<boolean>>>(true);
    };
    assert.equal(typeof use, 'function');
  });
});

describe('the views of a client', () => {
  it('have the fields that the schemas send', () => {
    holds<Same<keyof Run, FieldsOf<typeof s.run>>>(true);
    holds<Same<keyof RunPage, FieldsOf<typeof s.runPage>>>(true);
    holds<Same<keyof RunSummary, keyof ItemOf<z.output<typeof s.runPage>['runs']>>>(true);
    holds<Same<keyof LogPage, FieldsOf<typeof s.logPage>>>(true);
    holds<Same<keyof RunStep, keyof ItemOf<z.output<typeof s.stepPage>['steps']>>>(true);
    holds<Same<keyof Explained, FieldsOf<typeof s.explained>>>(true);
    holds<Same<keyof Explained['facts'], keyof z.output<typeof s.explained>['facts']>>(true);
    holds<Same<keyof NodeView, keyof ItemOf<z.output<typeof s.nodeList>['nodes']>>>(true);
    holds<Same<keyof Operation, FieldsOf<typeof s.operation>>>(true);
    holds<Same<keyof Caller, FieldsOf<typeof s.whoami>>>(true);
  });
});
