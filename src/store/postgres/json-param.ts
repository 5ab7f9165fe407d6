/**
 * Owns the text of JSON parameters.
 *
 * J1 Postgres cannot keep the character NUL, nor half of a surrogate pair: in what is kept as text
 *    they become U+FFFD. Inputs, results and errors are JSON texts themselves and keep their
 *    escapes.
 */

const suspicious = /\\u(0000|d[89a-f][0-9a-f]{2})/;
const escapes = /\\(u[0-9a-f]{4}|.)/g;
const unkeepable = /^u(0000|d[89a-f][0-9a-f]{2})$/;

/** The JSON text of a value, with what cannot be kept replaced. */
export function jsonParam(value: unknown): string {
  const text = JSON.stringify(value);
  if (!suspicious.test(text)) return text;
  return text.replace(escapes, (all, code: string) => (unkeepable.test(code) ? '\\ufffd' : all));
}
