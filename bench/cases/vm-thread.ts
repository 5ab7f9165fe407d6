/** The module that threads execute: ours, and piscina's. */
export const run = (input: unknown): unknown => input;
