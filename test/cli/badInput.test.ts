/** What no run should be made of: each is refused with what is wrong and where, the right code, and nothing left behind. */
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { bin, echo, ended, envelope, place, refused, twoQuestions } from "./Flujo.js"

const head = `version: "0.1"\nname: bad\nsteps:\n`
const step = (text: string) => `${head}  - name: one\n${text}\n`

/** Name, text, what is said. */
const texts: ReadonlyArray<readonly [name: string, text: string | Uint8Array, says: RegExp]> = [
  ["empty", "", /empty/],
  ["comment only", "# nothing\n", /empty|nothing/],
  ["scalar", "hello\n", /mapping|text/],
  ["list", "- a\n- b\n", /mapping|list/],
  ["two documents", `${echo}---\n${echo}`, /document/],
  ["not UTF-8", new Uint8Array([0x6e, 0x61, 0x6d, 0x65, 0x3a, 0x20, 0xff, 0xfe, 0x0a]), /UTF-8/],
  ["UTF-16", Buffer.from(echo, "utf16le"), /UTF-16|NUL|UTF-8/],
  ["NUL", echo.replace("echo", "e\0o"), /NUL/],
  ["tabs", `steps:\n\t- name: one\n`, /tab/i],
  ["2 KB of brackets", "[".repeat(2048), /deep|nest/],
  ["100,000 keys", Array.from({ length: 100_000 }, (_, i) => `k${i}: 1`).join("\n"), /too many|at most|nodes/],
  [
    "alias bomb",
    `a: &a [x, x, x, x, x, x, x, x, x]\n${[..."bcdefghij"].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${"abcdefghij"[i]}`).join(", ")}]`).join("\n")}\n`,
    /alias/
  ],
  ["recursive anchor", "steps: &a [*a]\n", /alias|anchor|itself/],
  ["duplicate key", `name: a\n${echo}`, /twice|duplicate|unique/],
  ["unknown key", `nmae: x\n${echo}`, /nmae/],
  ["unknown kind", step("    kind: stpe"), /stpe/],
  ["unknown agent", step("    uses: agents.nobody"), /nobody/],
  ["unknown skill", step("    skill: flujo.builtins.stringfy"), /flujo\.builtins\.stringify/],
  ["a function tag", step("    input: !!js/function 'function () {}'"), /tag/],
  ["__proto__", `__proto__: { polluted: true }\n${echo}`, /__proto__/],
  ["unquoted template", step("    input: {{ initial_prompt }}"), /quote/],
  ["template to a missing step", step('    input: "{{ steps.nowhere }}"'), /nowhere/],
  ["template to a later step", `${head}  - name: a\n    input: "{{ steps.b }}"\n  - name: b\n`, /later|before/],
  ["wrong types", `${head}  one: 1\n`, /list/],
  ["a number as name", `version: "0.1"\nname: [1]\nsteps: []\n`, /text|name/],
  ["no steps", `version: "0.1"\nname: x\nsteps: []\n`, /step/],
  ["an unfinished template", step('    input: "{{ initial_prompt"'), /\}\}/],
  ["a template that calls", step(`    input: "{{ ''.constructor('x')() }}"`), /./],
  ["two steps of one name", `${head}  - name: one\n  - name: one\n`, /one/],
  ["a name of blanks", step("").replace("one", '"  "'), /name/],
  ["the wrong version", echo.replace("0.1", "99"), /version/],
  [
    "a schema that is none",
    step("    kind: hitl\n    message: x\n    input_schema: { type: sometext }"),
    /schema|type/
  ],
  ["a loop of no steps", `${head}  - kind: loop\n    name: l\n    loop: { body: [], max_loops: -1 }\n`, /./],
  ["one line of 300 KB", `name: ${"x".repeat(300_000)}\n`, /./],
  ["only spaces and a mark", "\ufeff   \n", /./],
  ["terminal codes", `"\u001b[2Jname": x\n${echo}`, /./]
]

