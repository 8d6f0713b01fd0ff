/** The floor as a program of its own, which loads nothing of flujo but the tables. */
import * as Floor from "./Floor.js"

const [from, to] = process.argv.slice(2) as [string, string]
Floor.again(from, to)
process.stdout.write(`rss=${Math.round(process.resourceUsage().maxRSS)}\n`)
