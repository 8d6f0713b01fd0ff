import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import type { Json } from "../../src/domain/Json.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import { isSecretName } from "../../src/redaction/SecretName.js"

const { json, text } = Redaction.make()
const filler = "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA1bC3dE5fG7hJ9"

describe("secrets of known shapes", () => {
  const secrets: ReadonlyArray<string> = [
    `sk-${filler}`,
    `sk-proj-${filler}_x-Y`,
    `sk-ant-api03-${filler}`,
    "AKIAIOSFODNN7EXAMPLE",
    `ghp_${filler}`,
    `github_pat_${filler}`,
    "xoxb-123456789012-abcdefABCDEF",
    "xoxp-123456789012-abcdefABCDEF",
    "xoxa-2-123456789012",
    "AIzaSyA1234567890abcdefghijklmnopqrstuvw",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1g",
    `-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----`,
    `-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKC and cut`
  ]
  for (const secret of secrets) {
    it(`${secret.slice(0, 14).replaceAll("\n", " ")}… is masked whole wherever it stands`, () => {
      assert.strictEqual(text(secret), Redaction.mask)
      for (const [before, after] of [
        ["the key: ", " end"],
        ["(", ")"],
        ['{"a":"', '"}'],
        ["\\n", "\n"],
        ["x=", ","]
      ]) {
        const shown = text(before + secret + after)
        assert.notInclude(shown, secret.slice(-20))
        assert.notInclude(shown, secret.slice(0, 20))
        assert.isTrue(shown.startsWith(before!), shown)
      }
    })
  }

  const lines: ReadonlyArray<readonly [string, string]> = [
    [`Authorization: Bearer ${filler}`, "Authorization: [redacted]"],
    [`curl -H "Authorization: Basic dXNlcjpwYXNz" http://h`, `curl -H "Authorization: [redacted]" http://h`],
    ["sent Bearer abc123def456.", "sent Bearer [redacted]"],
    ["password=hunter2 next", "password=[redacted] next"],
    ["db_password: hunter2\nuser: x", "db_password: [redacted]\nuser: x"],
    ["/api;/password=hunter2", "/api;/password=[redacted]"],
    ["?api_key=abcdef&page=2", "?api_key=[redacted]&page=2"],
    ['{"password":"a\\"b","user":"x"}', '{"password":"[redacted]","user":"x"}'],
    ['"{\\"password\\":\\"hunter2\\",\\"user\\":\\"x\\"}"', '"{\\"password\\":\\"[redacted]\\",\\"user\\":\\"x\\"}"'],
    ["secret = 'it is long'", "secret = '[redacted]'"],
    ["postgres://app:p@ss:w0rd@db:5432/x?y=1", "postgres://app:[redacted]@db:5432/x?y=1"],
    ["redis://:hunter2@cache", "redis://:[redacted]@cache"]
  ]
  for (const [given, expected] of lines) {
    it(`${JSON.stringify(given).slice(0, 60)} keeps its frame`, () => assert.strictEqual(text(given), expected))
  }
})

it("ordinary text stays as it is", () => {
  const plain = [
    "The task-force-management-system-of-long-names desk-top risk-free",
    "basic understanding of a bearer of bad news",
    "max_tokens: 4096, token_count=3, tokens: 12",
    "see https://example.com:8080/a?b=c and mail me@example.com",
    "git@github.com:owner/repo.git ssh://git@host/x",
    "password: {{ secrets.db }} token=$TOKEN",
    "the secret of good coffee; a password is needed",
    "scripted:/etc/passwd: no such file",
    '"no/passwd": there is no such file',
    "eyJ is how they start",
    ""
  ]
  for (const line of plain) assert.strictEqual(text(line), line)
})

describe("environment", () => {
  const environment = {
    MY_API_KEY: "plainvalue1",
    GITHUB_TOKEN: "tok tok tok",
    APP_SECRET: 'quote"and\nline',
    DB_PASSWORD_MAIN: "correcthorse",
    SHORT_TOKEN: "abc",
    HOME: "/home/someone",
    MASK_TOKEN: "redacted",
    DATABASE_URL: "postgres://u:urlpassword@h/db",
    NOTHING_TOKEN: undefined
  }
  const redaction = Redaction.make({ environment, secrets: ["from-a-file"] })

  it("values of variables named like secrets are masked anywhere, also encoded", () => {
    assert.strictEqual(redaction.text("<plainvalue1tok tok tok>"), "<[redacted]>")
    assert.strictEqual(redaction.text(JSON.stringify({ a: environment.APP_SECRET })), '{"a":"[redacted]"}')
    assert.strictEqual(redaction.text("?q=tok%20tok%20tok"), "?q=[redacted]")
    assert.strictEqual(redaction.text("correcthorse, urlpassword, from-a-file"), "[redacted], [redacted], [redacted]")
  })

  it("short values and other variables are not", () => {
    assert.strictEqual(redaction.text("abc in /home/someone"), "abc in /home/someone")
    assert.strictEqual(redaction.text(Redaction.mask), Redaction.mask)
  })
})

