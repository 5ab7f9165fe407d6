/**
 * Owns the policies of runs: one row for each distinct content, never changed and never deleted.
 *
 * P1 Therefore what was committed may be remembered for good; only a roll-back makes it be
 *    forgotten.
 * P2 The same key gives the same object, so that a reply with many runs carries their policy once.
 */
import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../core/errors.ts';
import type { RunPolicy } from '../../ports/store-runs.ts';
import { query } from './statement.ts';

/** Policies that are remembered at once. */
const rememberedMax = 1_024;

/** Access to the policies. */
export interface Policies {
  readonly key: (policy: RunPolicy) => number;
  readonly policy: (key: number) => RunPolicy;
  /** Forgets everything, after a roll-back. */
  readonly forget: () => void;
}

/** Opens the table. */
export function openPolicies(db: DatabaseSync): Policies {
  const byContent = query<readonly [number]>(db, 'SELECT policy FROM policies WHERE content = ?');
  const byKey = query<readonly [string]>(db, 'SELECT content FROM policies WHERE policy = ?');
  const insert = query<readonly [number]>(
    db,
    'INSERT INTO policies (content) VALUES (?) RETURNING policy',
  );
  let keys = new WeakMap<RunPolicy, number>();
  const keysByContent = new Map<string, number>();
  const policies = new Map<number, RunPolicy>();
  const keyOf = (content: string): number => {
    let key = keysByContent.get(content);
    if (key === undefined) {
      key = (byContent.one(content) ?? insert.one(content))?.[0] ?? 0;
      if (keysByContent.size >= rememberedMax) keysByContent.clear();
      keysByContent.set(content, key);
    }
    return key;
  };
  return {
    key(policy) {
      let key = keys.get(policy);
      if (key === undefined) {
        key = keyOf(contentOf(policy));
        keys.set(policy, key);
      }
      return key;
    },
    policy(key) {
      let policy = policies.get(key);
      if (policy === undefined) {
        const row = byKey.one(key);
        if (row === undefined) {
          throw new HoldfastError('store.corrupt', `the store has lost policy ${key}`);
        }
        policy = JSON.parse(row[0]) as RunPolicy;
        if (policies.size >= rememberedMax) policies.clear();
        policies.set(key, policy);
      }
      return policy;
    },
    forget() {
      keys = new WeakMap();
      keysByContent.clear();
      policies.clear();
    },
  };
}

/** The same text for the same content, in whatever order its keys stand. */
const contentOf = (policy: RunPolicy): string =>
  JSON.stringify(policy, (_, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
