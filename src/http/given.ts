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

/** An id that can stand in a path: two cannot, since every platform takes them for folders. */
export function checkAddressable(id: string): string {
  if (id !== '.' && id !== '..') return id;
  const message = `the id is '${id}', which no path over HTTP can hold; choose another`;
  throw new HoldfastError('key.invalid', message, { details: { name: 'id' } });
}

/** The header and the field are two names for one thing. */
export function idOf(id: string | undefined, header: string | undefined): { readonly id?: string } {
  if (header === undefined) return id === undefined ? {} : { id: checkAddressable(id) };
  if (id === undefined || id === header) return { id: checkAddressable(header) };
  const message = "'id' and the header Idempotency-Key differ; give one of them";
  throw new HoldfastError('request.invalid', message);
}

/** Refuses a key where doing it twice is two: what is ignored in silence promises too much. */
export function refuseIdempotencyKey(header: string | undefined, todo: string): void {
  if (header === undefined) return;
  throw new HoldfastError('request.invalid', `Idempotency-Key means nothing here; ${todo}`, {
    details: { name: 'Idempotency-Key' },
  });
}
