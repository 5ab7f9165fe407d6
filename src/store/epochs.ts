/**
 * Owns the numbers that are never given out again, not even after commits were lost: fences, and
 * the keys of nodes, runs and policies. The database of the simulation and the Postgres store keep
 * the rule alike.
 *
 * N1 Whatever may have lost commits begins an epoch. What is given out in it is greater than all
 *    from before.
 * N2 What stands in a row stays: an owner from before a failover that lost nothing is one still.
 * N3 The floor of an epoch is `epoch * numbersPerEpoch`. An epoch is named by the second in which
 *    it began, so that less than so many of a kind in a second lie below the next floor. With 32
 *    bits for the second and 21 for the number it is an exact number of JavaScript until 2106.
 */

/** More than are ever given out in a second, and in an epoch that a clock behind has named. */
export const numbersPerEpoch = 2 ** 21;

/** The last epoch that a clock may name; what is left is for those that are counted on. */
export const epochMax = 2 ** 32 - 2 ** 24;

/** The greatest number that may have been given out before this epoch. */
export const floorOf = (epoch: number): number => epoch * numbersPerEpoch;
