/** Owns the leaving out of what was not given: to the library, absent and undefined are not one. */

/** A value without `undefined` among its fields. */
export type Given<T extends object> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** The fields that were given. */
export const given = <T extends object>(value: T): Given<T> =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Given<T>;
