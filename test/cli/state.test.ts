/** Where a command works, and where it keeps runs: every form of saying so, each first one that is said. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import { bin, type Done, echo, ended, envelope, type Place, place, refused } from "./Flujo.js"

const setting = (done: Done, name: string): { readonly value: string; readonly said: string } =>
  envelope(done).data.find((row: { name: string }) => row.name === name)

const project = (toml = "", more: Readonly<Record<string, string>> = {}) =>
  place({ "flujo.toml": toml, "pipeline.yaml": echo, "sub/deep/x.txt": "", ...more })

describe.concurrent("the project", () => {
  it("is looked for upwards, by flujo.toml or pipeline.yaml, and its pipeline is the one that is meant", async () => {
    const [here, only] = [project(), place({ "pipeline.yaml": echo, "sub/x.txt": "" })]
    const inner = await here.flujo("run --input x", { cwd: "sub/deep" })
    ended(inner, 0)
    assert.isTrue(here.has(".flujo/state.db"))
    ended(await only.flujo("run --input x", { cwd: "sub" }), 0)
    assert.isTrue(only.has(".flujo/state.db"))
    assert.isFalse(only.has("sub/flujo_ops.db"))
  })

  it("is the one of --project, else of FLUJO_PROJECT_ROOT, else the nearest", async () => {
    const here = place({ "a/flujo.toml": "", "b/flujo.toml": "", "c/flujo.toml": "", "c/pipeline.yaml": echo })
    const at = async (words: string, env = {}) =>
      setting(await here.flujo(`dev show-config --json ${words}`, { cwd: "c", env }), "project")
    const [flag, variable, near] = await Promise.all([
      at("--project ../a", { FLUJO_PROJECT_ROOT: here.at("b") }),
      at("", { FLUJO_PROJECT_ROOT: here.at("b") }),
      at("")
    ])
    assert.deepInclude(flag, { value: here.at("a"), said: "flag --project" })
    assert.deepInclude(variable, { value: here.at("b"), said: "environment variable FLUJO_PROJECT_ROOT" })
    assert.deepInclude(near, { value: here.at("c"), said: "default" })
    const ran = await here.flujo("run --project c --input x")
    ended(ran, 0)
    assert.match(ran.stderr, /next: flujo lens trace \S+ --project c\n/)
    refused(await here.flujo("run --project nowhere"), 2, "nowhere")
    refused(await here.flujo("status", { env: { FLUJO_PROJECT_ROOT: "/nowhere/at/all" } }), 2, "/nowhere/at/all")
    refused(await here.flujo("run --project c/flujo.toml"), 2)
  })

  it("need not be: a file that is named runs anywhere, without one it says what to do", async () => {
    const here = place({ "some.yaml": echo })
    ended(await here.flujo("run some.yaml --input x"), 0)
    assert.isTrue(here.has("flujo_ops.db"))
    refused(await here.flujo("run"), 2, "there is no pipeline.yaml", "flujo init")
  })
})

describe.concurrent("the state", () => {
  /** Whether a run is kept, and where. */
  const kept = async (here: Place, words = "", env: Readonly<Record<string, string>> = {}, files = "pipeline.yaml") => {
    const done = await here.flujo(`run ${files} --input x ${words}`, { env })
    ended(done, 0)
    return readdirSync(here.folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".db"))
      .sort()
  }

  it("is kept in .flujo/state.db of a project, and in flujo_ops.db outside of one, for its owner only", async () => {
    const [inside, outside] = [project(), place({ "some.yaml": echo })]
    assert.deepStrictEqual(await kept(inside), [".flujo/state.db"])
    assert.strictEqual(statSync(inside.at(".flujo/state.db")).mode & 0o777, 0o600)
    assert.deepStrictEqual(await kept(outside, "", {}, "some.yaml"), ["flujo_ops.db"])
  })

  it("is where the flag says, else the environment, else flujo.toml", async () => {
    const toml = 'state_uri = "sqlite:///of_toml.db"\n'
    const env = { FLUJO_STATE_URI: "sqlite:///of_variable.db" }
    const [flag, variable, file] = [project(toml), project(toml), project(toml)]
    const results = await Promise.all([
      kept(flag, "--state-uri sqlite:///sub/of_flag.db", env),
      kept(variable, "", env),
      kept(file, "", { FLUJO_STATE_URI: "" })
    ])
    assert.deepStrictEqual(results, [["sub/of_flag.db"], ["of_variable.db"], ["of_toml.db"]])
    const absolute = project()
    const said = await absolute.flujo(`run --input x --state-uri sqlite:///${absolute.at("abs.db")}`)
    ended(said, 0)
    assert.isTrue(absolute.has("abs.db"))
    assert.include(said.stderr, `--state-uri sqlite:///${absolute.at("abs.db")}`)
  })

  it.for([
    ["--state-uri memory://", {}, ""],
    ["", { FLUJO_STATE_URI: "memory://" }, ""],
    ["", { FLUJO_STATE_MODE: "memory" }, ""],
    ["", { FLUJO_STATE_MODE: "ephemeral" }, 'state_uri = "sqlite:///x.db"'],
    ["", { FLUJO_EPHEMERAL_STATE: "1" }, ""],
    ["", { FLUJO_EPHEMERAL_STATE: "true" }, ""],
    ["", { FLUJO_EPHEMERAL_STATE: "yes" }, ""],
    ["", { FLUJO_EPHEMERAL_STATE: "on" }, ""],
    ["", {}, 'state_uri = "memory://"'],
    ["", {}, "settings.test_mode = true"],
    ["", { FLUJO_TEST_MODE: "1" }, ""]
  ] as const)("is nowhere with %s %o %s", async ([words, env, toml]) => {
    const here = project(toml)
    assert.deepStrictEqual(await kept(here, words, env), [])
    const after = await here.flujo(`lens list ${words}`, { env })
    ended(after, 2)
    assert.include(after.stderr, "memory://")
  })

  it("of test mode is where a state URI says, if one does", async () => {
    const here = project('state_uri = "sqlite:///kept.db"\nsettings.test_mode = true\n')
    assert.deepStrictEqual(await kept(here), ["kept.db"])
    assert.deepStrictEqual(await kept(project(), "", { FLUJO_EPHEMERAL_STATE: "0" }), [".flujo/state.db"])
  })

  it("is nowhere after the seed's own line, added to what init wrote", async () => {
    const here = place()
    const done = await here.shell(
      `flujo init && echo 'state_uri = "memory://"' >> flujo.toml && flujo run --input "A text." && flujo status`
    )
    ended(done, 0)
    assert.match(done.stdout, /^state_uri +memory:\/\/ +\S+flujo\.toml:\d+$/m)
    assert.isFalse(here.has(".flujo"))
  })

  it("of no known kind is refused, with those that there are", async () => {
    const here = project()
    refused(await here.flujo("run --state-uri redis://x"), 2, "supported are sqlite, postgresql and memory")
    refused(await here.flujo("run --state-uri sqlit:///x.db"), 2, "did you mean sqlite://?")
    refused(await here.flujo("run", { env: { FLUJO_STATE_URI: "/some/file.db" } }), 2, "FLUJO_STATE_URI")
    refused(await here.flujo("run", { env: { FLUJO_STATE_MODE: "disk" } }), 2, "FLUJO_STATE_MODE")
    refused(await here.flujo("run", { env: { FLUJO_EPHEMERAL_STATE: "perhaps" } }), 2, "FLUJO_EPHEMERAL_STATE")
    assert.isFalse(here.has(".flujo"))
  })
})

