/**
 * Owns what the durable part of an attempt asks of whoever executes it.
 */
import type { ClaimedRun, EndOfAttempt } from '../../ports/store-runs.ts';
import type { HostedCode } from '../hosted.ts';
import type { Recorder } from './recorder.ts';

/** Whoever executes the attempt. */
export interface DurableHost {
  readonly run: ClaimedRun;
  readonly recorder: Recorder;
  /** The version of the code. */
  readonly version: string;
  /** The trace that its steps belong to. */
  readonly trace: string | null;
  /** What a signal of a name is checked by; undefined: the function takes none of that name. */
  readonly code: Pick<HostedCode, 'signals'>;
  /** As in `LineHost`. */
  stateKept(): Promise<void> | null;
  /** Its code has got everything that is kept. True: it was told to stop for that. */
  caughtUp(): boolean;
  /** Ends the attempt now, and forgets its code. Null: as it was told to stop. */
  leave(end: EndOfAttempt | null): void;
}
