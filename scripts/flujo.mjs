/** `npm run flujo`: builds what is stale, and runs the command line where npm was called, not where the package is. */
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const dist = join(dirname(fileURLToPath(import.meta.url)), "..", "dist", "bin", "flujo.js")
const calledIn = process.env.INIT_CWD
const args = process.argv.splice(2)
process.argv.push("--if-stale")
await import("./build.mjs")
process.argv.splice(2, 1, ...args)
if (calledIn !== undefined && existsSync(calledIn)) process.chdir(calledIn)
await import(pathToFileURL(dist).href)
