/** What the ledger says to people and programs: a run verified, exported, proven, and tampered with. */
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as MerkleTree from "../../src/journal/MerkleTree.js"
import * as SignedNote from "../../src/journal/SignedNote.js"
import { echo, ended, envelope, type Place, place, refused, twoQuestions } from "./Flujo.js"

const ran = async (...ids: ReadonlyArray<string>): Promise<Place> => {
  const here = place({ "flujo.toml": "", "pipeline.yaml": echo, "two.yaml": twoQuestions })
  for (const id of ids) ended(await here.flujo(`run --input x${id} --run-id ${id}`), 0)
  return here
}

const sql = (here: Place, text: string): void => {
  const db = new Database(here.at(".flujo/state.db"))
  db.exec(text)
  db.close()
}

describe.concurrent("flujo ledger verify", () => {
  it("says of a run, and of all, that they are as they were written, and the root to keep elsewhere", async () => {
    const here = await ran("a1", "a2")
    const all = await here.flujo("ledger verify")
    ended(all, 0)
    assert.match(
      all.stdout,
      /^2 runs, \d+ entries: as they were written\nlast checkpoint: 2 roots, \S+, flujo-ledger\/\S+\n$/
    )
    const one = await here.flujo("ledger verify a1")
    ended(one, 0)
    const root = /^root (\d+:[0-9a-f]{64})$/m.exec(one.stdout)![1]!
    ended(await here.flujo(`ledger verify a1 --root ${root}`), 0)
    refused(await here.flujo(`ledger verify a2 --root ${root}`), 5, "not the one that was kept elsewhere")
    refused(await here.flujo("ledger verify a1 --root nonsense"), 2, "--root")
    refused(await here.flujo(`ledger verify --root ${root}`), 2, "say which")
    refused(await here.flujo("ledger verify nowhere"), 2, "there is no run")
  })

  it("of a run that waits too, and after it went on", async () => {
    const here = await ran()
    ended(await here.flujo("run two.yaml --run-id w1 --no-input"), 0)
    const { data } = envelope(await here.flujo("ledger verify w1 --json"))
    assert.strictEqual(data.rooted, data.entries)
    ended(await here.flujo("answer w1 blue"), 0)
    const later = await here.flujo(`ledger verify w1 --root ${data.root.size}:${data.root.root} --json`)
    ended(later, 0)
    assert.isAbove(envelope(later).data.entries, data.entries)
  })

  it("ends with 5 and names the first bad entry; of all runs, each that is bad", async () => {
    const here = await ran("b1", "b2", "b3")
    sql(here, "UPDATE entries SET payload = '{}' WHERE seq = 1 AND run IN ('b1', 'b3') AND payload IS NOT NULL")
    sql(here, "UPDATE entries SET payload = '{}' WHERE seq = 0 AND run IN ('b1', 'b3')")
    refused(await here.flujo("ledger verify b1"), 5, "run b1: entry 0: its payload was changed", "FLJ-LEDGER-1")
    ended(await here.flujo("ledger verify b2"), 0)
    refused(await here.flujo("ledger verify"), 5, "2 runs are not as they were written, first run b1: entry 0")
    const { error } = envelope(await here.flujo("ledger verify --json"))
    assert.deepInclude(error, { code: "FLJ-LEDGER-1" })
    assert.deepStrictEqual(
      error.details.bad.map((bad: { run: string; entry: number }) => [bad.run, bad.entry]),
      [
        ["b1", 0],
        ["b3", 0]
      ]
    )
    refused(await here.flujo("ledger export b1"), 5, "entry 0")
    refused(await here.flujo("ledger prove b1"), 5, "entry 0")
    assert.deepStrictEqual(
      readdirSync(here.folder).filter((name) => /json/.test(name)),
      []
    )
  })
})

describe.concurrent("an exported run", () => {
  it("is one file that verifies anywhere, for its owner only, and never overwrites", async () => {
    const here = await ran("c1")
    const done = await here.flujo("ledger export c1")
    ended(done, 0)
    assert.strictEqual(statSync(here.at("c1.jsonl")).mode & 0o777, 0o600)
    refused(await here.flujo("ledger export c1"), 2, "there already")
    ended(await here.flujo("ledger export last --out copy.jsonl"), 0)
    assert.strictEqual(here.read("copy.jsonl"), here.read("c1.jsonl"))
    const elsewhere = place({ "run.jsonl": here.read("c1.jsonl") })
    const verified = await elsewhere.flujo("ledger verify --file run.jsonl --json")
    ended(verified, 0)
    assert.strictEqual(envelope(verified).data.run, "c1")
    refused(await here.flujo("ledger verify c1 --file c1.jsonl"), 2, "not both")
    refused(await here.flujo("ledger verify --file none.jsonl"), 2, "none.jsonl")

    const bytes = readFileSync(here.at("c1.jsonl"))
    bytes[bytes.indexOf("xc1")]! ^= 1
    writeFileSync(here.at("c1.jsonl"), bytes)
    refused(await here.flujo("ledger verify --file c1.jsonl"), 5, "run c1: entry 0: its payload was changed")
  })
})

