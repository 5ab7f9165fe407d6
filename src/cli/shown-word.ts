/**
 * Owns how a word of the command line is shown to others: the list of processes is open to
 * everybody on the machine.
 */

/** The word with `***` in place of the password of an address. */
export const withoutPassword = (word: string): string =>
  word
    .replace(/(:\/\/[^/?#:]*:).*(?=@)/, '$1***')
    .replace(/([?&](?:password|sslpassword)=)[^&]*/g, '$1***');
