/**
 * Owns how the name of a schema stands in statements.
 */

/** The name in quotes. Its characters were checked when the address was understood. */
export const quoted = (schema: string): string => `"${schema}"`;
