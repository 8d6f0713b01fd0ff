/**
 * `system_prompt: { from_file, variables }` of an agent: a text of its own file, filled in when the agent is called. The file
 * is one of those that were gathered with the imports, so it lies inside the project; a run keeps its text.
 */
import * as Either from "effect/Either"
import * as Words from "../../expression/Words.js"
import * as Agent from "../../pipeline/Agent.js"
import * as Params from "../../pipeline/Params.js"
import * as Bytes from "../Bytes.js"
import * as Decode from "../Decode.js"
import * as Diagnostics from "../Diagnostics.js"
import * as Imports from "../Imports.js"
import type { Origins, Text } from "../Origins.js"
import type * as Source from "../Source.js"
import * as Texts from "../Texts.js"
import { type Map as MapTree, type Tree, toJson } from "../Tree.js"

export const promptKeys = ["from_file", "variables"]

/** The prompt files of a whole, each read once. */
export interface Prompts {
  readonly files: Imports.Files
  /** `undefined`: it cannot be read as text, and that was said. */
  readonly byPath: Map<string, Read | undefined>
  readonly found: Array<Diagnostics.Diagnostic>
}

interface Read {
  readonly source: Source.Source
  readonly text: Texts.Read
}

export const read = (
  report: Diagnostics.Report,
  { origins, prompts }: { readonly origins: Origins; readonly prompts: Prompts },
  tree: MapTree
): Agent.Prompt | undefined => {
  const fields = Decode.fields(report, tree, "`system_prompt`", { of: "a prompt", known: promptKeys })
  if (fields === undefined) return undefined
  const at = Decode.headOf(tree)
  const from = Decode.required(report, fields, "from_file", { at, of: "the prompt", hint: "write the prompt's file" })
  const variables = fields.value("variables")
  const given = variables === undefined ? { values: [], texts: [] } : variablesOf(report, variables)
  const file = from && Decode.word(report, from, "`from_file`")
  if (file === undefined) return undefined
  const path = Imports.resolve(report.source.path, file.value.trim())
  const found = path === undefined ? undefined : prompts.files.get(path)
  const refuse = (message: string, hint?: string): undefined => {
    report.add("FLJ-PROMPT-1", file.span, message, { hint })
    return undefined
  }
  if (path === undefined) {
    return refuse(
      `${Words.quoted(file.value)} is no path to a file inside the project`,
      `write it from this file on, for instance ./${file.value.split(/[\\/]/).at(-1) ?? ""}`
    )
  }
  if (found === undefined) {
    return prompts.files.size >= Imports.filesMax
      ? refuse(`more than ${Imports.filesMax} files are read`)
      : refuse(`there is no file ${path}`)
  }
  if (Imports.isRefused(found)) return refuse(`${path} is not read: ${found.refused}`, found.hint)
  if (!prompts.byPath.has(path)) prompts.byPath.set(path, textOf(prompts, { ...found, path }))
  const known = prompts.byPath.get(path)
  if (known === undefined) return refuse(`${path} cannot be read`, "see what is said of that file")
  const prompt = { template: known.text.template, variables: given.values, file: path }
  const inFile = known.text.origins.map((text): Text => ({ ...text, file: known.source }))
  origins.putPrompt(prompt, [...inFile, ...given.texts.map((text) => ({ ...text, file: report.source }))])
  return prompt
}

const textOf = (prompts: Prompts, given: Bytes.Given): Read | undefined => {
  const source = Bytes.read(given)
  if (Either.isLeft(source)) {
    prompts.found.push(...source.left)
    return undefined
  }
  const report = new Diagnostics.Report(source.right)
  const text = Texts.whole(report, source.right)
  prompts.found.push(...report.found)
  return { source: source.right, text }
}

const variablesOf = (report: Diagnostics.Report, tree: Tree) => {
  const map = Decode.map(report, tree, "`variables`", "names, each with a value")
  const values: Array<readonly [string, Params.Params]> = []
  const texts: Array<Text> = []
  for (const { key, value } of map?.entries ?? []) {
    if (!Agent.isVariable(key.text)) {
      const isTaken = Agent.namesTaken.includes(key.text)
      report.add("FLJ-BLUEPRINT-19", key.span, `${Words.quoted(key.text)} is not a name for a variable`, {
        hint: isTaken ? "every template has it already" : "letters, digits and _, and no digit first"
      })
    }
    const read = Texts.params(report, value)
    values.push([key.text, Params.fromJson(toJson(value))])
    texts.push(...read.origins)
  }
  return { values, texts }
}