describe.concurrent("a proof", () => {
  it("of the last entry, of a step or of a number, is checked without the state", async () => {
    const here = await ran("d1")
    const proofs = { "d1 --out last.json": "RunCompleted", "d1:said --out step.json": "Computed" }
    const elsewhere = place()
    for (const [words, kind] of Object.entries(proofs)) {
      const done = await here.flujo(`ledger prove ${words}`)
      ended(done, 0)
      const file = words.split(" ").at(-1)!
      elsewhere.write(file, here.read(file))
      const checked = await elsewhere.flujo(`ledger check-proof ${file}`)
      ended(checked, 0)
      assert.include(checked.stdout, kind)
      assert.include(checked.stdout, "xd1")
      const { data } = envelope(await here.flujo("ledger verify d1 --json"))
      const root = `${data.root.size}:${data.root.root}`
      ended(await elsewhere.flujo(`ledger check-proof ${file} --root ${root}`), 0)
      refused(
        await elsewhere.flujo(`ledger check-proof ${file} --root 7:${"0".repeat(64)}`),
        5,
        "it leads to another root"
      )
    }
    elsewhere.write("step.json", here.read("step.json").replace("xd1", "yd1"))
    refused(await elsewhere.flujo("ledger check-proof step.json"), 5, "its payload was changed", "FLJ-LEDGER-2")
    elsewhere.write("none.json", "{}")
    refused(await elsewhere.flujo("ledger check-proof none.json"), 5, "not a proof")

    ended(await here.flujo("ledger prove d1 --entry 0 --no-payload"), 0)
    assert.notInclude(here.read("d1-0.proof.json"), "xd1")
    ended(await here.flujo("ledger check-proof d1-0.proof.json"), 0)
    refused(await here.flujo("ledger prove d1:nowhere"), 2, "nowhere", "FLJ-LEDGER-3")
    refused(await here.flujo("ledger prove d1 --entry 99"), 2, "FLJ-LEDGER-3")
    refused(await here.flujo("ledger prove d1:said --entry 1"), 2, "not both")
  })
})