describe.concurrent("a blueprint", () => {
  it.for(texts)("%s", async ([, text, says]) => {
    const here = place({ "bad.yaml": text })
    const done = await here.flujo("run bad.yaml --input x --json")
    ended(done, 4)
    const { error } = envelope(done)
    assert.match(JSON.stringify(error), says)
    assert.match(error.code, /^(V-|FLJ-)/)
    assert.strictEqual(error.location.file, "bad.yaml")
    assert.isAbove(error.location.line, 0)
    assert.strictEqual(done.stderr, "")
    assert.deepStrictEqual(readdirSync(here.folder), ["bad.yaml"])
  })

  it("of them all at once: each is shown with its place and nothing breaks the terminal", async () => {
    const files = Object.fromEntries(texts.map(([name, text]) => [`${name.replace(/\W/g, "_")}.yaml`, text]))
    const here = place(files)
    const done = await here.flujo(["validate", ...Object.keys(files)])
    ended(done, 4)
    for (const name of Object.keys(files)) assert.match(done.stdout, new RegExp(`^${name}: not valid, `, "m"))
    assert.notInclude(done.stdout, "\u001b")
    assert.notMatch(done.stdout, /^ {4}at /m)
  })

  it("of 2 MB, of a device or a pipe is not read", async () => {
    const here = place({ "large.yaml": `# ${"x".repeat(2_000_000)}\n${echo}` })
    const large = await here.flujo("run large.yaml")
    ended(large, 4)
    assert.include(large.stderr, "large")
    execFileSync("mkfifo", [here.at("pipe.yaml")])
    refused(await here.flujo("run pipe.yaml"), 2, "not a regular file")
    refused(await here.flujo("run /dev/zero"), 2, "not a regular file")
  })

  it("that imports what is missing, itself, or outside of the project, is refused", async () => {
    const importing = (path: string) =>
      `version: "0.1"\nname: top\nimports: { child: ${path} }\nsteps:\n  - { name: a, uses: imports.child }\n`
    const here = place({
      "p/flujo.toml": "",
      "outside.yaml": echo,
      "p/out.yaml": importing("../outside.yaml"),
      "p/link.yaml": importing("./linked.yaml"),
      "p/none.yaml": importing("./none_there.yaml"),
      "p/self.yaml": importing("./self.yaml"),
      "p/bad.yaml": importing("./broken.yaml"),
      "p/broken.yaml": "nmae: x\n"
    })
    symlinkSync("../outside.yaml", here.at("p/linked.yaml"))
    for (const [name, status, says] of [
      ["out", 4, /inside the project/],
      ["link", 4, /outside the project/],
      ["none", 4, /none_there\.yaml/],
      ["self", 4, /itself|circle|self\.yaml/],
      ["bad", 4, /nmae/]
    ] as const) {
      const done = await here.flujo(`run ${name}.yaml --json`, { cwd: "p" })
      ended(done, status)
      assert.match(JSON.stringify(envelope(done).error), says)
    }
    assert.isFalse(here.has("p/.flujo"))
  })

  it("that is missing, a folder, a link to itself, unreadable or no path is said to be so", async () => {
    const here = place({ "dir/x": "" })
    symlinkSync("loop.yaml", here.at("loop.yaml"))
    refused(await here.flujo("run missing.yaml"), 2, "missing.yaml", "no such file")
    refused(await here.flujo("run dir"), 2, "this is a folder")
    refused(await here.flujo("run loop.yaml"), 2, "loop.yaml")
    refused(await here.flujo(["run", ""]), 2, "this is no path")
    refused(await here.flujo(["run", `${"n/".repeat(3000)}x.yaml`]), 2)
    refused(await here.flujo(["run", "x".repeat(5000)]), 2)
    assert.deepStrictEqual(readdirSync(here.folder).sort(), ["dir", "loop.yaml"])
  })
})

