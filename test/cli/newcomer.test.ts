/** The first things that anybody does, as the README says them: in a copy of the blueprints, and through npm. */
import { spawn } from "node:child_process"
import { cpSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { type Done, ended, place, root } from "./Flujo.js"

const copied = () => {
  const here = place({})
  cpSync(join(root, "blueprints"), here.at("blueprints"), { recursive: true })
  return here
}
const nextOf = ({ stderr }: Done): string => /^next: (.*)$/m.exec(stderr)![1]!

describe.concurrent("a newcomer", () => {
  it("runs the digest of an article, is asked, and the command that is printed finishes it", async () => {
    const here = copied()
    const done = await here.flujo("run blueprints/article_digest.yaml --input-file blueprints/article.txt")
    ended(done, 0)
    assert.strictEqual(done.stdout, "")
    assert.include(done.stderr, "It waits for you at approve:")
    assert.include(done.stderr, "Write this digest to digest.md?")
    assert.isFalse(here.has("digest.md"))
    const next = nextOf(done)
    assert.match(next, /^flujo approve \S+$/)
    const finished = await here.shell(next)
    ended(finished, 0)
    const digest = here.read("digest.md")
    assert.match(digest, /^# Digest\n\n.{100,}/)
    assert.match(digest, /^- Keywords: \w+, \w+/m)
    assert.match(digest, /^- Sentiment: (positive|neutral|negative) \(-?[\d.]+\)$/m)
    assert.match((await here.flujo("lens trace last")).stdout, /✓ approve/)
    ended(await here.flujo("lens replay last"), 0)
  })

  it("may say no, and then nothing is written", async () => {
    const here = copied()
    const done = await here.flujo(["run", "blueprints/article_digest.yaml", "--input", "All is well. It is good."])
    ended(done, 0)
    const reject = /^next: (.*reject.*)$/m.exec(done.stderr)![1]!
    ended(await here.shell(reject), 1)
    assert.isFalse(here.has("digest.md"))
  })

  it("runs the seed's own blueprint on both of its ways", async () => {
    const here = copied()
    const high = await here.flujo(["run", "blueprints/code_review.yaml", "--input", "Any password."])
    ended(high, 0)
    assert.include(high.stderr, "High severity issue detected. Approve fix?")
    ended(await here.shell(nextOf(high)), 0)
    const script = here.read("blueprints/code_review.script.json")
    here.write("blueprints/code_review.script.json", script.replace('"high"', '"low"'))
    const low = await here.flujo(["run", "blueprints/code_review.yaml", "--input", "A typo."])
    ended(low, 0)
    assert.include(low.stderr, "check_severity/false/auto_merge")
    assert.include(low.stdout, "low")
  })

  it("works through npm, whose commands are printed as they are to be typed there", async () => {
    const here = place({})
    const state = `sqlite:///${here.at("state.db")}`
    const npm = (line: string): Promise<Done> =>
      new Promise((resolve) => {
        const child = spawn("bash", ["-c", line], {
          cwd: root,
          env: { ...here.env, npm_config_cache: here.at("npm"), npm_config_update_notifier: "false" },
          stdio: ["ignore", "pipe", "pipe"]
        })
        let stdout = ""
        let stderr = ""
        child.stdout.on("data", (piece) => {
          stdout += piece
        })
        child.stderr.on("data", (piece) => {
          stderr += piece
        })
        child.on("close", (status, signal) => resolve({ status, signal, stdout, stderr }))
      })
    const done = await npm(
      `npm run --silent flujo -- run blueprints/code_review.yaml --input "Any password." --state-uri ${state}`
    )
    ended(done, 0)
    const next = nextOf(done)
    assert.match(next, /^npm run --silent flujo -- answer \S+ ANSWER --state-uri sqlite:\/\/\//)
    const finished = await npm(next)
    ended(finished, 0)
    assert.strictEqual(finished.stdout, "ANSWER\n")
    const trace = nextOf(finished)
    ended(await npm(trace), 0)
  })
})

describe("the README", () => {
  it("shows only commands that there are", async () => {
    const readme = readFileSync(join(root, "README.md"), "utf8")
    const { commands } = await import("../../src/cli/Commands.js")
    const [, block] = /^## The command line\n\n```sh\n([\s\S]*?)^```/m.exec(readme)!
    for (const line of block!.trim().split("\n")) {
      const words = line.replace(/^flujo /, "").split(" ")
      assert.isTrue(
        commands.some(({ path }) => path.every((word, index) => words[index] === word)),
        line
      )
    }
  })
})
