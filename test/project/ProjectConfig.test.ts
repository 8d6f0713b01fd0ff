import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import * as NodePath from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as ProjectConfig from "../../src/project/ProjectConfig.js"
import type { ProjectError } from "../../src/project/ProjectError.js"
import * as Setting from "../../src/project/Setting.js"
import * as StateUri from "../../src/project/StateUri.js"
import * as Templates from "../../src/project/Templates.js"

interface Said {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly project?: string
  readonly stateUri?: string
}

/** A folder of its own with these files, gone afterwards. */
const inFolder = <A, E>(
  files: Readonly<Record<string, string | Uint8Array>>,
  use: (folder: string) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const folder = Fs.realpathSync(Fs.mkdtempSync(NodePath.join(tmpdir(), "flujo-project-")))
      for (const [name, content] of Object.entries(files)) {
        Fs.mkdirSync(NodePath.dirname(NodePath.join(folder, name)), { recursive: true })
        Fs.writeFileSync(NodePath.join(folder, name), content)
      }
      return folder
    }),
    use,
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )

const read = (folder: string, { cwd, env, ...flags }: Said = {}) =>
  ProjectConfig.read({
    cwd: NodePath.join(folder, cwd ?? ""),
    environment: new Map(Object.entries(env ?? {})),
    flags
  }).pipe(Effect.provide(NodeContext.layer))

const state = (folder: string, said: Said = {}) =>
  Effect.map(read(folder, said), ({ stateUri: { source, value } }) => {
    const where =
      value._tag === "Sqlite"
        ? NodePath.relative(folder, value.path)
        : value._tag === "Memory"
          ? "memory"
          : StateUri.show(value)
    return `${where} by ${Setting.describe(source).replace(`${folder}/`, "")}`
  })

const refused = (
  files: Readonly<Record<string, string | Uint8Array>>,
  check: (error: ProjectError, folder: string) => void,
  said: Said = {},
  prepare: (folder: string) => void = () => {}
) =>
  inFolder(files, (folder) =>
    Effect.gen(function* () {
      prepare(folder)
      const before = Fs.readdirSync(folder).sort()
      const error = yield* Effect.flip(read(folder, said))
      assert.strictEqual(error._tag, "ProjectError")
      check(error, folder)
      assert.deepStrictEqual(Fs.readdirSync(folder).sort(), before)
    })
  )

describe("providers", () => {
  it.effect("are read by their names, with the place where each stands", () =>
    inFolder(
      {
        "flujo.toml":
          '[providers.groq]\nbase_url = "https://api.groq.com/openai/v1"\napi_key_env = "GROQ_API_KEY"\napi = "responses"\n\n[providers.my-own]\nbase_url = "http://127.0.0.1:1234"\n'
      },
      (folder) =>
        Effect.gen(function* () {
          const { providers } = yield* read(folder)
          assert.deepStrictEqual(
            [...providers].map(([name, { source, value }]) => [
              name,
              value,
              Setting.describe(source).replace(`${folder}/`, "")
            ]),
            [
              [
                "groq",
                { baseUrl: "https://api.groq.com/openai/v1", apiKeyEnv: "GROQ_API_KEY", api: "responses" },
                "flujo.toml:1"
              ],
              ["my-own", { baseUrl: "http://127.0.0.1:1234" }, "flujo.toml:6"]
            ]
          )
        })
    )
  )

  it.effect("are none where nothing is said", () =>
    inFolder({ "flujo.toml": "" }, (folder) =>
      Effect.map(read(folder), ({ providers }) => assert.strictEqual(providers.size, 0))
    )
  )
})

