/**
 * Owns the fence: the number that names the current ownership of a run.
 *
 * F1 A run starts with fence 0 and every change of owner gives a greater one.
 * F2 Every write of an owner names its fence; a fence that is not the current one changes nothing.
 */

/** Names one ownership of one run. Hand it to outside systems to refuse late writes there too. */
export type Fence = number & { readonly __fence: true };

/** The fence of a run that nobody has owned yet. */
export const fenceNone = 0 as Fence;

/** Marks a stored number as a fence. */
export const fenceOf = (value: number): Fence => value as Fence;

/** The fence of the next owner. */
export const fenceNext = (fence: Fence): Fence => (fence + 1) as Fence;

/** Whether a write that names `given` may change a run whose ownership is `current`. */
export const fenceHolds = (current: Fence, given: Fence): boolean => current === given;
