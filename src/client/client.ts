/**
 * Owns the public face of a client.
 *
 * L1 Every promise of it rejects with a ClientError, or the reason of a signal that was aborted.
 * L2 What is started or emitted gets its id here if it was given none, so that it can be sent again
 *    when an answer is lost, and is still one.
 */
import type { StartHow } from '../ports/store-flow.ts';
import { webId } from '../system/web.ts';
import type { AnyApp, InputIn, NameIn, OutputIn } from './app-functions.ts';
import { type CallTerms, callBody, callWaitMs, type LiveCalls } from './calls.ts';
import { Approvals, Functions, Lanes, Nodes, Tenants } from './controls.ts';
import { DeadLetters } from './dead-letters.ts';
import { problemFailure } from './failure.ts';
import { Operations } from './operations.ts';
import { type ClientOptions, clientSettings } from './options.ts';
import { at } from './path.ts';
import { ClientRun } from './run.ts';
import { Runs } from './runs.ts';
import { type StartManyItem, type StartOptions, startBody } from './start-body.ts';
import { type CallOptions, Transport } from './transport.ts';
import type { Caller, Started } from './views.ts';

/** What follows the name in a start: the input may be left out if the function takes nothing. */
type StartArguments<Input> = undefined extends Input
  ? [input?: Input, options?: StartOptions & CallOptions]
  : [input: Input, options?: StartOptions & CallOptions];

/** How an event is named, and for whom it is. */
export interface EmitOptions extends CallOptions {
  /** Names it among the events of its tenant: sent again, it is one event. Default: a new id. */
  readonly id?: string | undefined;
  readonly tenant?: string | undefined;
}

interface Made {
  readonly id: string;
  readonly created: boolean;
}

type StartMade = Made & { readonly how: StartHow };

/** An id of ours is new: if it was there already, an answer to an earlier sending was lost. */
function startedRun<Output>(
  runs: Runs,
  { id, how }: StartMade,
  given: string | undefined,
): ClientRun<Output> {
  const ours = how === 'same-id' && given === undefined ? 'created' : how;
  return new ClientRun<Output>(runs, id, ours === 'created', ours);
}

type ManyVerdict = ({ readonly ok: true } & StartMade) | { readonly ok: false; problem: unknown };

/** A server, as those see it who ask it. Made by `createClient`. */
export class Client<App = AnyApp> {
  /** Runs that exist: look, wait, follow, cancel, try again. */
  readonly runs: Runs;
  readonly functions: Functions;
  readonly lanes: Lanes;
  readonly tenants: Tenants;
  readonly nodes: Nodes;
  /** Runs that ended badly and that nobody has dealt with. */
  readonly deadLetters: DeadLetters;
  /** Bulk actions. */
  readonly operations: Operations;
  /** Decisions that runs wait for. */
  readonly approvals: Approvals;
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    const transport = new Transport(clientSettings(options));
    this.#transport = transport;
    this.runs = new Runs(transport);
    this.functions = new Functions(transport);
    this.lanes = new Lanes(transport);
    this.tenants = new Tenants(transport);
    this.nodes = new Nodes(transport);
    this.deadLetters = new DeadLetters(transport, this.runs);
    this.operations = new Operations(transport);
    this.approvals = new Approvals(transport);
  }

  /**
   * Starts a run. Resolves when it is accepted: it will reach an outcome. Rejects with
   * `function.unknown`, `input.invalid`, `run.conflict` and what else the server refuses.
   *
   * @example
   * const run = await client.start('greet', 'Ada', { id: 'greeting-17' });
   * await run.result(); // => 'hello, Ada'
   */
  async start<Name extends NameIn<App>>(
    name: Name,
    ...rest: StartArguments<InputIn<App, Name>>
  ): Promise<ClientRun<OutputIn<App, Name>>> {
    const [input, { signal, ...options } = {}]: StartArguments<unknown> = rest;
    const to = at`/functions/${name}/runs`;
    const body = startBody(input, options);
    const made = await this.#transport.ask<StartMade>({
      ...{ method: 'POST', to, body, safe: true, signal },
    });
    return startedRun(this.runs, made, options.id);
  }

  /**
   * Starts many runs in one request, at most 10,000. Each gets its own verdict, in the same order;
   * one that is refused changes nothing of the others.
   */
  async startMany<Name extends NameIn<App>>(
    name: Name,
    items: readonly StartManyItem<InputIn<App, Name>>[],
    { signal }: CallOptions = {},
  ): Promise<readonly Started<ClientRun<OutputIn<App, Name>>>[]> {
    const to = at`/functions/${name}/runs/many`;
    const each: readonly StartManyItem<unknown>[] = items;
    const bodies = each.map(({ input, ...options }) => startBody(input, options));
    const { items: verdicts } = await this.#transport.ask<{ items: readonly ManyVerdict[] }>({
      ...{ method: 'POST', to, body: { items: bodies }, safe: true, signal },
    });
    return verdicts.map((one, index) => {
      if (!one.ok) return { ok: false, error: problemFailure(one.problem).error };
      return { ok: true, run: startedRun(this.runs, one, items[index]?.id) };
    });
  }

  /**
   * Calls a function that the server's own process hosts, and gives its result. A call is tried
   * once: when no answer comes, nobody knows whether it was executed. Rejects with `call.failed`,
   * `call.timed_out`, `call.cancelled`, `call.full` and what else the server refuses.
   *
   * @example
   * await client.call('greet', 'Ada', { timeoutMs: 500 }); // => 'hello, Ada'
   */
  async call<Name extends NameIn<App>>(
    name: Name,
    input: InputIn<App, Name>,
    { signal, ...terms }: CallTerms & CallOptions = {},
  ): Promise<OutputIn<App, Name>> {
    const to = at`/functions/${name}/call`;
    const body = callBody(input, terms);
    const ask = { method: 'POST', to, body, waitMs: callWaitMs(terms), signal } as const;
    const { result } = await this.#transport.ask<{ readonly result: OutputIn<App, Name> }>(ask);
    return result;
  }

  /** What the server's process calls right now. */
  async liveCalls({ signal }: CallOptions = {}): Promise<LiveCalls> {
    return this.#transport.ask({ to: at`/calls`, signal });
  }

  /** Tells runs that wait for it that something happened (`ctx.waitFor`), now or later. */
  async emit(
    name: string,
    data: unknown = null,
    { id, tenant, signal }: EmitOptions = {},
  ): Promise<Made> {
    const body = { name, data, tenant, id: id ?? webId() };
    const to = at`/events`;
    const made = await this.#transport.ask<Made>({ method: 'POST', to, body, safe: true, signal });
    return { id: made.id, created: id === undefined || made.created };
  }

  /** What the key of this client may do, and for which tenant. */
  async caller({ signal }: CallOptions = {}): Promise<Caller> {
    return this.#transport.ask({ to: at`/caller`, signal });
  }
}

/**
 * Makes a client of a server. It needs fetch and nothing else, and opens nothing before it is asked
 * for something. The app is given as a type only: names, inputs and results come from its
 * definitions, and none of its code goes along. Throws `request.invalid` for a wrong option.
 *
 * @example
 * import type * as app from './app.ts';
 *
 * const client = createClient<typeof app>({ url: 'http://127.0.0.1:7400' });
 * const run = await client.start('greet', 'Ada');
 * await run.result(); // => 'hello, Ada'
 */
export function createClient<App = AnyApp>(options: ClientOptions): Client<App> {
  return new Client<App>(options);
}
