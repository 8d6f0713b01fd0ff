/**
 * The rules of the house as data, and the pure functions that hold sources to them. Sources are read as tokens: what
 * stands in a comment or in a text is not code. The rules are tested on made-up sources in `rules.test.ts` and held
 * over `src/` in `imports.test.ts`.
 */

/** What each room may import of ours. The reasons are in CONTRIBUTING.md; a change here is a change of design. */
export const rooms = {
  domain: [],
  redaction: ["domain"],
  telemetry: ["domain", "redaction"],
  expression: ["domain"],
  pipeline: ["domain", "expression"],
  blueprint: ["domain", "expression", "pipeline"],
  llm: ["domain", "redaction", "telemetry"],
  governance: ["domain", "redaction", "telemetry"],
  skill: ["domain", "telemetry", "pipeline"],
  agent: ["domain", "redaction", "telemetry", "expression", "pipeline", "llm", "skill"],
  plan: ["domain", "expression", "pipeline", "agent", "skill", "governance"],
  check: ["domain", "redaction", "expression", "pipeline", "blueprint", "plan"],
  lsp: ["domain", "expression", "pipeline", "blueprint", "plan", "check"],
  drawing: ["domain", "redaction", "expression", "pipeline"],
  journal: ["domain", "telemetry"],
  engine: [
    "domain",
    "redaction",
    "telemetry",
    "expression",
    "pipeline",
    "llm",
    "governance",
    "skill",
    "agent",
    "plan",
    "journal"
  ],
  lens: ["domain", "redaction", "journal"],
  project: ["domain"],
  command: ["domain"],
  code: ["domain", "pipeline", "project"],
  testing: ["domain", "expression", "blueprint", "pipeline", "llm", "governance", "skill", "plan", "journal", "engine"],
  cli: "any room"
} as const satisfies Record<string, ReadonlyArray<string> | "any room">

type Room = keyof typeof rooms
const faces: ReadonlyArray<string> = ["cli"]

/** The files directly in `src/`. Nothing in a room imports them. */
export const topLevel = {
  "index.ts": "any room but the faces",
  "ai.ts": "any room but the faces",
  "promise.ts": "any room but the faces",
  "testing.ts": "any room but the faces",
  "FlujoCli.ts": "any room but the faces",
  "bin.ts": "any room"
} as const

/** Names for which a better one was not looked for. */
const lazyNames = ["utils", "util", "helpers", "helper", "common", "types", "manager", "handler", "misc", "index"]

/**
 * Files that may use what is otherwise refused, each with its reason: an adapter is the one place where something of
 * the host enters.
 */
export interface Allowance {
  readonly file: string
  readonly what: string
  readonly reason: string
}

export interface Source {
  /** Relative to `src/`, with forward slashes. */
  readonly file: string
  readonly text: string
}

export interface Finding {
  readonly file: string
  readonly line: number
  readonly rule: "room" | "top-level" | "internal" | "barrel" | "cycle" | "outside" | "name" | "unread"
  readonly message: string
}

interface Token {
  readonly kind: "word" | "mark" | "text" | "template" | "number" | "pattern"
  /** For a text: what is between its quotes. */
  readonly value: string
  readonly line: number
}

export interface Import {
  readonly from: string
  readonly line: number
}

/** After these words a slash begins a pattern; after any other word it divides. */
const beforePattern = new Set(
  "return typeof instanceof in of new delete void throw case do else yield await extends default".split(" ")
)

