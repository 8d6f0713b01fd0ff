/** `npm run rules-docs`: writes `docs/rules/`, and takes away pages of rules that are no more. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pages } from "./RulePages.js"

const folder = join(process.cwd(), "docs/rules")
const all = pages()
mkdirSync(folder, { recursive: true })
for (const name of readdirSync(folder)) if (!all.has(name)) rmSync(join(folder, name))
for (const [name, text] of all) writeFileSync(join(folder, name), text)
console.log(`${all.size} pages in docs/rules`)
