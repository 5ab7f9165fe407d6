/**
 * Owns the policies of runs: one row for each distinct content, never changed and never deleted.
 *
 * P1 A policy is kept in a transaction of its own before the first run that has it, so what was
 *    seen once may be remembered. A failover may lose it: the store refuses a run whose policy is
 *    not there, which is then kept anew. A key never comes to mean another policy.
 * P2 The same key gives the same object, so that a reply with many runs carries their policy once.
 * P3 However many there are, no call forgets what it has just learned.
 */
import pg from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { RunPolicy } from '../../ports/store-runs.ts';
import type { Queries } from './queries.ts';
import { lostPolicy } from './schema/epochs.ts';

/** Policies that were used lately; as many that were used before are remembered beside them. */
const lateMax = limits.batchItemsMax;

/** P3. Remembers what was used lately. */
class Remembered<Key, Value> {
  #late = new Map<Key, Value>();
  #before = new Map<Key, Value>();

  get(key: Key): Value | undefined {
    const late = this.#late.get(key);
    if (late !== undefined) return late;
    const before = this.#before.get(key);
    if (before !== undefined) this.set(key, before);
    return before;
  }

  set(key: Key, value: Value): void {
    if (this.#late.size >= lateMax) {
      this.#before = this.#late;
      this.#late = new Map();
    }
    this.#late.set(key, value);
  }

  clear(): void {
    this.#late = new Map();
    this.#before = new Map();
  }
}

/** The policies that this process has seen. */
export class Policies {
  readonly #keys = new Remembered<string, number>();
  readonly #policies = new Remembered<number, RunPolicy>();
  readonly #texts = new WeakMap<RunPolicy, string>();
  readonly #keep: string;
  readonly #read: string;

  /** `s` is the quoted schema. */
  constructor(s: string) {
    this.#keep = `with given as (
        select * from json_to_recordset($1) as x(content text, timeout double precision,
          grace double precision)
      ), kept as (
        insert into ${s}.policies (content, attempt_timeout_ms, grace_ms)
        select content, timeout, grace from given
        where not exists (select 1 from ${s}.policies p where p.content = given.content)
        on conflict (content) do nothing returning policy, content
      ) select policy::double precision, content from kept
        union select policy::double precision, content from ${s}.policies
        where content in (select content from given)`;
    this.#read = `select policy::double precision, content from ${s}.policies
      where policy = any ($1)`;
  }

  /** Whether every one of them has a key that is known here. */
  has(policies: Iterable<RunPolicy>): boolean {
    for (const policy of policies) {
      if (this.#keys.get(this.#contentOf(policy)) === undefined) return false;
    }
    return true;
  }

  /** Makes sure that each policy has a key. */
  async keep(queries: Queries, policies: Iterable<RunPolicy>): Promise<void> {
    const fresh = new Map<string, RunPolicy>();
    for (const policy of policies) {
      const content = this.#contentOf(policy);
      if (this.#keys.get(content) === undefined) fresh.set(content, policy);
    }
    if (fresh.size === 0) return;
    const given = [...fresh].map(([content, policy]) => ({
      content,
      timeout: policy.attemptTimeoutMs,
      grace: policy.graceMs,
    }));
    // Twice at the most: somebody else may commit the same content in between.
    for (let looks = 0; looks < 2; looks += 1) {
      const rows = await queries.rows<PolicyRow>(this.#keep, [JSON.stringify(given)]);
      for (const row of rows) this.#remember(row);
      if (rows.length === fresh.size) return;
    }
    throw new HoldfastError('internal.defect', 'a policy was kept and is not there');
  }

  /** Does something with keys of policies. When one of them is lost, all are kept anew. */
  async kept<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isLostPolicy(error)) this.#keys.clear();
      throw error;
    }
  }

  /** Whether the policies of all keys are known here. */
  knows(keys: readonly number[]): boolean {
    return keys.every((key) => this.#policies.get(key) !== undefined);
  }

  /** Reads the policies of keys that are not known yet. */
  async know(queries: Queries, keys: Iterable<number>): Promise<void> {
    const unknown = [...new Set(keys)].filter((key) => this.#policies.get(key) === undefined);
    if (unknown.length === 0) return;
    for (const row of await queries.rows<PolicyRow>(this.#read, [unknown])) this.#remember(row);
  }

  /** The key of a policy that was kept. */
  key(policy: RunPolicy): number {
    const key = this.#keys.get(this.#contentOf(policy));
    if (key === undefined) throw new HoldfastError('internal.defect', 'a policy was not kept');
    return key;
  }

  /** The policy of a key that is known. */
  policy(key: number): RunPolicy {
    const policy = this.#policies.get(key);
    if (policy !== undefined) return policy;
    throw new HoldfastError('store.corrupt', `the store has lost policy ${key}`);
  }

  #remember({ policy: key, content }: PolicyRow): void {
    this.#keys.set(content, key);
    if (this.#policies.get(key) === undefined) {
      this.#policies.set(key, JSON.parse(content) as RunPolicy);
    }
  }

  #contentOf(policy: RunPolicy): string {
    let text = this.#texts.get(policy);
    if (text === undefined) {
      text = sortedText(policy);
      this.#texts.set(policy, text);
    }
    return text;
  }
}

function isLostPolicy(error: unknown): boolean {
  const cause = error instanceof HoldfastError ? error.cause : error;
  return cause instanceof pg.DatabaseError && cause.constraint === lostPolicy;
}

interface PolicyRow {
  readonly policy: number;
  readonly content: string;
}

/** The same text for the same content, in whatever order its keys stand. */
const sortedText = (policy: RunPolicy): string =>
  JSON.stringify(policy, (_, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
