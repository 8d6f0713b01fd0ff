/**
 * Runs docs/verify-run.mjs, as it is, on copies of a file that differ in one bit each: `node flip.mjs SCRIPT FILE FIRST END STEP`.
 * One process for many, because starting one takes a thousand times as long as the check. Prints how many were found, or
 * the first that was not.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

const [script, file, first, end, step] = process.argv.slice(2)
const bytes = readFileSync(file)
const copy = `${file}.${first}`
process.argv = [process.argv[0], script, copy]
const exit = process.exit
let said = ""
process.exit = (code) => {
  throw { code }
}
console.error = (text) => {
  said = text
}
console.log = () => {}

let found = 0
for (let bit = Number(first); bit < Number(end); bit += Number(step)) {
  bytes[bit >> 3] ^= 1 << (bit & 7)
  writeFileSync(copy, bytes)
  bytes[bit >> 3] ^= 1 << (bit & 7)
  const ended = await import(`${pathToFileURL(script)}?${bit}`).then(
    () => 0,
    (thrown) => thrown.code ?? String(thrown)
  )
  if (ended !== 5 || !/^entry \d+: /.test(said)) {
    process.stdout.write(`bit ${bit}: ${ended} ${said}\n`)
    exit(1)
  }
  found += 1
}
process.stdout.write(`${found}\n`)
