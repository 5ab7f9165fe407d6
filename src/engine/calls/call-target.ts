/**
 * Owns what calls need to know of a function.
 */
import type { Gate } from '../../core/call/gate.ts';
import type { CallTerms } from '../../core/call/terms.ts';
import type { HostedCode } from '../hosted.ts';
import type { CallRate } from './call-rate.ts';

/** What a caller may say instead of the definition. */
export interface PlaceWords {
  readonly lane?: string | null | { readonly key: string; readonly width: number };
  readonly tenant?: string;
  readonly priority?: number;
}

/** Where a call stands in line. */
export interface CallPlace {
  readonly lane: string | null;
  readonly laneWidth: number;
  readonly tenant: string;
  readonly prioritySeconds: number;
}

/** A function that can be called. */
export interface CallTarget {
  readonly name: string;
  readonly version: string;
  readonly terms: CallTerms;
  /** What agents on stdio are told. */
  readonly help: string;
  readonly tags: string;
  /** How many execute at once here; null: any number. */
  readonly gate: Gate | null;
  /** How often a tenant may call it; null: as often as it likes. */
  readonly rate: CallRate | null;
  readonly read: HostedCode['read'];
  readonly run: HostedCode['run'];
  /** Throws `key.invalid` and `request.invalid`. */
  placeOf(input: unknown, words: PlaceWords, prefix: string | null): CallPlace;
}
