/**
 * A pipeline of a blueprint as a TypeScript module that makes the same tree, with the constructors that people use. What
 * a blueprint does not say in types is JSON there: `step` says so of each step. Skills are looked up by their ids by
 * whoever calls, so a module that uses some exports a function.
 */
import * as Either from "effect/Either"
import type { Pipeline } from "../pipeline/Pipeline.js"
import * as Expressions from "./internal/Expressions.js"
import * as Print from "./Print.js"

/** The text of the module, or what has no form in it: what has none in a blueprint, such as a function. */
export const toTypeScript = (pipeline: Pipeline.Any): Either.Either<string, Print.PrintError> =>
  Either.map(Print.print(pipeline), () => written(pipeline))

const written = (pipeline: Pipeline.Any): string => {
  const module = new Expressions.Module()
  const made = whole(module, pipeline, "pipeline")
  const parts = [...module.declarations]
  const body = module.uses.has("skills")
    ? [
        "/** `skills` finds a skill by its id, such as one of `Builtins.make`. */",
        "export const pipeline = (skills: (id: string) => Skill.AnySkill) => {",
        ...[...parts, `return ${made}`].flatMap((part) =>
          part.split("\n").map((line) => (line === "" ? line : `  ${line}`))
        ),
        "}"
      ].join("\n")
    : [...parts, `export const pipeline = ${made}`].join("\n\n")
  return `${[header(module, pipeline.name), body].join("\n\n")}\n`
}

const whole = (module: Expressions.Module, { context, name, root }: Expressions.Whole, hint: string): string => {
  const check = root._tag === "Check" && root.whole === true ? root : undefined
  let options = ""
  if (context !== undefined) {
    const fields = Object.entries(context.fields).map(([field, shape]) => [field, module.schema(shape)] as const)
    const id = module.declare(
      hint === "pipeline" ? "Context" : `${hint}_context`,
      (id) => `class ${id} extends Pipeline.Context<${id}>()("context", ${Expressions.object(fields)}) {}`
    )
    options = `, { context: ${id} }`
  }
  const steps = module.node(check?.step ?? root, (inner, hint) => whole(module, inner, hint))
  const pipes = [`Pipeline.make(${JSON.stringify(name)}${options})`]
  if (check !== undefined) {
    const schemas = [
      ["input", check.input && module.schema(check.input)],
      ["output", check.output && module.schema(check.output)]
    ] as const
    pipes.push(`Pipeline.withSchemas(${Expressions.object(schemas)})`)
  }
  return Expressions.piped(steps, pipes)
}

const header = ({ uses }: Expressions.Module, name: string): string => {
  const has = (word: string) => uses.has(word)
  const modules = [
    has("Agent") && "Agent",
    (has("step") || has("skills")) && "Json",
    has("NanoUsd") && "NanoUsd",
    "Pipeline",
    has("schema") && "SchemaFromJson",
    has("skills") && "Skill",
    "Step",
    has("Tool") && "Tool"
  ].filter((one) => one !== false)
  const types = ["Json", "Skill"]
  const imports = modules.map((one) => `import ${types.includes(one) ? "type " : ""}* as ${one} from "flujo/${one}"`)
  const helpers = [
    has("step") &&
      [
        "/** A blueprint does not say in types what its steps take and answer: it is JSON. */",
        "const step = <E, R>(self: Step.Step<never, unknown, E, R>): Step.Step<unknown, Json.Json, E, R> => Step.fromNode(self.node)"
      ].join("\n"),
    has("code") &&
      [
        "/** What a skill needs is known to whoever looks it up. */",
        "const code = <E>(self: Step.Step<never, unknown, E, unknown>): Step.Step<unknown, Json.Json, E> => Step.fromNode(self.node)"
      ].join("\n"),
    has("decides") &&
      [
        "/** A step whose answer decides: one that says nothing fitting fails. */",
        "const decides = <E, R>(self: Step.Step<never, unknown, E, R>): Step.Step<unknown, never, E, R> => Step.fromNode(self.node)"
      ].join("\n"),
    has("inOrder") && Expressions.inOrder
  ].filter((one) => one !== false)
  const title = `/** ${name.replaceAll("*/", "* /").replace(/\s+/g, " ")}: written by \`flujo dev compile-yaml\`. */`
  return [[title, ...imports].join("\n"), ...helpers].join("\n\n")
}
