/** What the language server underlines, repairs and lists, and how it begins and ends. */
import { afterEach, assert, describe, it } from "@effect/vitest"
import { place } from "../cli/Flujo.js"
import { Client, framed } from "./Client.js"

const clients: Array<Client> = []
afterEach(() => {
  for (const client of clients.splice(0)) client.kill()
})

const connected = (files: Readonly<Record<string, string>> = {}): Client => {
  const client = new Client(place({ "flujo.toml": "", ...files }))
  clients.push(client)
  return client
}

const started = async (files: Readonly<Record<string, string>> = {}): Promise<Client> => {
  const client = connected(files)
  await client.start()
  return client
}

const sound = `version: "0.1"
name: notes
steps:
  - name: draft
    input: "hello"
  - name: polish
    input: "{{ steps.draft }}"
`

describe("diagnostics", () => {
  it("are those of validate, with code, page and place", async () => {
    const client = await started()
    client.open("a.yaml", sound.replace("steps.draft", "steps.drat"))
    const [first, ...more] = await client.diagnostics("a.yaml")
    assert.deepStrictEqual(more, [])
    assert.strictEqual(first.code, "FLJ-PLAN-7")
    assert.strictEqual(first.severity, 1)
    assert.match(first.message, /there is no step drat[\s\S]*hint: /)
    assert.match(first.codeDescription.href, /^file:.*docs\/rules\/FLJ-PLAN-7\.md$/)
    assert.deepStrictEqual(first.range, { start: { line: 6, character: 21 }, end: { line: 6, character: 25 } })
  })

  it("follow what is typed, in its version, and end when the document is closed", async () => {
    const client = await started()
    client.open("a.yaml", sound)
    assert.deepStrictEqual(await client.diagnostics("a.yaml"), [])
    const there = { start: { line: 6, character: 21 }, end: { line: 6, character: 26 } }
    client.change("a.yaml", [{ range: there, text: "x" }])
    const version = client.change("a.yaml", [{ range: { ...there, end: { line: 6, character: 22 } }, text: "yy" }])
    const [first] = await client.diagnostics("a.yaml", version)
    assert.match(first.message, /there is no step yy/)
    const whole = client.change("a.yaml", [{ text: sound }])
    assert.deepStrictEqual(await client.diagnostics("a.yaml", whole), [])
    client.notify("textDocument/didClose", { textDocument: { uri: client.uri("a.yaml") } })
    assert.deepStrictEqual(await client.diagnostics("a.yaml"), [])
  })

  it("count UTF-16 units, also behind characters of two, with CRLF and a byte order mark", async () => {
    const client = await started()
    const text = sound.replace("{{ steps.draft }}", "😀😀 {{ steps.drat }}").replaceAll("\n", "\r\n")
    for (const [name, given] of [
      ["a.yaml", text],
      ["b.yaml", `\ufeff${text}`]
    ] as const) {
      client.open(name, given)
      const [first] = await client.diagnostics(name)
      assert.deepStrictEqual(first.range, { start: { line: 6, character: 26 }, end: { line: 6, character: 30 } })
    }
  })

  it("show where YAML is broken, and nothing of files that are no blueprints", async () => {
    const client = await started()
    client.open("a.yaml", 'steps:\n  - name: "draft\n')
    const [first] = await client.diagnostics("a.yaml")
    assert.match(first.code, /^FLJ-BLUEPRINT-/)
    client.open("other.yaml", "services: [web\n")
    assert.deepStrictEqual(await client.diagnostics("other.yaml"), [])
  })

  it("read imports and rules from the project, and anew when a file is saved", async () => {
    const main = sound.replace(
      "steps:",
      "imports: { child: ./child.yaml }\nsteps:\n  - name: c\n    uses: imports.child"
    )
    const client = await started({ "child.yaml": "steps:\n  - name: [\n" })
    client.open("a.yaml", main)
    const [first] = await client.diagnostics("a.yaml")
    assert.match(first.message, /^child\.yaml:\d+:\d+: /)
    assert.strictEqual(first.range.start.line, 2)
    client.place.write("child.yaml", "steps:\n  - name: one\n    input: hi\n")
    client.notify("textDocument/didSave", { textDocument: { uri: client.uri("child.yaml") } })
    assert.isEmpty((await client.diagnostics("a.yaml")).filter(({ severity }) => severity === 1))
    client.open("b.yaml", `${sound}  - name: nothing\n`)
    const [idle] = await client.diagnostics("b.yaml")
    assert.deepStrictEqual([idle.code, idle.severity], ["V-A1", 2])
    client.place.write("flujo.toml", '[rules]\nV-A1 = "error"\n')
    client.notify("textDocument/didSave", { textDocument: { uri: client.uri("flujo.toml") } })
    const [strict] = await client.diagnostics("b.yaml")
    assert.deepStrictEqual([strict.code, strict.severity], ["V-A1", 1])
    client.place.write("flujo.toml", "[rules\n")
    client.notify("textDocument/didSave", { textDocument: { uri: client.uri("flujo.toml") } })
    const [refused] = await client.diagnostics("b.yaml")
    assert.match(refused.message, /flujo\.toml/)
  })

  it("say so where an import leads out of the project", async () => {
    const client = await started()
    client.open("a.yaml", "imports: { up: ../up.yaml }\nsteps:\n  - name: c\n    uses: imports.up\n")
    const [first] = await client.diagnostics("a.yaml")
    assert.strictEqual(first.code, "V-I1")
  })
})

