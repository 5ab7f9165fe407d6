/**
 * Owns the taking of what was given: to the library, absent and undefined are not one, and the
 * header and the field of an id are.
 */
import { HoldfastError } from '../core/errors.ts';

/** A value without `undefined` among its fields. */
export type Given<T extends object> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** The fields that were given. */
export const given = <T extends object>(value: T): Given<T> =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Given<T>;

/** The header and the field are two names for one thing. */
export function idOf(id: string | undefined, header: string | undefined): { readonly id?: string } {
  if (header === undefined) return id === undefined ? {} : { id };
  if (id === undefined || id === header) return { id: header };
  const message = "'id' and the header Idempotency-Key differ; give one of them";
  throw new HoldfastError('request.invalid', message);
}
