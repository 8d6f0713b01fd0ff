import { assert, it } from "@effect/vitest"
import { Effect, Either, Schema } from "effect"
import * as Skill from "../../src/pipeline/Skill.js"
import * as SkillRegistry from "../../src/skill/SkillRegistry.js"

const skill = (id: string, description = id) =>
  Skill.make(id, {
    description,
    input: Schema.String,
    output: Schema.String,
    effect: "pure",
    run: (text) => Effect.succeed(text)
  })

it("finds each skill by its id, and no other", () => {
  const [a, b] = [skill("mail.send"), skill("zusammenfassen")]
  const registry = Either.getOrThrow(SkillRegistry.make([a, b]))
  assert.strictEqual(registry.lookup("mail.send"), a)
  assert.strictEqual(registry.lookup("zusammenfassen"), b)
  assert.isUndefined(registry.lookup("mail"))
  assert.isUndefined(registry.lookup("__proto__"))
  assert.isUndefined(registry.lookup("constructor"))
  assert.deepStrictEqual(registry.ids, ["mail.send", "zusammenfassen"])
})

it("refuses two skills with one id and tells them apart by their descriptions", () => {
  const made = SkillRegistry.make([skill("a"), skill("mail.send", "by post"), skill("mail.send", "by wire")])
  const error = Either.getOrThrow(Either.flip(made))
  assert.strictEqual(error.reason, "Duplicate")
  assert.strictEqual(error.message, 'two skills have the id "mail.send" ("by post" and "by wire"); rename one')
})

it("refuses ids that could not be written in a blueprint", () => {
  for (const id of ["", "a..b", ".a", "a b", "1a", "a/b", "a\n", "x".repeat(201)]) {
    const error = Either.getOrThrow(Either.flip(SkillRegistry.make([skill(id)])))
    assert.strictEqual(error.reason, "Unnamed", JSON.stringify(id))
  }
})