/** Splits TypeScript into tokens. Comments and space are dropped; `${…}` in a template gives the tokens inside it. */
export const tokens = (text: string): ReadonlyArray<Token> => {
  const out: Array<Token> = []
  // One entry for each open brace: true where it was opened by `${` of a template.
  const braces: Array<boolean> = []
  let at = 0
  let line = 1
  const push = (kind: Token["kind"], value: string, from = line) => {
    out.push({ kind, value, line: from })
  }
  const template = () => {
    const from = line
    const start = at
    while (at < text.length) {
      const char = text[at]!
      if (char === "\\") at++
      else if (char === "`" || (char === "$" && text[at + 1] === "{")) {
        push("template", text.slice(start, at), from)
        if (char === "$") {
          braces.push(true)
          at++
        }
        at++
        return
      }
      if (text[at] === "\n") line++
      at++
    }
  }
  const patternMayBegin = () => {
    const last = out[out.length - 1]
    if (last === undefined) return true
    if (last.kind === "word") return beforePattern.has(last.value)
    return last.kind === "mark" && last.value !== ")" && last.value !== "]" && last.value !== "}"
  }
  if (text.startsWith("#!")) at = Math.max(text.indexOf("\n"), 0)
  while (at < text.length) {
    const char = text[at]!
    if (char === "\n") {
      line++
      at++
    } else if (/\s/.test(char)) at++
    else if (char === "/" && text[at + 1] === "/") {
      while (at < text.length && text[at] !== "\n") at++
    } else if (char === "/" && text[at + 1] === "*") {
      const end = text.indexOf("*/", at + 2)
      const stop = end === -1 ? text.length : end + 2
      line += text.slice(at, stop).split("\n").length - 1
      at = stop
    } else if (char === '"' || char === "'") {
      const start = ++at
      while (at < text.length && text[at] !== char && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1
      push("text", text.slice(start, at))
      at++
    } else if (char === "`") {
      at++
      template()
    } else if (char === "/" && patternMayBegin()) {
      const start = at++
      let inClass = false
      while (at < text.length && text[at] !== "\n" && (inClass || text[at] !== "/")) {
        if (text[at] === "\\") at++
        else if (text[at] === "[") inClass = true
        else if (text[at] === "]") inClass = false
        at++
      }
      at++
      push("pattern", text.slice(start, at))
    } else if (/[\p{ID_Start}$_#]/u.test(char)) {
      const start = at++
      while (at < text.length && /[\p{ID_Continue}$]/u.test(text[at]!)) at++
      push("word", text.slice(start, at))
    } else if (/[0-9]/.test(char)) {
      const start = at++
      while (at < text.length && /[0-9A-Za-z_.]/.test(text[at]!)) at++
      push("number", text.slice(start, at))
    } else {
      at++
      if (char === "{") braces.push(false)
      if (char === "}" && braces.pop() === true) template()
      else push("mark", char)
    }
  }
  return out
}

/** Every import of a source: static, dynamic, of types only, re-exports, `import("…")` as a type, `require`. */
export const imports = (all: ReadonlyArray<Token>): ReadonlyArray<Import> => {
  const out: Array<Import> = []
  const is = (index: number, ...values: ReadonlyArray<string>) => {
    const token = all[index]
    return token !== undefined && (token.kind === "word" || token.kind === "mark") && values.includes(token.value)
  }
  const take = (index: number) => {
    const token = all[index]
    if (token?.kind !== "text" && token?.kind !== "template") return false
    out.push({ from: token.value, line: token.line })
    return true
  }
  all.forEach((token, index) => {
    if (token.kind !== "word" || is(index - 1, ".")) return
    if (token.value === "require" && is(index + 1, "(")) {
      if (!take(index + 2)) out.push({ from: "", line: token.line })
    } else if (token.value === "import") {
      if (is(index + 1, "(")) {
        if (!take(index + 2)) out.push({ from: "", line: token.line })
      } else if (!is(index + 1, ".") && !is(index + 1, ":") && !take(index + 1)) {
        let i = index + 1
        // What is imported may itself be called `from`.
        while (i < all.length && !is(i, "=", ";") && !(is(i, "from") && all[i + 1]?.kind === "text")) i++
        if (is(i, "from")) take(i + 1)
      }
    } else if (token.value === "export") {
      let i = index + 1
      if (is(i, "type")) i++
      if (is(i, "*")) {
        while (i < all.length && all[i]!.kind !== "text" && !is(i, ";")) i++
        take(i)
      } else if (is(i, "{")) {
        while (i < all.length && !is(i, "}")) i++
        if (is(i + 1, "from")) take(i + 2)
      }
    }
  })
  return out
}

const roomOf = (file: string): string | undefined => (file.includes("/") ? file.slice(0, file.indexOf("/")) : undefined)

/** The file of `src/` that a relative import means, or `undefined` where it leads out of `src/`. */
const target = (file: string, from: string): string | undefined => {
  const parts = file.split("/").slice(0, -1)
  for (const part of from.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined
    } else if (part !== ".") parts.push(part)
  }
  return parts.join("/").replace(/\.js$/, ".ts")
}

const roomMayImport = (room: string, other: string): boolean => {
  if (room === other) return true
  if (!Object.hasOwn(rooms, other)) return false
  const rule = rooms[room as Room]
  return rule === "any room" || (rule as ReadonlyArray<string>).includes(other)
}

const importFinding = (file: string, { from, line }: Import): Finding | undefined => {
  const refuse = (rule: Finding["rule"], message: string): Finding => ({ file, line, rule, message })
  if (from === "") return undefined
  if (from === "effect" || /^@effect\/[^/]+$/.test(from) || from === "fp-ts") {
    return refuse("barrel", `"${from}" loads everything; import the module itself, such as "effect/Effect"`)
  }
  if (from === "flujo" || from.startsWith("flujo/")) {
    return refuse("barrel", `"${from}" is our own front door; import the file`)
  }
  if (!from.startsWith(".")) return undefined
  const to = target(file, from)
  if (to === undefined) return refuse("room", `"${from}" leads out of src/`)
  const room = roomOf(file)
  const other = roomOf(to)
  if (room === undefined) {
    // What users' code means by "flujo" is what runs.
    if (file === "bin.ts" && to === "index.ts") return undefined
    if (other === undefined)
      return refuse("top-level", `${file} imports ${to}: files at the top do not import each other`)
    const rule = topLevel[file as keyof typeof topLevel] as (typeof topLevel)[keyof typeof topLevel] | undefined
    if (rule === undefined) return undefined
    if (!Object.hasOwn(rooms, other)) return refuse("top-level", `${file} imports ${to}, and there is no such room`)
    return rule === "any room but the faces" && faces.includes(other)
      ? refuse("top-level", `${file} may import ${rule}, so not ${to}`)
      : undefined
  }
  if (other === undefined) return refuse("top-level", `a room does not import ${to}, which stands above the rooms`)
  if (Object.hasOwn(rooms, room) && !roomMayImport(room, other)) {
    return refuse("room", `${room}/ may not import ${other}/ (${to})`)
  }
  if (room !== other && to.includes("/internal/")) return refuse("internal", `${to} is private to ${other}/`)
  return undefined
}

const mayReadEnvironment = (file: string): boolean =>
  file === "bin.ts" || file.startsWith("cli/") || /Config\.ts$/.test(file)

/** What must not be reached for directly, as sequences of tokens, `*` being any token. */
const refused: ReadonlyArray<{ readonly what: string; readonly shape: ReadonlyArray<string>; readonly why: string }> = [
  { what: "Date.now", shape: ["Date", ".", "now"], why: "time comes from Clock, or a replay sees another time" },
  { what: "new Date()", shape: ["new", "Date", "(", ")"], why: "time comes from Clock, or a replay sees another time" },
  { what: "new Date()", shape: ["new", "Date", "!("], why: "time comes from Clock, or a replay sees another time" },
  { what: "Math.random", shape: ["Math", ".", "random"], why: "chance comes from Random, or a replay differs" },
  { what: "Function()", shape: ["new", "Function", "!("], why: "text is never run as code" },
  { what: "Function()", shape: ["Function", "("], why: "text is never run as code" }
]

const outsideFindings = (
  file: string,
  all: ReadonlyArray<Token>,
  found: ReadonlyArray<Import>
): ReadonlyArray<Finding & { readonly what: string }> => {
  const out: Array<Finding & { readonly what: string }> = []
  const refuse = (line: number, what: string, why: string) => {
    out.push({ file, line, rule: "outside", what, message: `${what}: ${why}` })
  }
  const value = (index: number) => {
    const token = all[index]
    return token === undefined ? "" : token.kind === "text" ? `"${token.value}"` : token.value
  }
  const environment = (line: number, what: string) => {
    if (!mayReadEnvironment(file)) refuse(line, what, "the environment is read in cli/, bin.ts and *Config.ts only")
  }
  for (const { from, line } of found) {
    const name = from.replace(/^node:/, "")
    if (name === "vm") refuse(line, "node:vm", "it is no sandbox: code inside it reaches the host")
    if (name === "process") refuse(line, "node:process", "say `process.argv` and the like, so that it can be found")
  }
  all.forEach((token, index) => {
    if (token.kind !== "word") return
    for (const { shape, what, why } of refused) {
      const fits = shape.every((part, i) =>
        part.startsWith("!") ? value(index + i) !== part.slice(1) : value(index + i) === part
      )
      if (fits && (value(index - 1) !== "." || value(index - 2) === "globalThis")) refuse(token.line, what, why)
    }
    const isKey = value(index + 1) === ":" || (value(index - 1) === "." && value(index - 2) !== "globalThis")
    if (token.value === "eval" && !isKey) refuse(token.line, "eval", "text is never run as code")
    if (token.value !== "process" || isKey) return
    const next = value(index + 1) === "?" ? index + 2 : index + 1
    const property =
      value(next) === "." ? value(next + 1) : value(next) === "[" ? value(next + 1).replaceAll('"', "") : ""
    if (property === "stdin") refuse(token.line, "process.stdin", "input comes through Terminal or Stream, with an end")
    if (property === "env") environment(token.line, "process.env")
    if (value(next) === "[" && all[next + 1]?.kind !== "text") environment(token.line, "process[…]")
    if (value(index - 1) === "=" && property === "") environment(token.line, "taking process apart")
  })
  return out
}

const nameFinding = (file: string): Finding | undefined => {
  const finding = (message: string): Finding => ({ file, line: 1, rule: "name", message })
  const room = roomOf(file)
  if (room === undefined) {
    return Object.hasOwn(topLevel, file) ? undefined : finding(`${file} is not a file that stands above the rooms`)
  }
  if (!Object.hasOwn(rooms, room)) return finding(`there is no room ${room}/; say in the table what it is for`)
  const lazy = file
    .slice(room.length + 1)
    .replace(/\.tsx?$/, "")
    .split("/")
    .find((part) => lazyNames.includes(part.toLowerCase()))
  return lazy === undefined ? undefined : finding(`"${lazy}" does not say what is inside`)
}

const cycles = (
  graph: ReadonlyMap<string, ReadonlyArray<Import & { readonly to: string }>>
): ReadonlyArray<Finding> => {
  const out: Array<Finding> = []
  const done = new Set<string>()
  const path: Array<string> = []
  const visit = (file: string) => {
    path.push(file)
    for (const { line, to } of graph.get(file) ?? []) {
      const start = path.indexOf(to)
      if (start !== -1) {
        out.push({ file, line, rule: "cycle", message: [...path.slice(start), to].join(" → ") })
      } else if (!done.has(to)) visit(to)
    }
    path.pop()
    done.add(file)
  }
  for (const file of graph.keys()) if (!done.has(file)) visit(file)
  return out
}

/** Everything that `sources` do against the rules; what `allowances` names is left out. */
export const check = (
  sources: ReadonlyArray<Source>,
  allowances: ReadonlyArray<Allowance> = []
): ReadonlyArray<Finding> => {
  const graph = new Map<string, Array<Import & { readonly to: string }>>()
  const out: Array<Finding> = []
  const allowed = (file: string, what: string) => allowances.some((a) => a.file === file && a.what === what)
  for (const { file, text } of sources) {
    const all = tokens(text)
    const found = imports(all)
    const named = nameFinding(file)
    if (named !== undefined) out.push(named)
    const edges: Array<Import & { readonly to: string }> = []
    for (const one of found) {
      const finding = importFinding(file, one)
      if (finding !== undefined) out.push(finding)
      if (one.from === "" && !allowed(file, "import()")) {
        out.push({ file, line: one.line, rule: "unread", message: "import() of a computed name cannot be checked" })
      }
      const to = one.from.startsWith(".") ? target(file, one.from) : undefined
      if (to !== undefined) edges.push({ ...one, to })
    }
    graph.set(file, edges)
    for (const { what, ...finding } of outsideFindings(file, all, found)) if (!allowed(file, what)) out.push(finding)
  }
  return [...out, ...cycles(graph)]
}

/** Allowances that nothing needs any more. */
export const unusedAllowances = (
  sources: ReadonlyArray<Source>,
  allowances: ReadonlyArray<Allowance>
): ReadonlyArray<Allowance> =>
  allowances.filter((one) => {
    const others = allowances.filter((other) => other !== one)
    return check(sources, others).length === check(sources, allowances).length
  })
