/** Where loading a file failed, told from what was thrown. */
import { CodeError } from "./CodeError.js"

interface Told {
  /** Absolute. */
  readonly file: string
  readonly line: number | undefined
  readonly column: number | undefined
  readonly detail: string
  readonly hint: string | undefined
}

const detailMax = 300

/** `isOurs`: whether a file, by its absolute path, is code of the project. `textOf`: what such a file holds. */
export const told = (
  thrown: unknown,
  file: string,
  isOurs: (file: string) => boolean,
  textOf: (file: string) => string | undefined
): Told => {
  const message = messageOf(thrown)
  const parse = /^(?:ParseError|SyntaxError): ([^\n]*?)\s*\n\s*(\S[^\n]*):(\d+):(\d+)/.exec(message)
  if (parse !== null) {
    const [, what = "", where = file, line, column] = parse
    // Babel counts columns from 0.
    return { file: where, line: Number(line), column: Number(column) + 1, detail: bounded(what), hint: undefined }
  }
  const missing = /^Cannot find (?:module|package) '([^']+)'/.exec(message)?.[1]
  if (missing !== undefined) {
    const from = importerOf(thrown, message) ?? file
    const place = placeOf(textOf(from) ?? "", missing)
    const isPackage = !/^[./]/.test(missing)
    const name = missing
      .split("/")
      .slice(0, missing.startsWith("@") ? 2 : 1)
      .join("/")
    return {
      file: from,
      ...place,
      detail: isPackage ? `the package ${bounded(missing)} is not installed` : `there is no module ${bounded(missing)}`,
      hint: isPackage && name !== "flujo" ? `npm install ${bounded(name)}` : undefined
    }
  }
  const frame = framesOf(thrown).find((one) => isOurs(one.file))
  return {
    file: frame?.file ?? file,
    line: frame?.line,
    column: frame?.column,
    detail: `it throws when it is loaded: ${bounded(message === "" ? "nothing was said" : message)}`,
    hint: undefined
  }
}

const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : typeof thrown === "string" ? thrown : ""

/** One line of what may be anything. */
const bounded = (text: string): string => {
  const line = text.split("\n")[0] ?? ""
  return line.length <= detailMax ? line : `${line.slice(0, detailMax).toWellFormed()}…`
}

/** Who imports what is not there. */
const importerOf = (thrown: unknown, message: string): string | undefined => {
  const stack = typeof thrown === "object" && thrown !== null && "requireStack" in thrown ? thrown.requireStack : []
  const first: unknown = Array.isArray(stack) ? stack[0] : undefined
  return typeof first === "string" ? first : / imported from (\S+)/.exec(message)?.[1]
}

/** Where a text imports `name`. */
const placeOf = (text: string, name: string): Pick<Told, "line" | "column"> => {
  const at = Math.max(text.indexOf(`"${name}"`), text.indexOf(`'${name}'`))
  if (at === -1) return { line: undefined, column: undefined }
  const before = text.slice(0, at).split("\n")
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 }
}

const framesOf = (thrown: unknown) =>
  (thrown instanceof Error ? (thrown.stack ?? "") : "").split("\n").flatMap((line) => {
    const [, file, row, column] =
      /^\s+at (?:.*\()?(?:file:\/\/)?(\/[^()]*|[A-Za-z]:[^()]*):(\d+):(\d+)\)?$/.exec(line) ?? []
    return file === undefined ? [] : [{ file, line: Number(row), column: Number(column) }]
  })

/** As an error about `shown`, the path that people know the file by. */
export const error = ({ column, detail, hint, line }: Told, shown: string, frame: string | undefined): CodeError =>
  new CodeError({
    reason: "Unloadable",
    file: shown,
    detail,
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    ...(hint === undefined ? {} : { hint }),
    ...(frame === undefined ? {} : { frame })
  })
