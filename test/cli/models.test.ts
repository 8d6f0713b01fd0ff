/** What servers answer that are no good model: a clear message, exit code 1, and a run that can be tried again. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TinyServer from "../llm/TinyServer.js"
import { asking, ended, envelope, place, refused } from "./Flujo.js"

const key = "sk-this-is-the-secret-0123456789"
const cut: TinyServer.Handler = (response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "5000" })
  response.write('{"choices": [')
  setTimeout(() => response.destroy(), 20)
}

const cases: ReadonlyArray<readonly [what: string, handler: TinyServer.Handler, code: string, says: RegExp]> = [
  ["401", TinyServer.error(401, `Incorrect API key provided: ${key}`), "FLJ-LLM-1", /401|key/],
  ["429", TinyServer.error(429, "Slow down", null, { "retry-after": "0" }), "FLJ-LLM-2", /429|Slow down/],
  ["500", TinyServer.error(500, "Oops"), "FLJ-LLM-3", /500|Oops/],
  ["400", TinyServer.error(400, "Bad temperature"), "FLJ-LLM-7", /Bad temperature/],
  [
    "HTML",
    TinyServer.raw(200, "<html><body>Log in</body></html>", { "content-type": "text/html" }),
    "FLJ-LLM-9",
    /html/i
  ],
  [
    "HTML in place of an error",
    TinyServer.raw(404, "<html>nothing here</html>"),
    "FLJ-LLM-10",
    /nothing at this address/
  ],
  ["nothing", TinyServer.raw(200, ""), "FLJ-LLM-9", /empty|nothing/i],
  ["no choices", TinyServer.json(200, { choices: [] }), "FLJ-LLM-9", /./],
  ["a cut reply", cut, "FLJ-LLM-", /cut|broke|ended|closed/i],
  ["terminal codes", TinyServer.error(400, "\u001b[2J\u001b]0;owned\u0007"), "FLJ-LLM-7", /./]
]

describe.concurrent("a model that answers", () => {
  for (const [what, handler, code, says] of cases) {
    it.scoped(`${what}`, () =>
      Effect.gen(function* () {
        const server = yield* TinyServer.make(handler)
        const here = place({
          "ask.yaml": asking(),
          "flujo.toml": 'env_file = ".env"\n',
          ".env": `OPENAI_API_KEY=${key}\n`
        })
        const env = { OPENAI_BASE_URL: `${server.url}/v1` }
        const [person, program] = yield* Effect.promise(() =>
          Promise.all([
            here.flujo("run ask.yaml --input x --run-id r", { env }),
            here.flujo("run ask.yaml --input x --run-id s --json", { env })
          ])
        )
        ended(person, 1)
        assert.strictEqual(person.stdout, "")
        assert.include(person.stderr, `error[${code}`)
        assert.match(person.stderr, says)
        assert.match(person.stderr, /^ {2}next: flujo resume r$/m)
        ended(program, 1)
        const { details, ...error } = envelope(program).error
        assert.include(error.code, code)
        assert.strictEqual(error.location.step, "think")
        assert.strictEqual(details.status, "failed")
        for (const text of [person.stderr, program.stdout]) {
          assert.notInclude(text, key)
          assert.notInclude(text, "\u001b")
        }
      })
    )
  }

  it.scoped("well the second time completes a run that failed", () =>
    Effect.gen(function* () {
      const server = yield* TinyServer.make(
        TinyServer.error(400, "no"),
        TinyServer.json(200, TinyServer.completion("fine"))
      )
      const here = place({ "ask.yaml": asking() })
      const env = { OPENAI_BASE_URL: `${server.url}/v1` }
      const first = yield* Effect.promise(() => here.flujo("run ask.yaml --input x", { env }))
      refused(first, 1)
      const [, command] = /next: (flujo resume .*)$/m.exec(first.stderr)!
      const second = yield* Effect.promise(() => here.shell(command!, { env }))
      ended(second, 0)
      assert.strictEqual(second.stdout, "fine\n")
      const shown = yield* Effect.promise(() => here.flujo("lens trace last"))
      assert.include(shown.stdout, "2 attempts")
    })
  )
})

describe.concurrent("a model that cannot be asked", () => {
  it("because nobody listens, says where", async () => {
    const here = place({ "ask.yaml": asking() })
    const done = await here.flujo("run ask.yaml --input x", { env: { OPENAI_BASE_URL: "http://127.0.0.1:1/v1" } })
    ended(done, 1)
    assert.include(done.stderr, "error[FLJ-LLM-4]")
    assert.include(done.stderr, "127.0.0.1:1")
  })

  it("for want of a key or an address names the variable", async () => {
    const here = place({ "key.yaml": asking().replace("compatible:", "openai:"), "ask.yaml": asking() })
    const done = await here.flujo("run key.yaml --input x")
    ended(done, 1)
    assert.include(done.stderr, "OPENAI_API_KEY")
    const address = await here.flujo("run ask.yaml --input x")
    ended(address, 1)
    assert.include(address.stderr, "OPENAI_BASE_URL")
  })

  it("for its script says what is missing", async () => {
    const here = place({
      "ask.yaml": asking().replace("compatible:some-model", "scripted:none.json"),
      "out.yaml": asking().replace("compatible:some-model", "scripted:some.json"),
      "some.json": '{ "thinker": [] }'
    })
    const missing = await here.flujo("run ask.yaml --input x")
    ended(missing, 1)
    assert.include(missing.stderr, "none.json")
    const out = await here.flujo("run out.yaml --input x")
    ended(out, 1)
    assert.include(out.stderr, "error[FLJ-LLM-11]")
  })
})
