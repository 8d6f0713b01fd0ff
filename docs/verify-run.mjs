/**
 * Verifies a run that `flujo ledger export` wrote, without flujo. It needs Node 20 and one package:
 *
 *   npm install @noble/hashes@1.8.0
 *   node verify-run.mjs RUN.jsonl [SIZE:HASH]...
 *
 * Each SIZE:HASH is a root that was kept elsewhere. Exit code 0: the file is as it was written. 5: it is not, and the first
 * entry that is not is named. docs/ledger.md says what this proves, and what it does not.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { blake3 } from "@noble/hashes/blake3.js"

const [file, ...kept] = process.argv.slice(2)
if (file === undefined) {
  console.error("usage: node verify-run.mjs RUN.jsonl [SIZE:HASH]...")
  process.exit(2)
}

const fail = (entry, why) => {
  console.error(`entry ${entry}: ${why}`)
  process.exit(5)
}

/** RFC 8785 for what JSON.parse gives: keys by UTF-16 code units, numbers and texts as ECMAScript prints them. */
const canonical = (value) => {
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  const members = Object.keys(value).sort()
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`
}

const parse = (text) => {
  try {
    const value = JSON.parse(text)
    return value !== null && typeof value === "object" && canonical(value) === text ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether an object has these members and no others; a question mark marks one that may be absent. */
const has = (object, ...wanted) => {
  const names = wanted.map((name) => name.replace("?", ""))
  return (
    Object.keys(object).every((key) => names.includes(key)) &&
    wanted.every((name) => name.endsWith("?") || Object.hasOwn(object, name))
  )
}

// RFC 6962, section 2.1.
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest()
const leafHash = (text) => sha256(Buffer.of(0), text)
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right)
const rootOf = (leaves) => {
  if (leaves.length === 0) return sha256()
  // Level by level; the last one of an odd level goes up as it is, which is the tree of the RFC.
  let level = leaves
  while (level.length > 1) {
    const above = []
    for (let i = 0; i < level.length; i += 2) {
      above.push(i + 1 < level.length ? nodeHash(level[i], level[i + 1]) : level[i])
    }
    level = above
  }
  return level[0]
}

const bytes = readFileSync(file)
const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
if (!Buffer.from(text).equals(bytes)) fail(0, "the file is not UTF-8")
if (!text.endsWith("\n")) fail(0, "the file was cut")
const lines = text
  .slice(0, -1)
  .split("\n")
  .map((line) => parse(line))

const start = lines.shift()
if (start === undefined || !has(start, "flujo", "run", "version") || start.flujo !== "run" || start.version !== 1) {
  fail(0, "this is no exported run of version 1")
}
const end = lines.pop()
const plans = []
while (lines[0] !== undefined && has(lines[0], "plan"))
  plans.push(sha256(canonical(lines.shift().plan)).toString("hex"))

const heads = []
const missing = []
const shown = []
const leaves = []
const roots = []
for (const line of lines) {
  const at = leaves.length
  if (line === undefined) fail(at, "its line is not canonical JSON")
  if (has(line, "root", "size")) {
    roots.push(line)
    continue
  }
  if (roots.length > 0 || !has(line, "head", "payload?", "salt?")) fail(at, "its line has another form")
  const head = typeof line.head === "string" ? parse(line.head) : undefined
  if (head === undefined) fail(at, "its head is not canonical JSON")
  if (head.seq !== at) fail(at, `entry ${head.seq} stands in its place`)
  if (head.run !== start.run || (at > 0 && head.tenant !== heads[0].tenant)) fail(at, "it is of another run")
  if (head.commitment === undefined) {
    if (line.payload !== undefined || line.salt !== undefined) fail(at, "it has a payload that its head does not name")
  } else if (line.payload === undefined && line.salt === undefined) {
    missing.push(at)
  } else {
    const { payload, salt } = line
    shown.push(at)
    if (typeof payload !== "string" || !/^[0-9a-f]{64}$/.test(salt)) fail(at, "its payload is missing")
    const commitment = blake3(Buffer.from(payload), { key: Uint8Array.from(Buffer.from(salt, "hex")) })
    if (Buffer.from(commitment).toString("hex") !== head.commitment) fail(at, "its payload was changed")
  }
  heads.push(head)
  leaves.push(leafHash(line.head))
}
if (end === undefined || !has(end, "entries", "root")) fail(leaves.length, "the file was cut")

const named = new Set(heads.filter(({ kind }) => /^Run(Started|Resumed)$/.test(kind)).map(({ data }) => data?.plan))
named.delete(undefined)
if (canonical(plans) !== canonical([...named])) fail(0, "the plans in the file are not those that it names")

// What was erased is missing, all of it, and the last entry says so.
const erasure = heads.findIndex(({ kind }) => kind === "RunErased")
if (erasure === -1 && missing.length > 0) fail(missing[0], "its payload is missing")
if (erasure !== -1 && erasure !== heads.length - 1) fail(erasure + 1, "it stands behind the erasure")
if (erasure !== -1 && shown.length > 0) fail(shown[0], "it is said to be erased")

const restKinds = ["RunSuspended", "RunStuck", "RunCompleted", "RunFailed", "RunCancelled", "RunErased"]
const isDue = ({ kind, seq }) => (seq + 1) % 256 === 0 || restKinds.includes(kind)
const due = heads.filter(isDue).map(({ seq }) => seq + 1)
const sizes = roots.map(({ size }) => size)
if (canonical(due) !== canonical(sizes)) fail(0, `roots are due after ${due} entries, and stand after ${sizes}`)

const elsewhere = kept.map((root) => ({ size: Number(root.split(":")[0]), root: root.split(":")[1] }))
const all = [...roots, ...elsewhere, { size: end.entries, root: end.root }].sort((a, b) => a.size - b.size)
let good = 0
for (const { root, size } of all) {
  if (!(Number.isSafeInteger(size) && size >= good && size <= leaves.length)) fail(good, `there are no ${size} entries`)
  const from = size === 0 ? 0 : good
  if (rootOf(leaves.slice(0, size)).toString("hex") !== root)
    fail(from, `it, or one up to ${size - 1}, has another root`)
  good = size
}
if (end.entries !== leaves.length) fail(leaves.length, `there should be ${end.entries} entries`)

console.log(`run ${start.run}: ${leaves.length} entries as they were written`)
console.log(`root ${end.entries}:${end.root}`)