describe.concurrent("validate", () => {
  const files = { "good.yaml": echo, "bad.yaml": "nmae: x\n", "two.yaml": twoQuestions }

  it("says of each file whether it is valid, and ends with 4 where one is not", async () => {
    const here = place(files)
    const good = await here.flujo("validate good.yaml two.yaml")
    ended(good, 0)
    assert.include(good.stdout, "good.yaml: valid")
    const bad = await here.flujo("validate bad.yaml good.yaml")
    ended(bad, 4)
    assert.match(bad.stdout, /bad\.yaml: not valid, \d+ errors?/)
    assert.include(bad.stdout, "good.yaml: valid")
    assert.include(bad.stdout, "did you mean")
  })

  it("--format json is the object of the seed, alone or for several files; --no-strict ends with 0", async () => {
    const here = place(files)
    const one = await here.flujo("validate bad.yaml --format=json")
    ended(one, 4)
    const report = JSON.parse(one.stdout)
    assert.deepStrictEqual(Object.keys(report), ["is_valid", "errors", "warnings", "path"])
    assert.isFalse(report.is_valid)
    assert.isAbove(report.errors.length, 0)
    const both = await here.flujo("dev validate bad.yaml good.yaml --output-format json --no-strict")
    ended(both, 0)
    assert.lengthOf(JSON.parse(both.stdout).files, 2)
    assert.deepStrictEqual(envelope(await here.flujo("validate bad.yaml --json")).data, report)
  })

  it("and run agree on what is an error, and on the project's word about it", async () => {
    const steps = "  - { name: a, uses: agents.w }\n  - { name: b, input: '{{ previous_step.output }}' }\n"
    const text = `version: "0.1"\nagents: { w: { model: "offline:x", system_prompt: W } }\nsteps:\n${steps}`
    const here = place({ "x.yaml": text })
    refused(await here.flujo("run x.yaml --input y"), 4, "V-T1", "x.yaml:5")
    assert.strictEqual((await here.flujo("validate x.yaml")).status, 4)
    assert.strictEqual((await here.flujo("lens list")).stdout, "No runs.\n")
    here.write("flujo.toml", '[rules]\n"V-T9" = "off"\n')
    refused(await here.flujo("run x.yaml --input y"), 2, "there is no rule", "flujo.toml:2")
    here.write("flujo.toml", '[rules]\n"V-T1" = "off"\n')
    refused(await here.flujo("run x.yaml --input y"), 1, "previous_step")
  })

  it("reports the others where one is missing", async () => {
    const here = place(files)
    const done = await here.flujo("validate missing.yaml good.yaml dir bad.yaml")
    ended(done, 4)
    assert.include(done.stdout, "good.yaml: valid")
    assert.match(done.stdout, /bad\.yaml: not valid/)
    assert.include(done.stdout, "missing.yaml: not read")
    const only = await here.flujo("validate missing.yaml good.yaml")
    ended(only, 2)
    assert.include(only.stdout, "good.yaml: valid")
    const report = await here.flujo("validate missing.yaml good.yaml --format json --no-strict")
    ended(report, 2)
    assert.lengthOf(JSON.parse(report.stdout).files, 2)
    assert.isFalse(JSON.parse(report.stdout).is_valid)
    refused(await here.flujo("validate missing.yaml"), 2, "missing.yaml", "no such file")
  })

  it("without a file means the project's", async () => {
    const here = place({ "flujo.toml": "", "pipeline.yaml": echo, "sub/x": "" })
    const done = await here.flujo("validate", { cwd: "sub" })
    ended(done, 0)
    assert.strictEqual(done.stdout, "pipeline.yaml: valid\n")
  })
})

describe.concurrent("surroundings", () => {
  it("without a home, a locale or a path, it works", async () => {
    const here = place({ "two.yaml": twoQuestions })
    const bare = await here.shell(`exec env -i "${process.execPath}" "${bin}" run two.yaml`)
    ended(bare, 0)
    assert.include(bare.stderr, "Which colour?")
  })

  it("in a working folder that was deleted, it says so", async () => {
    const here = place({})
    for (const words of ["run", "status", "lens list", "init"]) {
      mkdirSync(here.at("gone"))
      const done = await here.shell(`cd gone && rmdir ../gone && flujo ${words}`)
      refused(done, 2, "the working folder was deleted")
    }
    mkdirSync(here.at("gone"))
    ended(await here.shell("cd gone && rmdir ../gone && flujo --version"), 0)
  })

  it("with a folder for its state that is full, it says so, and what was before is there", async () => {
    const here = place({ "echo.yaml": echo, "big.txt": "x".repeat(100_000) })
    // Where nothing may be mounted, the greatest size of a file that a process may write stands for the disk that is full.
    const mayMount = (await here.shell("unshare -rm mount -t tmpfs none /mnt")).status === 0
    const full = (line: string) =>
      mayMount
        ? here.shell(`unshare -rm bash -c 'mount -t tmpfs -o size=300k none full && ${line}'`)
        : here.shell(`ulimit -f 64; ${line}`)
    mkdirSync(here.at("full"))
    const flujo = `"${process.execPath}" "${bin}"`
    const uri = "--state-uri sqlite:///full/state.db"
    const done = await full(
      `head -c 200000 /dev/zero | tr "\\0" x > ${mayMount ? "full/in" : "/dev/null"}; ` +
        `${flujo} run echo.yaml ${uri} --no-steps --input-file big.txt`
    )
    ended(done, 1)
    assert.strictEqual(done.stdout, "")
    assert.match(done.stderr, /error\[FLJ-(ENGINE-11|JOURNAL-7)\]: .*(full|disk)/)
    assert.notMatch(done.stderr, /^ {4}at /m)
    ended(await here.flujo(`run echo.yaml ${uri} --input x`), 0)
  })
})
