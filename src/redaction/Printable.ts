/**
 * Foreign text made safe to show on a terminal: whatever would move the cursor, colour, ring, overwrite, hide or reorder
 * what is read is written as an escape (`\x1b`, `\u202e`). Line feeds and tabs stay. What is answered is unchanged by a
 * second pass. Bidirectional controls: https://trojansource.codes (CVE-2021-42574).
 */

// C0 without tab and line feed, DEL and C1; soft hyphen; bidi marks, embeddings, overrides and isolates; line and
// paragraph separators; byte order mark, interlinear annotation; tag characters; lone surrogates.
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is what this is for.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu

const escapeCharacter = (character: string): string => {
  const code = character.codePointAt(0)!
  if (code === 0x0d) return "\\r"
  const digits = code.toString(16)
  if (code <= 0xff) return `\\x${digits.padStart(2, "0")}`
  return code <= 0xffff ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`
}

/** `text` with every control and bidirectional character escaped, except `\n` and `\t`. */
export const printable = (text: string): string => text.replace(unsafe, escapeCharacter)

/** `text` on one line of at most `lengthMax` characters, ending in `…` where something was left out. */
export const excerpt = (text: string, lengthMax: number): string => {
  // Escapes only lengthen, so no more than this can be shown; a huge text is not walked.
  const head = text.slice(0, lengthMax * 4)
  const line = printable(head.replace(/\s+/g, " ").trim())
  const whole = head.length === text.length && line.length <= lengthMax
  return whole ? line : `${line.slice(0, Math.max(0, lengthMax - 1)).replace(/[\ud800-\udbff]$/, "")}…`
}
