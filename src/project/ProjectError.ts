/**
 * What can be wrong with the project folder or what was said about it, always before anything is run. The message names
 * the place, shows the line and says what to do. It never shows a value that may be secret: passwords of URIs and the
 * values of keys that sound secret are masked, values of an environment file are not shown at all.
 */
import * as Schema from "effect/Schema"

export class ProjectError extends Schema.TaggedError<ProjectError>("flujo/project/ProjectError")("ProjectError", {
  /**
   * `NoProject`: a project is needed and there is none. `NotFound`, `NotAFolder`, `NotAFile`, `Unreadable`: what is on
   * disk. `TooLarge`, `NotText`: a file that was not read as text. `Syntax`: neither TOML nor an environment file.
   * `UnknownKey`, `MisplacedKey`, `BadValue`: what `flujo.toml`, a variable or a flag says. `BadStateUri`: where the
   * state should be. `Outside`: a file that must be inside the project and is not.
   */
  reason: Schema.Literal(
    "NoProject",
    "NotFound",
    "NotAFolder",
    "NotAFile",
    "Unreadable",
    "TooLarge",
    "NotText",
    "Syntax",
    "UnknownKey",
    "MisplacedKey",
    "BadValue",
    "BadStateUri",
    "Outside"
  ),
  /** What is wrong, in one sentence without a full stop. */
  detail: Schema.String,
  /** What to do about it, likewise. */
  hint: Schema.optional(Schema.String),
  file: Schema.optional(Schema.String),
  /** Lines and columns count from 1. */
  line: Schema.optional(Schema.Int),
  column: Schema.optional(Schema.Int),
  /** The lines around the place, masked. */
  frame: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const place = [this.file, this.line, this.column].filter((part) => part !== undefined).join(":")
    return [
      place === "" ? this.detail : `${place}: ${this.detail}`,
      ...(this.frame === undefined ? [] : [this.frame]),
      ...(this.hint === undefined ? [] : [`hint: ${this.hint}`])
    ].join("\n")
  }
}

/** A place in a text; both count from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

const widthMax = 120

/** The line of `place` in `text` with the ones before and after it, and a mark below the column. */
export const frame = (text: string, place: Place): string => {
  const lines = text.split(/\r\n|\r|\n/)
  const last = Math.min(place.line + 1, lines.length)
  const width = String(last).length
  const out: Array<string> = []
  for (let line = Math.max(1, place.line - 1); line <= last; line++) {
    const shown = masked(lines[line - 1] ?? "")
    if (line !== place.line && shown.trim() === "") continue
    out.push(`  ${String(line).padStart(width)} | ${shown}`.trimEnd())
    if (line === place.line && place.column <= shown.length + 1) {
      out.push(`  ${" ".repeat(width)} | ${" ".repeat(place.column - 1)}^`)
    }
  }
  return out.join("\n")
}

/** `name` in quotes, short and without characters that a terminal would act on. */
export const quoted = (name: string): string => {
  const short = name.length > 60 ? `${name.slice(0, 59)}…` : name
  return `"${short.replace(unsafe, "�").replaceAll('"', '\\"')}"`
}

/**
 * Hides everything before the last `@` but a key and a scheme: what stands there may be a password, also where the text
 * is not the URI it was meant to be.
 */
export const maskUri = (text: string): string =>
  text.replace(/^((?:\s*[\w.-]+\s*=\s*["']{0,3})?(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/)?).*@/s, "$1***@")

/** Control characters, and what reorders or hides text (https://trojansource.codes). */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

const secretKey = /^(\s*[\w.\-"' ]*(?:key|token|secret|passw|passphrase|credential|auth|private)[\w.\-"' ]*=\s*)\S.*$/i

const masked = (line: string): string => {
  const safe = maskUri(line.replaceAll("\t", " ").replace(unsafe, "�")).replace(secretKey, "$1***")
  return safe.length > widthMax ? `${safe.slice(0, widthMax)}…` : safe
}