describe("finding the project", () => {
  it.effect("a flag goes before the environment, and that before looking upwards", () =>
    inFolder(
      { "a/flujo.toml": "", "b/flujo.toml": "", "c/pipeline.yaml": "", "c/d/e/x": "", "f/pipeline.yml": "" },
      (folder) =>
        Effect.gen(function* () {
          const root = (said: Said) =>
            Effect.map(read(folder, said), (config) =>
              Option.map(config.root, ({ source, value }) => [NodePath.relative(folder, value), source._tag])
            )
          const env = { FLUJO_PROJECT_ROOT: NodePath.join(folder, "b") }
          assert.deepStrictEqual(yield* root({ project: "a", env, cwd: "" }), Option.some(["a", "Flag"]))
          assert.deepStrictEqual(yield* root({ env, cwd: "c" }), Option.some(["b", "Environment"]))
          assert.deepStrictEqual(yield* root({ cwd: "c/d/e" }), Option.some(["c", "Default"]))
          assert.deepStrictEqual(
            yield* root({ cwd: "f", env: { FLUJO_PROJECT_ROOT: "" } }),
            Option.some(["f", "Default"])
          )
          assert.deepStrictEqual(
            yield* root({ project: "../d", cwd: "c/d/e" }).pipe(
              Effect.flip,
              Effect.map((e) => e.reason)
            ),
            "NotFound"
          )
          // A folder that is named need not be marked.
          assert.deepStrictEqual(yield* root({ project: "d", cwd: "c" }), Option.some(["c/d", "Flag"]))
        })
    )
  )

  it.effect("outside of one there is none, and what needs one says how to make it", () =>
    inFolder({}, (folder) =>
      Effect.gen(function* () {
        const config = yield* read(folder)
        assert.isTrue(Option.isNone(config.root))
        const error = Either.getLeft(ProjectConfig.requireRoot(config)).pipe(Option.getOrThrow)
        assert.strictEqual(error.reason, "NoProject")
        assert.include(error.message, "flujo init")
      })
    )
  )

  it.effect("a project that is not there, is a file or has no name is refused, and the flag is named", () =>
    Effect.gen(function* () {
      const names = (reason: string, what: string) => (error: ProjectError) => {
        assert.strictEqual(error.reason, reason)
        assert.include(error.message, what)
      }
      yield* refused({}, names("NotFound", "--project"), { project: "nowhere" })
      yield* refused({ file: "" }, names("NotAFolder", "--project"), { project: "file" })
      yield* refused({}, names("BadValue", "--project"), { project: "" })
      yield* refused({}, names("BadValue", "--project"), { project: "a\0b" })
      yield* refused({}, names("NotFound", "FLUJO_PROJECT_ROOT"), { env: { FLUJO_PROJECT_ROOT: "/nowhere/at/all" } })
    })
  )
})