describe.concurrent("flujo.toml", () => {
  it.for([
    ["[settings]\ntest_mode = false\nstate_uri = 'memory://'\n", "flujo.toml:3", "state_uri"],
    ["state_url = 'memory://'\n", "flujo.toml:1", "state_uri"],
    ["state_uri = 1\n", "flujo.toml:1", ""],
    ["state_uri = 'x\n", "flujo.toml:1", ""],
    ["state.durability = 'most'\n", "flujo.toml:1", "full"],
    ["env_file = '../.env'\n", "flujo.toml:1", "out of the project"]
  ] as const)("%s is refused with its line", async ([toml, place, says]) => {
    const done = await project(toml).flujo("run --input x")
    refused(done, 2, place, says)
  })

  it("names a file of variables, which the environment overrules", async () => {
    const here = project('env_file = ".env"\n', {
      ".env": "FLUJO_STATE_URI=sqlite:///of_file.db\nOPENAI_API_KEY=sk-secret-of-the-file\n"
    })
    const config = await here.flujo("dev show-config --json")
    assert.include(setting(config, "state_uri").value, "of_file.db")
    assert.include(setting(config, "state_uri").said, ".env:1")
    assert.strictEqual(setting(config, "OPENAI_API_KEY").value, "set")
    assert.notInclude(config.stdout, "sk-secret-of-the-file")
    const over = await here.flujo("dev show-config --json", { env: { FLUJO_STATE_URI: "memory://" } })
    assert.strictEqual(setting(over, "state_uri").value, "memory://")
    const absent = project('env_file = ".env"\n')
    assert.include(setting(await absent.flujo("dev show-config --json"), "env_file").value, "not there")
    const broken = project('env_file = ".env"\n', { ".env": "this is no variable\n" })
    refused(await broken.flujo("run --input x"), 2, ".env:1")
  })

  it("says what becomes of names that are not there, and a run goes on as it was started", async () => {
    const steps = '  - name: said\n    input: "[{{ initial_prompt.nothing }}]"\n  - kind: hitl\n    message: "Go on?"\n'
    const here = project("", { "loose.yaml": `version: "0.1"\nname: loose\nsteps:\n${steps}` })
    ended(await here.flujo("run loose.yaml --input x"), 1)
    here.write("flujo.toml", '[template]\nundefined_variables = "ignore"\n')
    ended(await here.flujo("run loose.yaml --input x --run-id r"), 0)
    here.write("flujo.toml", "")
    ended(await here.flujo("answer r yes"), 0)
    ended(await here.flujo("lens replay r"), 0)
    const variable = { env: { FLUJO_TEMPLATE_UNDEFINED: "ignore" } }
    ended(await here.flujo("run loose.yaml --input x", variable), 0)
  })

  it("says how durable runs are", async () => {
    const here = project('state.durability = "normal"\n')
    assert.strictEqual(setting(await here.flujo("dev show-config --json"), "state.durability").value, "normal")
    ended(await here.flujo("run --input x"), 0)
  })
})

