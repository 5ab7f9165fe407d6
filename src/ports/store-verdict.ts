/**
 * Owns the form of the answer to one item of a batch.
 */

/** A verdict: what was done, or the stable code of why nothing was. */
export type Verdict<Done, Refusal extends string> =
  | ({ readonly ok: true } & Done)
  | { readonly ok: false; readonly code: Refusal; readonly message: string };
