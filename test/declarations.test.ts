/** What the built declarations import: whoever compiles against flujo has it, with types of its own. */
import { existsSync, readFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { dirname, join, resolve } from "node:path"
import { assert, describe, it } from "vitest"

const root = resolve(import.meta.dirname, "..")
const read = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8"))
const { dependencies, exports, peerDependencies } = read("package.json")

/** Every declaration that a public one leads to, with what it imports from outside. */
const reach = (entries: ReadonlyArray<string>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const found = new Map<string, ReadonlyArray<string>>()
  const todo = [...entries]
  for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
    if (found.has(file)) continue
    const text = readFileSync(file, "utf8")
    const froms = Array.from(text.matchAll(/(?:from|import)\s*\(?\s*"([^"\s]+)"/g), ([, from]) => from!)
    found.set(
      file,
      froms.filter((from) => !from.startsWith("."))
    )
    for (const from of froms) {
      if (from.startsWith(".")) todo.push(resolve(dirname(file), from.replace(/\.js$/, ".d.ts")))
    }
  }
  return found
}

const packageOf = (from: string): string =>
  from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/")

describe.runIf(existsSync(join(root, "dist/index.d.ts")))("declarations", () => {
  const entries = Object.values(exports as Record<string, { readonly types?: string } | string>).flatMap((entry) =>
    typeof entry === "string" || entry.types === undefined ? [] : [join(root, entry.types)]
  )

  it("import only packages that are installed with flujo and bring their own types", () => {
    const reached = reach(entries)
    assert.isAbove(reached.size, 40)
    const faults: Array<string> = []
    for (const [file, froms] of reached) {
      for (const from of froms) {
        const name = packageOf(from)
        if (isBuiltin(from)) faults.push(`${file}: ${from} needs the types of Node`)
        else if (dependencies[name] === undefined && peerDependencies[name] === undefined) {
          faults.push(`${file}: ${name} is not a dependency`)
        } else {
          const { exports, types, typings } = read(`node_modules/${name}/package.json`)
          if (types === undefined && typings === undefined && !JSON.stringify(exports ?? {}).includes(".d.ts")) {
            faults.push(`${file}: ${name} has no types of its own`)
          }
        }
      }
    }
    assert.deepStrictEqual(faults, [])
  })
})