describe.concurrent("a state that cannot be used is left as it is", () => {
  const untouched = async (here: Place, file: string, status: number, ...says: ReadonlyArray<string>) => {
    const before = readFileSync(here.at(file))
    for (const words of ["run --input x", "lens list", "resume last"]) {
      refused(await here.flujo(words), status, ...says)
      assert.isTrue(before.equals(readFileSync(here.at(file))), words)
    }
  }
  const db = ".flujo/state.db"

  it("a text file", async () => {
    const here = project()
    here.write(db, "just some notes\n".repeat(100))
    await untouched(here, db, 2, "state.db")
  })

  it("a database of another program", async () => {
    const here = project()
    mkdirSync(here.at(".flujo"))
    const other = new Database(here.at(db))
    other.exec("create table mine (x); insert into mine values (1)")
    other.close()
    await untouched(here, db, 2, "state.db")
  })

  it("one that was cut off", async () => {
    const here = project()
    ended(await here.flujo("run --input x"), 0)
    const whole = readFileSync(here.at(db))
    for (const left of ["-wal", "-shm"]) rmSync(here.at(db + left), { force: true })
    here.write(db, whole.subarray(0, Math.floor(whole.length / 2)))
    await untouched(here, db, 5, "state.db")
  })

  it("one of a newer flujo", async () => {
    const here = project()
    ended(await here.flujo("run --input x"), 0)
    const newer = new Database(here.at(db))
    newer.pragma("user_version = 999")
    newer.pragma("wal_checkpoint(truncate)")
    newer.close()
    await untouched(here, db, 2, "newer")
  })

  it("a folder, or a file in place of its folder", async () => {
    const here = project()
    mkdirSync(here.at(db), { recursive: true })
    refused(await here.flujo("run --input x"), 2, "state.db")
    const file = project("", { ".flujo": "" })
    refused(await file.flujo("run --input x"), 2, ".flujo")
    const link = project()
    symlinkSync("nowhere/state.db", here.at("loop"))
    symlinkSync("loop", link.at("loop"))
    refused(await link.flujo("run --input x --state-uri sqlite:///loop"), 2)
    refused(await link.flujo("run --input x --state-uri sqlite:////proc/flujo/state.db"), 2, "/proc/flujo")
  })

  it("one that another program has locked, which is waited for a little", async () => {
    const here = project()
    ended(await here.flujo("run --input x"), 0)
    const holder = new Database(here.at(db))
    holder.exec("begin exclusive")
    try {
      refused(await here.flujo("run --input x"), 1, "locked")
    } finally {
      holder.close()
    }
    ended(await here.flujo("run --input x"), 0)
  })

  it("one that is read-only still shows its runs, to who may not write", async () => {
    const here = project()
    ended(await here.flujo("run --input x --run-id there"), 0)
    chmodSync(here.at(db), 0o444)
    chmodSync(here.at(".flujo"), 0o555)
    chmodSync(here.folder, 0o755)
    // The superuser may write everywhere, so somebody else runs the command where that is who runs the tests.
    const as = process.getuid?.() === 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : ""
    const say = (words: string) => here.shell(`${as}"${process.execPath}" "${bin}" ${words}`)
    const list = await say("lens list --json")
    assert.strictEqual(envelope(list).data[0].run, "there")
    ended(await say("lens replay there"), 0)
    refused(await say("run --input x"), 2, "read-only")
    refused(await say("cancel there"), 2, "read-only")
    chmodSync(here.at(".flujo"), 0o755)
  })
})
