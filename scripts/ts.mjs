/**
 * Runs a TypeScript file of this repository: `node scripts/ts.mjs bench/main.ts ARGUMENTS`. It is bundled with `src/`;
 * packages stay outside and are found as always.
 */
import { spawn } from "node:child_process"
import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const [file, ...args] = process.argv.slice(2)
if (file === undefined) {
  console.error("usage: node scripts/ts.mjs FILE [ARGUMENT…]")
  process.exit(2)
}

// Inside node_modules, so that bare imports resolve; one folder per process, so that two can run at once.
const outdir = join(root, "node_modules/.cache/flujo", `ts-${process.pid}`)
mkdirSync(outdir, { recursive: true })
const discard = () => rmSync(outdir, { recursive: true, force: true })
process.on("exit", discard)

const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
/** `flujo` means the source here, not what was last built. */
const source = {
  name: "flujo-source",
  setup: (bundler) =>
    bundler.onResolve({ filter: /^flujo(\/|$)/ }, ({ path }) => {
      const target = own.exports[`.${path.slice("flujo".length)}`]?.["flujo-source"]
      return target === undefined ? undefined : { path: join(root, target) }
    })
}

await build({
  absWorkingDir: root,
  entryPoints: [resolve(file)],
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  sourcemap: "inline",
  format: "esm",
  platform: "node",
  target: "node20.18",
  packages: "external",
  define: { FLUJO_VERSION: JSON.stringify(own.version) },
  plugins: [source],
  logLevel: "warning"
}).catch(() => process.exit(1))

const output = join(outdir, basename(file).replace(/\.ts$/, ".mjs"))
const child = spawn(process.execPath, ["--enable-source-maps", output, ...args], { stdio: "inherit" })
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal))
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)))
