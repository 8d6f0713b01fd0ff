/** Words for a POSIX shell, so that a command that is shown can be copied. */

/** `word` as one word, in quotes where the shell would read something else. */
export const shellQuoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