it("in JSON keys stay, and what stands under a secret's name is masked whole", () => {
  const given: Json = {
    user: "x",
    apiKey: "k",
    nested: [{ DB_PASSWORD: { a: 1 }, client_secret: ["a"], token: 5, token_count: 7, note: `sk-${filler}` }],
    password: null,
    useToken: true,
    maxTokens: 100
  }
  assert.deepStrictEqual(json(given), {
    user: "x",
    apiKey: "[redacted]",
    nested: [
      {
        DB_PASSWORD: "[redacted]",
        client_secret: "[redacted]",
        token: "[redacted]",
        token_count: 7,
        note: "[redacted]"
      }
    ],
    password: null,
    useToken: true,
    maxTokens: 100
  })
  const proto = JSON.parse('{"__proto__":{"password":"x"}}') as Json
  assert.strictEqual(JSON.stringify(json(proto)), '{"__proto__":{"password":"[redacted]"}}')
})

it("names are judged in any style of writing", () => {
  for (const name of [
    "OPENAI_API_KEY",
    "openAiApiKey",
    "aws_secret_access_key",
    "X-Api-Key",
    "GH_TOKEN",
    "PGPASSWORD",
    "clientSecret",
    "Authorization"
  ]) {
    assert.isTrue(isSecretName(name), name)
  }
  for (const name of ["tokens", "max_tokens", "tokenCount", "key", "author", "keyboard", "secretary", "path"]) {
    assert.isFalse(isSecretName(name), name)
  }
})

const fragments = fc.constantFrom(
  "sk-",
  filler,
  "password",
  "=",
  ":",
  '"',
  "'",
  "\\",
  " ",
  "\n",
  "://",
  "@",
  "eyJ",
  ".",
  "a",
  "Bearer ",
  "Authorization: ",
  "-----BEGIN PRIVATE KEY-----",
  "-----END PRIVATE KEY-----",
  "AKIAIOSFODNN7EXAMPLE",
  "[redacted]",
  "[",
  "]",
  "redacted",
  "secretvalue",
  "token",
  "&",
  ";",
  "é",
  "\ud83d\ude00",
  "{{",
  "$"
)
const texts = fc.oneof(
  fc.string(),
  fc.array(fragments, { maxLength: 30 }).map((parts) => parts.join(""))
)
const withValues = Redaction.make({ secrets: ["secretvalue", "value[redac", `${filler}sk-`, "ed]secret"] })

it("masking twice is masking once", () => {
  for (const redaction of [Redaction.make(), withValues]) {
    fc.assert(
      fc.property(texts, (given) => {
        const once = redaction.text(given)
        assert.strictEqual(redaction.text(once), once)
      }),
      { numRuns: 5_000 }
    )
  }
})

it("a masked text is not much longer than it was, and stays well-formed", () => {
  fc.assert(
    fc.property(texts, (given) => {
      const masked = withValues.text(given.toWellFormed())
      assert.isAtMost(masked.length, given.length * 3 + Redaction.mask.length)
      assert.isTrue(masked.isWellFormed())
    }),
    { numRuns: 5_000 }
  )
})

it("takes time in proportion to the text, whatever it is", () => {
  const size = 1_000_000
  const units = [
    "a",
    " ",
    "-",
    "eyJ",
    "eyJ.",
    "eyJa.",
    "sk-",
    "sk-a ",
    "://",
    "://a:",
    "://a:a",
    "://:@",
    "a@",
    ":",
    "password",
    "password=",
    'password="',
    "password='\"",
    "password=\\",
    'password=\\"',
    "Bearer ",
    "bearer a",
    "Authorization: ",
    "authorization:a\\",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "-----BEGIN A",
    "-----END",
    "api_key\\\\\\\\",
    "\\",
    '"',
    "AKIA",
    "AKIAA",
    "A",
    "xoxb-",
    "x:y@",
    "token\t",
    "\n",
    "secretvalue",
    "secretvalu",
    "[redacted]",
    "[redacted"
  ]
  const slow: Array<string> = []
  for (const unit of units) {
    const given = unit.repeat(Math.ceil(size / unit.length))
    // Time of this process, not of the clock on the wall: other work on the machine does not count.
    const start = process.cpuUsage()
    withValues.text(given)
    const { system, user } = process.cpuUsage(start)
    const took = (system + user) / 1_000
    if (took > 4_000) slow.push(`${JSON.stringify(unit)}: ${Math.round(took)} ms`)
  }
  assert.deepStrictEqual(slow, [])
}, 120_000)