/** A witness (C2SP `tlog-witness`) that signs what goes on from what it saw. */
const witness = async () => {
  const signer = SignedNote.signerOf(SignedNote.generate())!
  let seen: SignedNote.Checkpoint | undefined
  let asked = 0
  const server = createServer((request, response) => {
    let body = ""
    request.on("data", (piece) => {
      body += piece
    })
    request.on("end", () => {
      asked += 1
      const gap = body.indexOf("\n\n")
      const [old, ...path] = body.slice(0, gap).split("\n")
      const note = SignedNote.parse(body.slice(gap + 2))!
      const checkpoint = SignedNote.checkpointOf(note.text)!
      if (seen !== undefined && old !== `old ${seen.size}`) {
        response.writeHead(409).end(`${seen.size}\n`)
        return
      }
      const isSound =
        seen === undefined ||
        MerkleTree.isConsistent({
          first: seen,
          second: checkpoint,
          path: path.map((hash) => Buffer.from(hash, "base64"))
        })
      if (!isSound) {
        response.writeHead(422).end("it does not go on from what I saw")
        return
      }
      seen = checkpoint
      response.end(SignedNote.make(note.text, signer).slice(note.text.length + 1))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/add-checkpoint`, signer, asked: () => asked, close: () => server.close() }
}

describe.concurrent("checkpoints", () => {
  it("are signed as runs are driven, printed to be kept elsewhere, and hold the state to what it was", async () => {
    const here = await ran("k1", "k2")
    assert.strictEqual(statSync(here.at(".flujo/state.db.key")).mode & 0o777, 0o600)
    const printed = await here.flujo("ledger checkpoint")
    ended(printed, 0)
    assert.match(printed.stdout, /^flujo-ledger\/[0-9a-f]{16}\n2\n\S{44}\n\n— flujo-ledger\/\S+ \S+\n$/)
    here.write("kept.txt", printed.stdout)
    const { keys } = envelope(await here.flujo("ledger keys --json")).data
    assert.strictEqual(keys.length, 1)
    ended(await here.flujo("run --input more --run-id k3"), 0)
    ended(await here.flujo(["ledger", "verify", "--checkpoint", "kept.txt", "--key", keys[0].key]), 0)
    const one = envelope(await here.flujo("ledger verify k3 --checkpoint kept.txt --json")).data
    assert.strictEqual(one.sealed, one.entries)
    assert.strictEqual(one.log.size, 3)

    const other = place({ "flujo.toml": "", "pipeline.yaml": echo, "kept.txt": printed.stdout })
    ended(await other.flujo("run --input x --run-id k1"), 0)
    refused(await other.flujo("ledger verify --checkpoint kept.txt"), 5, "of another log", "FLJ-LEDGER-4")
    refused(await other.flujo(["ledger", "verify", "--key", keys[0].key]), 5, "not signed by the key")
    refused(await here.flujo("ledger verify --key nonsense"), 2, "--key")
    refused(await here.flujo("ledger verify --checkpoint pipeline.yaml"), 2, "no checkpoint")
    const changed = here.read("kept.txt").replace(/\n2\n/, "\n1\n")
    here.write("changed.txt", changed)
    refused(await here.flujo("ledger verify --checkpoint changed.txt"), 5, "not signed by the key")

    sql(
      here,
      "DELETE FROM entries WHERE run = 'k2'; DELETE FROM roots WHERE run = 'k2'; DELETE FROM runs WHERE run = 'k2'"
    )
    refused(await here.flujo("ledger verify"), 5, "run k2: it is in the log, and nothing else is left of it")
  })

  it("go on under a rotated key; without the key nothing is signed, and nothing made up", async () => {
    const here = await ran("l1")
    ended(await here.flujo("ledger keys rotate"), 0)
    refused(await here.flujo("ledger keys init"), 2, "rotate", "FLJ-LEDGER-5")
    refused(await here.flujo("ledger keys rotate --new-origin"), 2, "--new-origin")
    refused(await here.flujo("ledger keys burn"), 2, "show, init or rotate")
    ended(await here.flujo("run --input more --run-id l2"), 0)
    const vouched = envelope(await here.flujo("ledger keys --json")).data.keys.map(
      (key: { vouched: boolean }) => key.vouched
    )
    assert.deepStrictEqual(vouched, [null, true])
    ended(await here.flujo("ledger verify"), 0)

    renameSync(here.at(".flujo/state.db.key"), here.at("hidden.key"))
    const unsigned = await here.flujo("run --input more --run-id l3")
    ended(unsigned, 0)
    assert.include(unsigned.stderr, "no checkpoint is signed")
    refused(await here.flujo("ledger checkpoint"), 2, "FLJ-LEDGER-5")
    refused(await here.flujo("ledger keys init"), 2, "--new-origin")
    const verified = await here.flujo("ledger verify")
    ended(verified, 0)
    assert.match(verified.stdout, /\d+ entries are under no checkpoint yet/)
    ended(await here.flujo("ledger keys init --new-origin"), 0)
    ended(await here.flujo("ledger checkpoint"), 0)
    assert.include((await here.flujo("ledger verify")).stdout, "from root 2 on the log goes on under a key that")
    assert.include((await here.flujo("ledger keys")).stdout, "NOT VOUCHED FOR")
  })

  it("are left at files and shown to witnesses, who are proven that the log goes on", async () => {
    const one = await witness()
    try {
      const here = await ran("m1")
      here.write("flujo.toml", `ledger.anchors = ["file:seals.txt", ${JSON.stringify(one.url)}]\n`)
      const first = await here.flujo("ledger checkpoint --json")
      ended(first, 0)
      assert.strictEqual(envelope(first).data.anchors.length, 2)
      ended(await here.flujo("run --input more --run-id m2"), 0)
      ended(await here.flujo("run --input more --run-id m3"), 0)
      const second = await here.flujo("ledger checkpoint")
      ended(second, 0)
      assert.strictEqual(one.asked(), 3)
      assert.isTrue(SignedNote.isSignedBy(SignedNote.parse(second.stdout)!, one.signer))
      assert.strictEqual(here.read("seals.txt").split("flujo-ledger/").length, 1 + 6)
      here.write("kept.txt", second.stdout)
      ended(await here.flujo("ledger verify --checkpoint kept.txt"), 0)

      // The same key, another history: the witness does not sign it.
      sql(here, "DELETE FROM log; DELETE FROM checkpoints; DELETE FROM unsealed")
      sql(
        here,
        "INSERT INTO unsealed (tenant, run, size, root) SELECT tenant, run, size, root FROM roots WHERE run <> 'm1'"
      )
      sql(
        here,
        "INSERT INTO unsealed (tenant, run, size, root) SELECT tenant, run, size, root FROM roots WHERE run = 'm1'"
      )
      refused(await here.flujo("ledger checkpoint"), 1, "422", "FLJ-LEDGER-6")
    } finally {
      one.close()
    }
    const here = await ran("n1")
    here.write("flujo.toml", `ledger.anchors = [${JSON.stringify(one.url)}]\n`)
    refused(await here.flujo("ledger checkpoint"), 1, "cannot be reached")
    here.write("flujo.toml", 'ledger.anchors = ["ftp://x"]\n')
    refused(await here.flujo("ledger checkpoint"), 2, "neither a file nor a witness")
    here.write("flujo.toml", "ledger.checkpoints = false\n")
    ended(await here.flujo("run --input more --run-id n2"), 0)
    assert.include((await here.flujo("ledger verify")).stdout, "under no checkpoint yet")
  })
})
