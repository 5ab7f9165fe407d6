/**
 * Owns the port to chance. Everything that is decided by chance can be replayed from a seed.
 */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A new run id: unique, and sorted by time of making (UUID version 7). */
  id(): string;
}