it("loads code of the project as validate does: what the allow-list has and a blueprint names, and nothing else", async () => {
  const loud = (name: string) =>
    `import { writeFileSync } from "node:fs"\nwriteFileSync(new URL("./${name}.loaded", import.meta.url), "")\nconsole.log("loud")\nexport const f = 1\n`
  const client = await started({ "evil.ts": loud("evil"), "skills/mine.ts": loud("mine") })
  client.open("a.yaml", sound)
  assert.deepStrictEqual(await client.diagnostics("a.yaml"), [])
  client.open("b.yaml", "steps:\n  - name: a\n    skill: ./evil.ts#f\n")
  assert.strictEqual((await client.diagnostics("b.yaml"))[0].code, "FLJ-CODE-1")
  assert.isFalse(client.place.has("evil.loaded") || client.place.has("skills/mine.loaded"))
  client.open("c.yaml", "steps:\n  - name: a\n    skill: ./skills/mine.ts#f\n")
  assert.strictEqual((await client.diagnostics("c.yaml"))[0].code, "FLJ-CODE-3")
  assert.isTrue(client.place.has("skills/mine.loaded"))
  // What it prints is not among the messages.
  assert.strictEqual(await client.stop(), 0)
  assert.match((await client.ended).stderr, /loud/)
})

it("lists the steps of a document, those within others below them", async () => {
  const client = await started()
  client.open(
    "a.yaml",
    `${sound}  - kind: parallel
    name: both
    branches:
      left: { name: l }
      right: [{ name: r1 }, { name: r2 }]
`
  )
  const symbols = await client.result("textDocument/documentSymbol", { textDocument: { uri: client.uri("a.yaml") } })
  assert.deepStrictEqual(
    symbols.map(({ name }: { name: string }) => name),
    ["draft", "polish", "both"]
  )
  assert.deepStrictEqual(
    symbols[2].children.map(({ name }: { name: string }) => name),
    ["l", "r1", "r2"]
  )
  assert.deepStrictEqual(symbols[0].selectionRange, {
    start: { line: 3, character: 10 },
    end: { line: 3, character: 15 }
  })
})

