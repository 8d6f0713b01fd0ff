/** Blueprints checked as `flujo validate` does, with the skills of the examples. */
import { Effect, Either, Schema } from "effect"
import type { Options } from "../../src/blueprint/Blueprint.js"
import type { Diagnostic } from "../../src/blueprint/Diagnostics.js"
import * as Check from "../../src/check/Check.js"
import type { Severities } from "../../src/check/Severities.js"
import * as Kind from "../../src/pipeline/Kind.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import { stringify, writeFile } from "../blueprint/Skills.js"

const shout = Skill.make("acme.shout", {
  description: "a text in capitals",
  input: Schema.String,
  output: Schema.String,
  effect: "pure",
  run: (text) => Effect.succeed(text.toUpperCase())
})

const count = Skill.make("acme.count", {
  description: "how many items there are",
  input: Schema.Struct({ items: Schema.Array(Schema.String) }),
  output: Schema.Number,
  effect: "pure",
  run: ({ items }) => Effect.succeed(items.length)
})

const sendMail = Skill.make("acme.send_mail", {
  description: "sends a mail",
  input: Schema.String,
  output: Schema.String,
  effect: "external",
  run: () => Effect.succeed("sent")
})

const rate = Skill.make("acme.rate", {
  description: "a number for a text",
  input: Schema.String,
  output: Schema.Number,
  effect: "pure",
  run: (text) => Effect.succeed(text.length)
})

const waitAndTell = Kind.make({
  about: "Waits for some hours.",
  document: Schema.Struct({ hours: Schema.Number }),
  example: { hours: 2 },
  make: ({ hours }, { name }) => {
    if (hours < 0) throw new Error("the past is over")
    return Step.sleep<string>("rest", `${hours} hours`).pipe(Pipeline.make(name))
  }
})

/** Of the project's own. */
export const kinds = new Map([["wait_and_tell", waitAndTell]])

/** As if the project had `skills/rate.ts`, which exports `rate`, a broken file, and nothing else that may be loaded. */
const code: NonNullable<Options["code"]> = {
  skill: ({ name, path }) => {
    const refuse = (code: "FLJ-CODE-1" | "FLJ-CODE-2" | "FLJ-CODE-3", message: string, hint?: string) =>
      Either.left({ code, message: `${path}${message}`, hint })
    if (path === "skills/broken.ts") return refuse("FLJ-CODE-2", ":2:16: Unexpected token")
    if (path !== "skills/rate.ts") {
      const message = `: it is not among the files that this project allows to be loaded`
      return refuse("FLJ-CODE-1", message, `add it in flujo.toml: code.allow = ["${path}"]`)
    }
    return name === "rate" ? Either.right(rate) : refuse("FLJ-CODE-3", `: it exports no ${name}`, "it exports rate")
  },
  kind: (name) => {
    const kind = kinds.get(name)
    return kind && Either.right(kind)
  },
  kinds: [...kinds.keys()],
  unread: []
}

const all: ReadonlyArray<Skill.AnySkill> = [stringify, writeFile, shout, count, sendMail]

export const options: Options = {
  skills: (id) => all.find((skill) => skill.id === id),
  skillIds: all.map(({ id }) => id),
  code,
  files: new Map([
    ["writer.md", { path: "writer.md", text: "Write about {{ input }}." }],
    ["child.yaml", { path: "child.yaml", text: 'name: child\nsteps: [{ name: a, input: "Hi {{ input }}" }]' }]
  ])
}

export const check = (text: string, severities?: Severities) =>
  Check.check({ path: "pipeline.yaml", text }, options, severities)

export const codes = (found: ReadonlyArray<Diagnostic>): ReadonlyArray<string> => found.map(({ code }) => code)
