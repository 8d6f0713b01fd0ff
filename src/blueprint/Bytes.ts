/** The bytes of a file as text that may be read: in size, in UTF-8 and without characters that cannot be seen. */
import * as Either from "effect/Either"
import * as Diagnostics from "./Diagnostics.js"
import * as Source from "./Source.js"

export type Given =
  | { readonly path: string; readonly bytes: Uint8Array }
  /** Text that is known to be text, such as that of a test or an editor. */
  | { readonly path: string; readonly text: string }

export const bytesMax = 1024 * 1024
export const linesMax = 50_000

export const read = (given: Given): Either.Either<Source.Source, ReadonlyArray<Diagnostics.Diagnostic>> => {
  const { path } = given
  const size = "bytes" in given ? given.bytes.length : given.text.length
  if (size > bytesMax) {
    return refuse(Source.make(path, ""), "FLJ-BLUEPRINT-3", 0, 0, `the file has ${size} bytes`, "at most 1 MiB")
  }
  let text: string
  if ("bytes" in given) {
    const decoded = utf8(given.bytes)
    if (Either.isLeft(decoded)) {
      const { before, byte } = decoded.left
      const source = Source.make(path, `${before}\ufffd`)
      const hex = byte.toString(16).padStart(2, "0")
      return refuse(
        source,
        "FLJ-BLUEPRINT-1",
        before.length,
        before.length + 1,
        `the byte 0x${hex} is no character in UTF-8 here`,
        byte === 0xff || byte === 0xfe ? "this looks like UTF-16: save the file as UTF-8" : "save the file as UTF-8"
      )
    }
    text = decoded.right
  } else text = given.text
  // A byte order mark is no part of the text, so that the first column is the first.
  if (text.startsWith("\ufeff")) text = text.slice(1)
  const source = Source.make(path, text)
  if (!text.isWellFormed()) {
    const fixed = text.toWellFormed()
    let at = 0
    while (text.charCodeAt(at) === fixed.charCodeAt(at)) at++
    return refuse(source, "FLJ-BLUEPRINT-1", at, at + 1, "half a character stands here (a lone surrogate)", undefined)
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  const control = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]|\r(?!\n)/.exec(text)
  if (control !== null) {
    const code = control[0].charCodeAt(0)
    const name = code === 0 ? "NUL" : code === 13 ? "a lone carriage return" : "a control character"
    return refuse(
      source,
      "FLJ-BLUEPRINT-2",
      control.index,
      control.index + 1,
      `${name} (U+${code.toString(16).toUpperCase().padStart(4, "0")}) stands here`,
      code === 0 ? "is this a text file?" : "remove it"
    )
  }
  if (source.lineStarts.length > linesMax) {
    const at = source.lineStarts[linesMax]!
    return refuse(
      source,
      "FLJ-BLUEPRINT-3",
      at,
      at,
      `the file has ${source.lineStarts.length} lines`,
      `at most ${linesMax}`
    )
  }
  return Either.right(source)
}

const refuse = (
  source: Source.Source,
  code: "FLJ-BLUEPRINT-1" | "FLJ-BLUEPRINT-2" | "FLJ-BLUEPRINT-3",
  start: number,
  end: number,
  message: string,
  hint: string | undefined
) => {
  const report = new Diagnostics.Report(source)
  report.add(code, { start, end }, message, { hint })
  return Either.left(report.found)
}

/** The text, or what came before the first byte at fault. */
const utf8 = (bytes: Uint8Array): Either.Either<string, { readonly before: string; readonly byte: number }> => {
  const whole = decode(bytes)
  if (whole !== undefined) return Either.right(whole)
  // The longest beginning that decodes ends where the fault begins.
  let low = 0
  let high = bytes.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (isBeginning(bytes, middle)) low = middle
    else high = middle
  }
  // What is left over of a character that was begun belongs to the fault.
  let end = low
  while (end > 0 && decode(bytes.subarray(0, end)) === undefined) end--
  return Either.left({ before: (decode(bytes.subarray(0, end)) ?? "").replace(/^\ufeff/, ""), byte: bytes[end] ?? 0 })
}

const isBeginning = (bytes: Uint8Array, end: number): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end), { stream: true })
    return true
  } catch {
    return false
  }
}

const decode = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