describe("where the state is", () => {
  it.effect("by default inside the project, and beside one stands outside of any", () =>
    Effect.gen(function* () {
      yield* inFolder({ "flujo.toml": "", "sub/x": "" }, (folder) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* state(folder), ".flujo/state.db by default")
          assert.strictEqual(yield* state(folder, { cwd: "sub" }), ".flujo/state.db by default")
        })
      )
      yield* inFolder({}, (folder) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* state(folder), "flujo_ops.db by default")
          assert.strictEqual(
            yield* state(folder, { env: { FLUJO_STATE_URI: "sqlite:///a.db" } }),
            "a.db by environment variable FLUJO_STATE_URI"
          )
        })
      )
    })
  )

  it.effect("a relative path starts at the project from any folder of it, whoever says it", () =>
    inFolder({ "flujo.toml": '# c\n\nstate_uri = "sqlite:///.flujo/own.db"', "sub/x": "" }, (folder) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* state(folder, { cwd: "sub" }), ".flujo/own.db by flujo.toml:3")
        assert.strictEqual(yield* state(folder, { cwd: "sub", stateUri: "sqlite:///a.db" }), "a.db by flag --state-uri")
      })
    )
  )

  it.effect("every variable of the seed makes it memory", () =>
    inFolder({ "flujo.toml": 'state_uri = "sqlite:///own.db"' }, (folder) =>
      Effect.gen(function* () {
        const variables: ReadonlyArray<readonly [string, string]> = [
          ["FLUJO_STATE_URI", "memory://"],
          ["FLUJO_STATE_MODE", "memory"],
          ["FLUJO_STATE_MODE", "ephemeral"],
          ["FLUJO_STATE_MODE", "Memory"],
          ...["1", "true", "yes", "on", "TRUE", " on "].map((word) => ["FLUJO_EPHEMERAL_STATE", word] as const)
        ]
        for (const [name, value] of variables) {
          assert.strictEqual(yield* state(folder, { env: { [name]: value } }), `memory by environment variable ${name}`)
        }
        for (const env of [
          { FLUJO_EPHEMERAL_STATE: "0" },
          { FLUJO_EPHEMERAL_STATE: "" },
          { FLUJO_STATE_MODE: "" },
          { FLUJO_STATE_URI: " " }
        ]) {
          assert.strictEqual(yield* state(folder, { env }), "own.db by flujo.toml:1")
        }
      })
    )
  )

  it.effect("test mode is memory unless a state URI is given", () =>
    Effect.gen(function* () {
      yield* inFolder({ "flujo.toml": "[settings]\ntest_mode = true" }, (folder) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* state(folder), "memory by flujo.toml:2")
          assert.strictEqual(yield* state(folder, { stateUri: "sqlite:///a.db" }), "a.db by flag --state-uri")
          assert.strictEqual(yield* state(folder, { env: { FLUJO_TEST_MODE: "0" } }), ".flujo/state.db by default")
        })
      )
      yield* inFolder({ "flujo.toml": 'state_uri = "sqlite:///own.db"' }, (folder) =>
        Effect.gen(function* () {
          const env = { FLUJO_TEST_MODE: "1" }
          assert.strictEqual(yield* state(folder, { env }), "own.db by flujo.toml:1")
          assert.isTrue((yield* read(folder, { env })).testMode.value)
        })
      )
      yield* inFolder({}, (folder) =>
        Effect.gen(function* () {
          assert.strictEqual(
            yield* state(folder, { env: { FLUJO_TEST_MODE: "on" } }),
            "memory by environment variable FLUJO_TEST_MODE"
          )
        })
      )
    })
  )

  it.effect.prop(
    "the first of all that say something counts: flag, environment, environment file, flujo.toml, test mode, default",
    [FastCheck.array(FastCheck.boolean(), { minLength: 9, maxLength: 9 })],
    ([bits]) => {
      const [flag, uri, mode, ephemeral, fileUri, fileMode, fileEphemeral, toml, test] = bits
      const say = (set: boolean | undefined, name: string, value: string) => (set ? { [name]: value } : {})
      const env = {
        ...say(uri, "FLUJO_STATE_URI", "sqlite:///environment.db"),
        ...say(mode, "FLUJO_STATE_MODE", "memory"),
        ...say(ephemeral, "FLUJO_EPHEMERAL_STATE", "1"),
        ...say(test, "FLUJO_TEST_MODE", "yes")
      }
      const dotenv = [
        fileUri ? "FLUJO_STATE_URI=sqlite:///dotenv.db" : "",
        fileMode ? "FLUJO_STATE_MODE=ephemeral" : "",
        fileEphemeral ? "FLUJO_EPHEMERAL_STATE=yes" : ""
      ].join("\n")
      const expected = flag
        ? "flag.db by flag --state-uri"
        : uri
          ? "environment.db by environment variable FLUJO_STATE_URI"
          : mode
            ? "memory by environment variable FLUJO_STATE_MODE"
            : ephemeral
              ? "memory by environment variable FLUJO_EPHEMERAL_STATE"
              : fileUri
                ? "dotenv.db by FLUJO_STATE_URI in .env:1"
                : fileMode
                  ? "memory by FLUJO_STATE_MODE in .env:2"
                  : fileEphemeral
                    ? "memory by FLUJO_EPHEMERAL_STATE in .env:3"
                    : toml
                      ? "toml.db by flujo.toml:2"
                      : test
                        ? "memory by environment variable FLUJO_TEST_MODE"
                        : ".flujo/state.db by default"
      const files = {
        "flujo.toml": `env_file = ".env"\n${toml ? 'state_uri = "sqlite:///toml.db"' : ""}`,
        ".env": dotenv
      }
      return inFolder(files, (folder) =>
        Effect.map(state(folder, { env, ...(flag ? { stateUri: "sqlite:///flag.db" } : {}) }), (found) =>
          assert.strictEqual(found, expected)
        )
      )
    },
    { fastCheck: { numRuns: 300 } }
  )

  it.effect("a mistake that is not reached does not hinder", () =>
    inFolder({ "flujo.toml": 'state_uri = "nonsense://"' }, (folder) =>
      Effect.map(state(folder, { stateUri: "memory://" }), (found) =>
        assert.strictEqual(found, "memory by flag --state-uri")
      )
    )
  )
})

