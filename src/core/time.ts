/**
 * Owns the two kinds of time. They are branded so that they cannot be swapped by accident.
 *
 * T1 `WallMs` is a stamp for people and for due times; it may step backwards or forwards.
 * T2 `MonoMs` only ever grows on one host since its boot; every lease and deadline is judged by it.
 */

/** Milliseconds since the Unix epoch, as the wall clock says it. */
export type WallMs = number & { readonly __wall: true };

/** Milliseconds on a clock that never steps; comparable between processes of one boot only. */
export type MonoMs = number & { readonly __mono: true };

/** Marks a number as wall time. */
export const wallMs = (value: number): WallMs => value as WallMs;

/** Marks a number as monotonic time. */
export const monoMs = (value: number): MonoMs => value as MonoMs;

/** Wall time moved by a number of milliseconds. */
export const wallPlus = (at: WallMs, ms: number): WallMs => (at + ms) as WallMs;

/** Monotonic time moved by a number of milliseconds. */
export const monoPlus = (at: MonoMs, ms: number): MonoMs => (at + ms) as MonoMs;