it("offers a repair where there is no choice to make", async () => {
  const client = await started()
  const text = sound.replace('    input: "hello"', '    inptu: "hello"')
  client.open("a.yaml", text)
  const [first] = await client.diagnostics("a.yaml")
  const textDocument = { uri: client.uri("a.yaml") }
  const actions = await client.result("textDocument/codeAction", { textDocument, range: first.range })
  assert.lengthOf(actions, 1)
  assert.strictEqual(actions[0].kind, "quickfix")
  assert.deepStrictEqual(actions[0].edit.changes[textDocument.uri], [{ range: first.range, newText: "input" }])
  const elsewhere = { start: { line: 0, character: 0 }, end: { line: 0, character: 1 } }
  assert.deepStrictEqual(await client.result("textDocument/codeAction", { textDocument, range: elsewhere }), [])
})

describe("the protocol", () => {
  it("ends with 0 after shutdown and exit, with 1 after exit alone or when the input ends", async () => {
    const [first, second, third, fourth] = [await started(), await started(), await started(), await started()]
    assert.strictEqual(await first.stop(), 0)
    second.notify("exit")
    assert.strictEqual((await second.ended).status, 1)
    third.close()
    assert.strictEqual((await third.ended).status, 1)
    await fourth.ask("shutdown")
    fourth.close()
    assert.strictEqual((await fourth.ended).status, 0)
  })

  it("refuses what comes before initialize and after shutdown, and what it does not know", async () => {
    const client = connected()
    const early = await client.ask("textDocument/documentSymbol")
    assert.strictEqual(early.error.code, -32002)
    await client.start()
    assert.strictEqual((await client.ask("flujo/nothing")).error.code, -32601)
    assert.strictEqual((await client.ask("constructor")).error.code, -32601)
    const unopened = { textDocument: { uri: client.uri("a.yaml") } }
    assert.strictEqual((await client.ask("textDocument/documentSymbol", unopened)).error.code, -32602)
    client.notify("flujo/nothing")
    client.notify("textDocument/didOpen", { textDocument: 7 })
    client.write("Content-Length: 3\r\n\r\n{{{")
    assert.strictEqual((await client.next(({ id }) => id === null)).error.code, -32700)
    await client.ask("shutdown")
    assert.strictEqual((await client.ask("textDocument/documentSymbol", unopened)).error.code, -32600)
  })

  it("answers a request that was cancelled as cancelled, and goes on", async () => {
    const client = await started()
    client.open("a.yaml", sound)
    const params = { textDocument: { uri: client.uri("a.yaml") } }
    client.write(
      framed({ id: "c", method: "textDocument/documentSymbol", params }) +
        framed({ method: "$/cancelRequest", params: { id: "c" } })
    )
    assert.strictEqual((await client.next(({ id }) => id === "c")).error.code, -32800)
    client.notify("$/cancelRequest", { id: 77 })
    assert.lengthOf(await client.result("textDocument/documentSymbol", params), 2)
  })

  it("reads messages in whatever pieces they come", async () => {
    const client = await started()
    const params = { textDocument: { uri: client.uri("a.yaml"), version: 1, text: sound } }
    const bytes = Buffer.from(
      framed({ method: "textDocument/didOpen", params }) +
        framed({ id: "s", method: "textDocument/documentSymbol", params })
    )
    for (let at = 0; at < bytes.length; at += 40) {
      client.write(bytes.subarray(at, at + 40))
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.lengthOf((await client.next(({ id }) => id === "s")).result, 2)
  })

  it("ends at a megabyte of garbage, and says why", async () => {
    const client = connected()
    client.write("x".repeat(1024 * 1024))
    const { status, stderr } = await client.ended
    assert.strictEqual(status, 1)
    assert.match(stderr, /FLJ-CLI-25/)
    const large = connected()
    large.write("Content-Length: 999999999\r\n\r\n")
    assert.strictEqual((await large.ended).status, 1)
  })

  it("says of a document of more than a mebibyte that it is too large", async () => {
    const client = await started()
    client.open("a.yaml", `steps:\n  - name: a\n${"# x\n".repeat(300_000)}`)
    const [first] = await client.diagnostics("a.yaml")
    assert.strictEqual(first.code, "FLJ-BLUEPRINT-3")
  })
})