describe("flujo.toml", () => {
  it.effect("each value remembers where it was said", () =>
    inFolder(
      { "flujo.toml": '\nenv_file = ".env"\n[state]\ndurability = "normal"\n[settings]\ntest_mode = true' },
      (folder) =>
        Effect.map(read(folder), (config) => {
          const file = NodePath.join(folder, "flujo.toml")
          assert.deepStrictEqual(config.file, Option.some(file))
          assert.deepStrictEqual(config.durability, {
            value: "normal",
            source: { _tag: "File", key: "state.durability", file, line: 4 }
          })
          assert.deepStrictEqual(config.testMode, {
            value: true,
            source: { _tag: "File", key: "settings.test_mode", file, line: 6 }
          })
          assert.deepStrictEqual(
            config.envFile,
            Option.some({
              value: { file: NodePath.join(folder, ".env"), found: false },
              source: { _tag: "File" as const, key: "env_file", file, line: 2 }
            })
          )
        })
    )
  )

  it.effect("says what templates do with names that are not there, below the environment", () =>
    inFolder({ "flujo.toml": '[template]\nundefined_variables = "warn"' }, (folder) =>
      Effect.gen(function* () {
        const file = NodePath.join(folder, "flujo.toml")
        const { undefinedVariables } = yield* read(folder)
        const source = { _tag: "File" as const, key: "template.undefined_variables", file, line: 2 }
        assert.deepStrictEqual(undefinedVariables, { value: "warn", source })
        const over = yield* read(folder, { env: { FLUJO_TEMPLATE_UNDEFINED: " Ignore" } })
        assert.strictEqual(over.undefinedVariables.value, "ignore")
        assert.strictEqual(over.undefinedVariables.source._tag, "Environment")
      })
    )
  )

  it.effect("without it names that are not there are errors", () =>
    inFolder({ "flujo.toml": "" }, (folder) =>
      Effect.map(read(folder), (config) => assert.strictEqual(config.undefinedVariables.value, "strict"))
    )
  )

  it.effect("the seed's line may be added to the template, by the seed's own command", () =>
    inFolder(Templates.templates, (folder) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* state(folder), ".flujo/state.db by default")
        execFileSync("sh", ["-c", `echo 'state_uri = "memory://"' >> flujo.toml`], { cwd: folder })
        assert.match(yield* state(folder), /^memory by flujo\.toml:\d+$/)
        const config = yield* read(folder)
        assert.strictEqual(config.testMode.value, false)
        assert.strictEqual(config.durability.value, "full")
      })
    )
  )

  it.effect("a key of the top that ends up inside a table is told its line and what to do", () =>
    refused({ "flujo.toml": '# c\n[settings]\ntest_mode = false\nstate_uri = "memory://"\n' }, (error, folder) => {
      assert.strictEqual(error.reason, "MisplacedKey")
      assert.strictEqual(
        error.message,
        [
          `${folder}/flujo.toml:4:1: state_uri belongs at the top of the file, and here it is inside [settings]`,
          "  3 | test_mode = false",
          '  4 | state_uri = "memory://"',
          "    | ^",
          "hint: move line 4 above [settings] in line 2"
        ].join("\n")
      )
    })
  )

  const cases: ReadonlyArray<
    readonly [string, string | Uint8Array, string, number | undefined, ReadonlyArray<string>]
  > = [
    ["inside an inline table", 'settings = { state_uri = "memory://" }', "MisplacedKey", 1, ["state_uri = …"]],
    ["a dotted misplaced key", '\nsettings.env_file = ".env"', "MisplacedKey", 2, ["env_file = …"]],
    ["a key of a table at the top", "test_mode = true", "MisplacedKey", 1, ["[settings]", "settings.test_mode"]],
    ["a key of another table", "[state]\ntest_mode = true", "MisplacedKey", 2, ["[settings]"]],
    ["a typo", 'state_url = "memory://"', "UnknownKey", 1, ["did you mean state_uri?"]],
    ["a typo in a table", "[settings]\ntestmode = true", "UnknownKey", 2, ["did you mean test_mode?"]],
    ["a typo of a table", "\n[setings]\ntest_mode = true", "UnknownKey", 2, ["did you mean settings?"]],
    [
      "an unknown key",
      "colour = 1",
      "UnknownKey",
      1,
      ["known here: state_uri, env_file, phi, settings, state, ledger, encryption, template"]
    ],
    ["__proto__", "__proto__ = 1", "UnknownKey", 1, ["__proto__"]],
    ["a __proto__ table", "[__proto__]\nstate_uri = 1", "UnknownKey", 1, ["__proto__"]],
    ["constructor", "[settings.constructor]\nx = 1", "UnknownKey", 1, ["constructor"]],
    ["a wrong type", '\n[settings]\ntest_mode = "wrong"', "BadValue", 3, ["settings.test_mode must be true or false"]],
    ["a number for a text", "state_uri = 5", "BadValue", 1, ["state_uri must be a text"]],
    ["a list for a text", 'env_file = ["wrong"]', "BadValue", 1, ["env_file must be a text"]],
    ["a word that is none", '[state]\ndurability = "half"', "BadValue", 2, ['must be "full" or "normal"']],
    [
      "a policy that is none",
      '[template]\nundefined_variables = "lenient"',
      "BadValue",
      2,
      ['must be "strict", "warn" or "ignore"']
    ],
    ["a value for a table", "settings = 5", "BadValue", 1, ["settings must be a table"]],
    ["a list of tables", "[[settings]]\ntest_mode = true", "BadValue", 1, ["settings must be a table"]],
    ["a date for a text", "state_uri = 2024-01-01", "BadValue", 1, ["must be a text"]],
    ["no quotes", "\nstate_uri = memory://", "Syntax", 2, ["quotes"]],
    ["no equals sign", "\n\nstate_uri", "Syntax", 3, []],
    ["a key twice", 'env_file = "a"\nenv_file = "b"', "Syntax", 2, ["once"]],
    ["an open quote", 'env_file = "a', "Syntax", 1, []],
    ["deep lists", `env_file = ${"[".repeat(5000)}`, "Syntax", undefined, []],
    ["deep headers", `[${"a.".repeat(5000)}a]`, "UnknownKey", 1, []],
    ["not UTF-8", new Uint8Array([0x23, 0x0a, 0x0a, 0x23, 0xff, 0x0a]), "NotText", 3, ["UTF-8"]],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 0x61, 0x00]), "NotText", 1, ["UTF-16"]],
    ["NUL", "# a\n# b\0", "NotText", 2, ["NUL"]],
    ["a megabyte", `# ${"x".repeat(1024 * 1024)}`, "TooLarge", undefined, ["256 KiB"]],
    [
      "an unknown scheme",
      '\nstate_uri = "mysql://me:hunter2@host/db"',
      "BadStateUri",
      2,
      ["sqlite, postgresql and memory"]
    ],
    ["postgres without a database", 'state_uri = "postgresql://user:hunter2@host"', "BadStateUri", 1, ["no database"]],
    ["a password without a scheme", 'state_uri = "//user:p@hunter2@host/db"', "BadStateUri", 1, ["***@host/db"]],
    ["a password with an @", 'state_uri = "my://user:p@hunter2@host/db"', "BadStateUri", 1, ["my://***@host/db"]],
    ["an empty state URI", 'state_uri = ""', "BadStateUri", 1, ["empty"]],
    ["an unknown key with a secret", 'openai_api_key = "hunter2"\n', "UnknownKey", 1, ["openai_api_key"]],
    ["a password near a mistake", 'state_uri = "postgres://u:hunter2@h/d"\n= 1\n', "Syntax", 2, []],
    ["terminal codes", '"\\u001b[2J" = 1 # \u202e', "UnknownKey", 1, []],
    ["env_file outside", '\nenv_file = "../secrets"', "Outside", 2, []],
    ["env_file outside, absolute", 'env_file = "/etc/passwd"', "Outside", 1, []],
    ["env_file being the project", 'env_file = "."', "Outside", 1, []],
    ["env_file empty", 'env_file = ""', "BadValue", 1, []],
    [
      "a typo in a provider",
      '[providers.a]\nbase_ur = "http://a"',
      "UnknownKey",
      2,
      ["[providers.a]", "did you mean base_url?"]
    ],
    [
      "a key of the top in a provider",
      '[providers.a]\nstate_uri = "x"',
      "MisplacedKey",
      2,
      ["above [providers.a] in line 1"]
    ],
    [
      "a key in the file",
      '[providers.a]\napi_key = "hunter2"',
      "UnknownKey",
      2,
      ["[providers.a] has no api_key", "api_key_env"]
    ],
    [
      "a key in place of its variable",
      '[providers.a]\nbase_url = "http://a"\napi_key_env = "sk-hunter2"',
      "BadValue",
      3,
      ["providers.a.api_key_env is not the name"]
    ],
    ["a provider without an address", "\n[providers.a]", "BadValue", 2, ["providers.a.base_url is missing"]],
    [
      "an address that is none",
      '[providers.a]\nbase_url = "localhost:1"',
      "BadValue",
      2,
      ["providers.a.base_url is not an http"]
    ],
    [
      "an address with a password",
      '[providers.a]\nbase_url = "http://me:hunter2@h"',
      "BadValue",
      2,
      ["without a password"]
    ],
    [
      "a protocol that is none",
      '[providers.a]\nbase_url = "http://a"\napi = "soap"',
      "BadValue",
      3,
      ['providers.a.api must be "chat" or "responses"']
    ],
    ["a value for a provider", 'providers.a = "wrong"', "BadValue", 1, ["must be a table: [providers.a]"]],
    ["a value for the providers", 'providers = "wrong"', "BadValue", 1, ["must be a table: [providers.NAME]"]],
    [
      "a name with a slash",
      '[providers."a/b"]\nbase_url = "http://a"',
      "BadValue",
      undefined,
      ["is no name for a provider"]
    ]
  ]
  for (const [name, content, reason, line, parts] of cases) {
    it.effect(`refuses ${name}`, () =>
      refused({ "flujo.toml": content }, (error, folder) => {
        assert.strictEqual(error.reason, reason, error.message)
        assert.strictEqual(error.file, NodePath.join(folder, "flujo.toml"))
        if (line !== undefined) assert.strictEqual(error.line, line, error.message)
        for (const part of parts) assert.include(error.message, part)
        assert.notInclude(error.message + JSON.stringify(error), "hunter2")
        assert.notMatch(error.message.replaceAll("\n", ""), /[\p{Cc}\u202e]/u)
        assert.isBelow(error.message.length, 1500)
      })
    )
  }

  it.effect("a folder, a pipe and a link to itself in its place are refused", () =>
    Effect.gen(function* () {
      const file = (folder: string) => NodePath.join(folder, "flujo.toml")
      const reason = (expected: string) => (error: ProjectError) =>
        assert.strictEqual(error.reason, expected, error.message)
      yield* refused({}, reason("NotAFile"), {}, (folder) => Fs.mkdirSync(file(folder)))
      yield* refused({}, reason("NotAFile"), {}, (folder) => execFileSync("mkfifo", [file(folder)]))
      yield* refused({}, reason("NotAFile"), {}, (folder) => Fs.symlinkSync("/dev/zero", file(folder)))
      yield* refused(
        {},
        (error) => {
          assert.strictEqual(error.reason, "Unreadable")
          assert.include(error.message, "leads to itself")
        },
        {},
        (folder) => Fs.symlinkSync("flujo.toml", file(folder))
      )
    })
  )

  it.effect("an empty one, one with a byte order mark and one with Windows line ends are fine", () =>
    Effect.gen(function* () {
      for (const text of ["", "\n", "# c", '\ufeffstate_uri = "memory://"\r\n[settings]\r\ntest_mode = false\r\n']) {
        yield* inFolder({ "flujo.toml": text }, (folder) => read(folder))
      }
    })
  )
})

