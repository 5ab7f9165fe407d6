/** Owns the words between a runtime and a process that hosts VMs, each word with its VM. */
import type { VmFault, VmOrder, VmSetup, VmWord } from '../wire.ts';

/** To the process. */
export interface HostOrder {
  readonly vm: number;
  readonly order:
    | VmOrder
    | { readonly order: 'open'; readonly setup: VmSetup }
    | { readonly order: 'close' };
}

/**
 * From the process. `doomed`: it must not be used for anything new. `full`: it is over its memory,
 * and ends itself.
 */
export type HostWord =
  | { readonly vm: number; readonly word: VmWord }
  | { readonly vm: number; readonly gone: VmFault | null }
  | { readonly host: 'doomed' | 'full' };
