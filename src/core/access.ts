/**
 * Owns what an access key may do: scopes, and which of them include which.
 *
 * A1 The scopes are a ladder: each includes those before it. So "may it?" is one comparison, and a
 *    key cannot hold a set of rights that nobody thought of.
 */

/** The rungs, the least first. The words are a stored format. */
export const keyScopes = ['read', 'start', 'operate', 'admin'] as const;

/**
 * `read`: look at runs and what is around them. `start`: start runs. `operate`: cancel, retry,
 * pause, resume, in bulk too. `admin`: set the terms of tenants.
 */
export type KeyScope = (typeof keyScopes)[number];

/** Whether a key of one scope may do what another asks for (A1). */
export const includesScope = (held: KeyScope, asked: KeyScope): boolean =>
  keyScopes.indexOf(held) >= keyScopes.indexOf(asked);