describe("variables", () => {
  const wrong: ReadonlyArray<readonly [Readonly<Record<string, string>>, string]> = [
    [{ FLUJO_STATE_URI: "postgres://u:hunter2@h" }, "BadStateUri"],
    [{ FLUJO_STATE_MODE: "hunter2" }, "BadValue"],
    [{ FLUJO_EPHEMERAL_STATE: "hunter2" }, "BadValue"],
    [{ FLUJO_TEST_MODE: "hunter2" }, "BadValue"],
    [{ FLUJO_TEMPLATE_UNDEFINED: "hunter2" }, "BadValue"]
  ]
  for (const [env, reason] of wrong) {
    const name = Object.keys(env)[0]!
    it.effect(`${name} that makes no sense is refused by name, in the environment and in a file`, () =>
      Effect.gen(function* () {
        yield* refused(
          {},
          (error) => {
            assert.strictEqual(error.reason, reason)
            assert.include(error.message, name)
            assert.notInclude(error.message, "hunter2")
          },
          { env }
        )
        yield* refused({ "flujo.toml": 'env_file = "x.env"', "x.env": `\n${name}=${env[name]}` }, (error, folder) => {
          assert.strictEqual(error.reason, reason)
          assert.include(error.message, `${folder}/x.env:2`)
          assert.include(error.message, name)
          assert.notInclude(error.message, "hunter2")
        })
      })
    )
  }

  it.effect("those of the environment file stand below the real ones, also below empty ones", () =>
    inFolder(
      { "flujo.toml": 'env_file = "conf/.env"', "conf/.env": "A=file\nB=file\nC=file\nFLUJO_EPHEMERAL_STATE=1" },
      (folder) =>
        Effect.gen(function* () {
          const config = yield* read(folder, { env: { B: "real", C: "", FLUJO_EPHEMERAL_STATE: "0" } })
          const { A, B, C } = Object.fromEntries(Redacted.value(config.environment))
          assert.deepStrictEqual({ A, B, C }, { A: "file", B: "real", C: "" })
          assert.strictEqual(config.stateUri.value._tag, "Sqlite")
          assert.notInclude(String(config.environment) + JSON.stringify(config), "real")
        })
    )
  )

  it.effect("an environment file that is wrong is shown by line, never by value", () =>
    refused({ "flujo.toml": 'env_file = ".env"', ".env": "A=1\nhunter2 pasted here\n" }, (error, folder) => {
      assert.strictEqual(error.reason, "Syntax")
      assert.include(error.message, `${folder}/.env:2:1`)
      assert.notInclude(error.message + JSON.stringify(error), "hunter2")
    })
  )

  it.effect("an environment file that is a folder, too large, no text, or a link out of the project is refused", () =>
    Effect.gen(function* () {
      const toml = { "flujo.toml": 'env_file = ".env"' }
      const reason = (expected: string) => (error: ProjectError) =>
        assert.strictEqual(error.reason, expected, error.message)
      yield* refused(toml, reason("NotAFile"), {}, (folder) => Fs.mkdirSync(NodePath.join(folder, ".env")))
      yield* refused({ ...toml, ".env": `A=${"x".repeat(300 * 1024)}` }, reason("TooLarge"))
      yield* refused({ ...toml, ".env": new Uint8Array([0xff]) }, reason("NotText"))
      yield* refused({ ...toml, ".env": "A=\0" }, reason("NotText"))
      yield* refused(toml, reason("Outside"), {}, (folder) =>
        Fs.symlinkSync("/etc/hostname", NodePath.join(folder, ".env"))
      )
      yield* refused(toml, reason("Unreadable"), {}, (folder) => Fs.symlinkSync(".env", NodePath.join(folder, ".env")))
    })
  )

  it.effect("a link inside a project that is itself reached through a link is fine", () =>
    inFolder({ "real/flujo.toml": 'env_file = ".env"', "real/inner/vars": "A=1" }, (folder) =>
      Effect.gen(function* () {
        Fs.symlinkSync("inner/vars", NodePath.join(folder, "real/.env"))
        Fs.symlinkSync("real", NodePath.join(folder, "link"))
        const config = yield* read(folder, { project: "link" })
        assert.strictEqual(Redacted.value(config.environment).get("A"), "1")
      })
    )
  )
})

it("memory is one value", () => assert.deepStrictEqual(StateUri.memory, { _tag: "Memory" }))
