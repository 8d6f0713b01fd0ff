import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const own: {
  readonly version: string
  readonly exports: Readonly<Record<string, string | { readonly "flujo-source": string }>>
} = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"))

/** Tests and examples import the package by its name and get the source, not what was last built. */
const alias = Object.entries(own.exports).flatMap(([name, target]) =>
  typeof target === "string"
    ? []
    : [
        {
          find: new RegExp(`^flujo${name.slice(1)}$`),
          replacement: fileURLToPath(new URL(target["flujo-source"], import.meta.url))
        }
      ]
)

export default defineConfig({
  define: { FLUJO_VERSION: JSON.stringify(own.version) },
  resolve: { alias },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    poolOptions: { forks: { maxForks: 3 } }
  }
})
