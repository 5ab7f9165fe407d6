/**
 * Owns what a runtime knows of code that executes outside of its own thread: that it has VMs or
 * threads, which are made before they are needed and ended when nobody needs them any more.
 *
 * S1 A handler carries its resource with it: whoever executes the handler holds the resource
 *    meanwhile. Without a holder it works as well, and is ended by whoever made it.
 */

/** What a pool of VMs or threads does right now, and has done. */
export interface PoolFigures {
  /** VMs that are there or being made. */
  readonly live: number;
  readonly busy: number;
  /** Calls that wait for a VM. */
  readonly waiting: number;
  readonly created: number;
  /** VMs that were ended: not clean, idle for long, or of another tenant. */
  readonly discarded: number;
  /** Of these, VMs that a call left unclean, or that died by themselves. */
  readonly poisoned: number;
}

/** VMs or threads behind a handler. */
export interface HeldResource {
  readonly figures: PoolFigures;
  /** Somebody will need it. Returns at once. */
  hold(): void;
  /** The opposite of `hold`. After the last one it ends what it has. */
  release(): Promise<void>;
}

const resourceKey: unique symbol = Symbol.for('holdfast.resource');

/** A handler with its resource. */
export const withResource = <Run extends (...args: never[]) => unknown>(
  run: Run,
  resource: HeldResource,
): Run => Object.assign(run, { [resourceKey]: resource });

/** The resource of a handler, or null. */
export function resourceOf(run: unknown): HeldResource | null {
  if (typeof run !== 'function' || !(resourceKey in run)) return null;
  return run[resourceKey] as HeldResource;
}
