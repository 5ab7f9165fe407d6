/**
 * Owns what a script is to whoever defines it: a function whose code is a text that nobody trusts.
 *
 * S1 A script is an ordinary function to everything else: started, retried, cancelled, and told by
 *    its name. What it emits are parts of its run, a text as a text and any other value as JSON; of
 *    a call, which has no parts, it is the progress.
 * S2 It reaches what its grants give and nothing else.
 * S3 A script takes no signals: it has no way to wait for one.
 * S4 A definition is checked when it is made. Whether the source compiles shows when it is first
 *    executed, because that takes the engine of its language.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkKey, checkOptions, checkWord, invalid } from './core/check.ts';
import { limits } from './core/limits.ts';
import {
  defineFunction,
  type FunctionDefinition,
  type FunctionTerms,
  partsOf,
} from './define-function.ts';
import type { RunContext } from './engine/run-context.ts';
import { type PoolFigures, resourceOf, withResource } from './ports/sandbox.ts';
import { type Grants, grantsOf } from './runtime/scripts/grants.ts';
import {
  type Replaced,
  ScriptHost,
  type ScriptLanguage,
  scriptEngines,
} from './runtime/scripts/script-host.ts';
import { type PoolOptions, poolTermsOf, type StaticDefaults } from './sandbox/pool/terms.ts';
import { type ScriptLimits, scriptLimitsOf } from './sandbox/vm/limits.ts';

/** The options of `defineScript`. */
export interface ScriptOptions<Input = unknown> extends Omit<FunctionTerms<Input>, 'signals'> {
  /** `js`: the body of an async function; `lua`: a chunk of Lua 5.4. */
  readonly language: ScriptLanguage;
  /** The text, at most 1 MiB. */
  readonly source: string;
  /** Any Standard Schema that the input has to fit. */
  readonly input?: StandardSchemaV1 | undefined;
  /** Functions of yours that the script may call. Default: none. */
  readonly grants?: Grants;
  /** What one call may use of the machine. */
  readonly limits?: Partial<ScriptLimits>;
  /** Its VMs. Default: made when needed, at most 16. */
  readonly pool?: PoolOptions;
}

/** A script: a function, and what can be done with its source and its VMs. */
export interface ScriptDefinition<Name extends string = string, Input = unknown>
  extends FunctionDefinition<Name, Input, unknown> {
  readonly language: ScriptLanguage;
  /** The SHA-256 of the source that serves. */
  readonly hash: string;
  /** What its VMs do right now, and have done. */
  readonly figures: PoolFigures;
  /**
   * Serves another source from now on, without a call failing: what is under way ends on the old
   * one. Rejects with `script.invalid` if it does not compile; the old one serves on then. It
   * changes this process; others replace theirs.
   */
  replace(source: string): Promise<Replaced>;
  /** Lets what runs end, and ends its VMs. A runtime that hosts it does so when it is closed. */
  close(): Promise<void>;
}

/** Lua VMs are small and quick to make. */
const luaStatic: StaticDefaults = { workers: 8, waitingEach: 64 };

const own = ['language', 'source', 'grants', 'limits', 'pool'];
const functionTerms = [
  ...['name', 'version', 'input', 'lane', 'laneWidth', 'tenant', 'priority', 'tags', 'retry'],
  ...['onCrash', 'crashesMax', 'timeouts', 'concurrency', 'flow', 'call', 'signals'],
];

/**
 * Defines a function whose code is a script, executed in a VM without access to anything but its
 * grants, and within its limits. Throws `request.invalid` and `key.invalid` for wrong options.
 *
 * @example
 * const total = defineScript({
 *   name: 'total',
 *   language: 'lua',
 *   source: 'local sum = 0; for _, n in ipairs(input) do sum = sum + n end; return sum',
 * });
 * total.name; // => 'total'
 */
export function defineScript<const Name extends string, Input = unknown>(
  options: ScriptOptions<Input> & { readonly name: Name },
): ScriptDefinition<Name, Input> {
  checkOptions('defineScript', options, [...functionTerms, ...own]);
  const { language, source, grants, limits: given, pool, ...terms } = options;
  const name = checkKey('the function name', options.name, limits.keyCharsMax);
  checkWord(`language of '${name}'`, language, ['js', 'lua']);
  const allowed = grantsOf(name, grants);
  const host = new ScriptHost({
    language,
    grants: allowed,
    pool: poolTermsOf(name, pool, language === 'lua' ? luaStatic : undefined),
    tenant: typeof terms.tenant === 'string' ? terms.tenant : 'default',
    setup: {
      file: fileOf(name, language),
      source: checkSource(name, source),
      limits: scriptLimitsOf(name, given),
      grants: [...allowed].map(([grant, { sync = false }]) => ({ name: grant, sync })),
      engine: scriptEngines[language],
    },
  });
  const run = withResource(
    (input: unknown, { tenant, signal, emit, progress, call }: RunContext) => {
      const onValue = call === null ? (value: unknown) => void emit(partOf(value)) : progress;
      return host.run({ input, tenant, signal, onValue });
    },
    host,
  );
  const definition = defineFunction({ ...(terms as FunctionTerms<unknown>), name, run });
  return Object.defineProperties(definition as FunctionDefinition<Name, Input, unknown>, {
    language: { value: language, enumerable: true },
    hash: { get: () => host.hash, enumerable: true },
    figures: { get: () => host.figures },
    replace: { value: (next: string) => host.replace(checkSource(name, next)) },
    close: { value: () => host.close() },
  }) as ScriptDefinition<Name, Input>;
}

/** The script behind a definition; throws `request.invalid` for any other value. */
export function scriptHostOf(script: unknown): ScriptHost {
  const host = resourceOf(partsOf(script)?.run);
  if (host instanceof ScriptHost) return host;
  throw invalid('the script', script, 'give what defineScript() returned');
}

/** S1 */
const partOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

/** How messages and stacks call it. */
function fileOf(name: string, language: ScriptLanguage): string {
  const plain = name.replaceAll(/[^\w./-]/g, '_');
  return plain.endsWith(`.${language}`) ? plain : `${plain}.${language}`;
}

function checkSource(name: string, source: unknown): string {
  const what = `source of '${name}'`;
  if (typeof source !== 'string') throw invalid(what, source, 'it must be a text');
  const { scriptSourceBytesMax } = limits;
  const bytes = Buffer.byteLength(source);
  if (bytes <= scriptSourceBytesMax) return source;
  throw invalid(what, '(cut)', `it has ${bytes} bytes and ${scriptSourceBytesMax} are allowed`);
}
