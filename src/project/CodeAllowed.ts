/**
 * Which of a project's files may be loaded as code: those that lie directly in `skills/`, and those that `[code] allow`
 * of `flujo.toml` names. A pattern is a path from the project's folder on, with `*` for any characters of a name and `**`
 * for any folders.
 */

/** What may be code at all. */
export const extensions: ReadonlyArray<string> = [".ts", ".mts", ".js", ".mjs"]

/** Of the project itself, without a setting. */
export const skillsFolder = "skills"

export const patternsMax = 100
export const patternLengthMax = 200

/** What is wrong with a pattern, or undefined. */
export const wrong = (pattern: string): string | undefined => {
  if (pattern.length > patternLengthMax) return `is longer than ${patternLengthMax} characters`
  if (pattern.startsWith("/") || /^[A-Za-z]:/.test(pattern)) return "is no path from the project's folder on"
  if (pattern.includes("\\") || pattern.includes("\0")) return "has / between names"
  const parts = pattern.split("/")
  if (parts.includes("..")) return "leads out of the project"
  if (parts.some((part) => part === "" || part === ".")) return "has an empty part"
  return parts.some((part) => part.includes("**") && part !== "**") ? "has ** beside other characters" : undefined
}

/** Whether `file`, a path from the project's folder on, may be loaded. */
export const allows = (patterns: ReadonlyArray<string>, file: string): boolean =>
  isSkillFile(file) || (hasExtension(file) && patterns.some((pattern) => fits(pattern.split("/"), file.split("/"))))

export const hasExtension = (file: string): boolean => extensions.some((extension) => file.endsWith(extension))

/** Directly in `skills/`; neither a declaration nor a test. */
export const isSkillFile = (file: string): boolean => {
  const [folder, name, ...rest] = file.split("/")
  if (folder !== skillsFolder || name === undefined || rest.length > 0 || name.startsWith(".")) return false
  return hasExtension(name) && !/\.(d|test|spec)\.[cm]?[jt]s$/.test(name)
}

export interface Export {
  /** From the project's folder on. */
  readonly file: string
  readonly name: string
}

/** `./kinds/wait.ts#wait`, from the project's folder on; what is wrong with it otherwise. */
export const reference = (text: string): Export | string => {
  const [path = "", name = "default", ...more] = text.split("#")
  const file = path.replace(/^\.\//, "")
  const why = wrong(file)
  if (why !== undefined) return why
  if (file.includes("*") || !hasExtension(file)) return `names no file that ends in ${extensions.join(", ")}`
  return more.length > 0 || name === "" ? "names no export" : { file, name }
}

const fits = (pattern: ReadonlyArray<string>, file: ReadonlyArray<string>): boolean => {
  const [first, ...rest] = pattern
  if (first === undefined) return file.length === 0
  if (first !== "**") return file[0] !== undefined && fitsName(first, file[0]) && fits(rest, file.slice(1))
  // Two in a row say what one does.
  if (rest[0] === "**") return fits(rest, file)
  return rest.length === 0 || file.some((_, skipped) => fits(rest, file.slice(skipped)))
}

/** The pieces between stars in order, the first at the start and the last at the end. */
const fitsName = (pattern: string, name: string): boolean => {
  const [start = "", ...pieces] = pattern.split("*")
  const end = pieces.pop()
  if (end === undefined) return pattern === name
  if (!name.startsWith(start)) return false
  let at = start.length
  for (const piece of pieces) {
    const found = name.indexOf(piece, at)
    if (found === -1) return false
    at = found + piece.length
  }
  return name.endsWith(end) && name.length - end.length >= at
}
