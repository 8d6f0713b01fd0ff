/** What a project says about rules: by code, or by a pattern such as `V-P*`; a code counts before a pattern. */
import * as Words from "../expression/Words.js"
import { aliases, all, isFixed } from "./Rule.js"

export type Level = "off" | "warning" | "error"

/** Codes and patterns, the later over the earlier. */
export type Severities = ReadonlyMap<string, Level>

export const none: Severities = new Map()

/** `level` of a finding that by itself has `severity`. */
export const levelOf = (severities: Severities, code: string, severity: "error" | "warning"): Level => {
  if (isFixed(code) && severity === "error") return severity
  for (const [name, level] of severities) if (named(name) === code) return level
  let found: Level | undefined
  for (const [name, level] of severities) if (isPattern(name) && matches(name, code)) found = level
  return found ?? severity
}

/** Whether `pattern` is `code`, an old name of it, or its beginning and a star. */
export const matches = (pattern: string, code: string): boolean =>
  isPattern(pattern) ? code.startsWith(pattern.slice(0, -1)) : named(pattern) === code

/** A code as it is called today. */
export const named = (code: string): string => (Object.hasOwn(aliases, code) ? aliases[code]! : code)

const isPattern = (name: string): boolean => name.endsWith("*")

export interface Wrong {
  readonly message: string
  readonly hint: string | undefined
}

/** What is wrong with saying `level` of `name`. */
export const wrong = (name: string, level: Level): Wrong | undefined => {
  const codes = Object.keys(all)
  if (isPattern(name)) {
    return codes.some((code) => matches(name, code))
      ? undefined
      : { message: `no rule begins with ${Words.quoted(name.slice(0, -1))}`, hint: undefined }
  }
  const code = named(name)
  if (!codes.includes(code)) {
    const meant = Words.closest(name, codes)
    return {
      message: `there is no rule ${Words.quoted(name)}`,
      hint: meant === undefined ? "`flujo explain` lists them" : `did you mean ${meant}?`
    }
  }
  if (isFixed(code) && level !== "error") {
    return {
      message: `${code} is always an error`,
      hint: "a blueprint with such a finding cannot run"
    }
  }
  return undefined
}
