/**
 * Owns the words between a runtime and a VM that lives in a thread or process of its own.
 *
 * W1 Values of scripts travel as JSON text and as nothing else: no object of the one side is ever
 *    reached from the other.
 * W2 A VM executes one call at a time. Words about an earlier call are dropped.
 * W3 Whatever comes out of a VM is judged again by the runtime: its bounds do not depend on the
 *    good will of the code that they bound.
 * W4 Texts are measured before they leave a VM: the memory of the runtime is not what bounds them.
 */
import type { ScriptLimits } from './limits.ts';

/** A script as it is handed to a VM. */
export interface VmSetup {
  /** For messages and stacks: the name of the function, with the ending of the language. */
  readonly file: string;
  readonly source: string;
  readonly limits: ScriptLimits;
  readonly grants: readonly { readonly name: string; readonly sync: boolean }[];
  /** The package that executes the language. */
  readonly engine: string;
}

/** To the VM. */
export type VmOrder =
  | { readonly order: 'run'; readonly call: number; readonly input: string }
  | {
      readonly order: 'answer';
      readonly call: number;
      readonly ask: number;
      readonly ok: boolean;
      /** What the grant gave as JSON, or why it failed. */
      readonly text: string;
    };

/** What went wrong, as the VM tells it. Texts come from the script and are cut. */
export interface VmFault {
  readonly kind:
    | 'unavailable'
    | 'invalid'
    | 'threw'
    | 'unreadable'
    | 'time'
    | 'memory'
    | 'outputValues'
    | 'outputBytes'
    | 'grantCalls'
    | 'lost';
  readonly message: string;
  /** Of the error that was thrown. */
  readonly name?: string | undefined;
  readonly line?: number | undefined;
  readonly stack?: string | undefined;
}

/** From the VM. */
export type VmWord =
  | { readonly word: 'ready' }
  | { readonly word: 'refused'; readonly fault: VmFault }
  /** The script executes from now on: its time begins. */
  | { readonly word: 'began'; readonly call: number }
  | { readonly word: 'value'; readonly call: number; readonly text: string }
  | {
      readonly word: 'ask';
      readonly call: number;
      readonly ask: number;
      readonly grant: string;
      readonly text: string;
    }
  /** `text` null: the script returned nothing. */
  | { readonly word: 'done'; readonly call: number; readonly text: string | null }
  /** `clean`: nothing of the call is left in the VM. */
  | {
      readonly word: 'failed';
      readonly call: number;
      readonly fault: VmFault;
      readonly clean: boolean;
    };

/** The way to one VM. */
export interface VmLink {
  post(order: VmOrder): void;
  /** Whoever listens gets every word that has come, and comes. */
  listen(hear: (word: VmWord) => void): void;
  /** Settles when the VM is no more, with what killed it as far as that is known. */
  readonly gone: Promise<VmFault | null>;
  /** Ends the VM, whatever it does. Safe to call again. */
  kill(): void;
  /** Whether somebody waits for it: only then it keeps the process alive. */
  hold(waiting: boolean): void;
}

/** Asks of one call that may be unanswered at a time; a script that asks for more waits. */
export const asksOpenMax = 16;

/** Characters kept of what a script says of its errors. */
export const faultCharsMax = 4_096;
