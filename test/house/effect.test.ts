import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))

interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional: boolean }>>
}

const manifest = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))

/** Every installed package below `folder`, nested ones included. */
const installed = (folder: string): ReadonlyArray<{ readonly name: string; readonly folder: string }> => {
  const modules = join(folder, "node_modules")
  if (!existsSync(modules)) return []
  const names = readdirSync(modules).flatMap((name) =>
    name.startsWith("@") ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name]
  )
  return names
    .filter((name) => !name.startsWith(".") && existsSync(join(modules, name, "package.json")))
    .flatMap((name) => [{ name, folder: join(modules, name) }, ...installed(join(modules, name))])
}

const packages = installed(root)
const own = manifest(root)
const pins = { ...own.dependencies, ...own.devDependencies }

it("one copy of effect is installed, on the line 3.22", () => {
  const copies = packages.filter(({ name }) => name === "effect").map(({ folder }) => manifest(folder).version)
  assert.lengthOf(copies, 1)
  assert.match(copies[0] ?? "", /^3\.22\./)
})

it("one copy of each package of the family is installed, and the old schema package is not", () => {
  const family = packages.map(({ name }) => name).filter((name) => name.startsWith("@effect/"))
  assert.deepStrictEqual([...new Set(family)].sort(), [...family].sort())
  assert.notInclude(family, "@effect/schema")
})

it("every version is pinned and installed as pinned", () => {
  for (const [name, version] of Object.entries(pins)) {
    assert.match(version, /^\d+\.\d+\.\d+(?:-[0-9a-z.]+)?$/, name)
    assert.strictEqual(manifest(join(root, "node_modules", name)).version, version, name)
  }
})

it("effect is a peer of what is published, not a copy inside it", () => {
  assert.deepStrictEqual(own.peerDependencies, { "@effect/ai": "0.37.0", effect: "^3.22.0" })
  assert.deepStrictEqual(own.peerDependenciesMeta, { "@effect/ai": { optional: true } })
  assert.notProperty(own.dependencies, "effect")
})

it("the lock file names no registry", () => {
  assert.notInclude(readFileSync(join(root, "package-lock.json"), "utf8"), '"resolved": "http')
})
