/**
 * Builds `dist/`: the library as plain ES modules with declarations, and `dist/bin/flujo.js`, one split and minified
 * bundle, because a command line pays for every file it opens. `--if-stale` does nothing when no input has changed.
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const at = (...parts) => join(root, ...parts)
const stamp = at("dist", ".inputs")
const bin = at("src", "bin.ts")

/** Native code, code that finds files beside itself, and what a user may or may not have installed. */
const external = [
  "@parcel/watcher",
  "better-sqlite3",
  "bufferutil",
  "gpt-tokenizer",
  "jiti",
  "msgpackr-extract",
  "pg",
  "pg-native",
  "typescript",
  "utf-8-validate",
  "wink-eng-lite-web-model",
  "wink-nlp"
]

const filesIn = (folder) =>
  readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()

const digestOfInputs = () => {
  const hash = createHash("sha256").update(process.version)
  const settings = ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs"]
  for (const file of [...settings.map((name) => at(name)), ...filesIn("src")]) {
    hash.update(`\0${file}\0`).update(readFileSync(file))
  }
  return hash.digest("hex")
}

const digest = digestOfInputs()
const isFresh = existsSync(stamp) && readFileSync(stamp, "utf8") === digest

if (!(process.argv.includes("--if-stale") && isFresh)) {
  rmSync(at("dist"), { recursive: true, force: true })
  mkdirSync(at("dist"))
  try {
    execFileSync(process.execPath, [at("node_modules/typescript/bin/tsc"), "-p", at("tsconfig.build.json")], {
      cwd: root,
      // Standard output belongs to whatever command asked for a build.
      stdio: ["ignore", 2, 2]
    })
  } catch {
    console.error("flujo: not built: the types above do not fit")
    process.exit(1)
  }
  if (existsSync(bin)) {
    await build({
      absWorkingDir: root,
      entryPoints: { flujo: bin },
      outdir: at("dist", "bin"),
      chunkNames: "chunks/[name]-[hash]",
      bundle: true,
      splitting: true,
      minify: true,
      format: "esm",
      platform: "node",
      // Where a package has both: of one written for CommonJS, a dynamic import would see only the default.
      mainFields: ["module", "main"],
      target: "node20.18",
      external,
      define: { FLUJO_VERSION: JSON.stringify(JSON.parse(readFileSync(at("package.json"), "utf8")).version) },
      // Packages written for CommonJS call `require`, which an ES module does not have.
      banner: {
        js: 'import{createRequire as flujoCreateRequire}from"node:module";const require=flujoCreateRequire(import.meta.url);'
      },
      legalComments: "eof",
      logLevel: "warning"
    }).catch(() => process.exit(1))
    chmodSync(at("dist", "bin", "flujo.js"), 0o755)
  }
  writeFileSync(stamp, digest)
}
