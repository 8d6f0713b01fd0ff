/**
 * The names of a document: where a step, an agent or an import is declared, and where each is spoken of, templates
 * included. A step of this name may stand in several branches; a template means the one that comes before it.
 */
import type * as Tree from "../blueprint/Tree.js"
import type { Json } from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import type { Span } from "../expression/Template.js"
import * as Template from "../expression/Template.js"
import * as Cursor from "./Cursor.js"
import { type Document, treeOf } from "./Document.js"
import * as Outline from "./Outline.js"

interface Mention {
  readonly group: "steps" | "agents" | "imports"
  readonly name: string
  readonly span: Span
  readonly isDeclaration: boolean
  /** Of a step: the one that is declared or meant. */
  readonly step: Outline.Step | undefined
}

/** The document's own file, at a span, or another one. */
const located = (document: Document, span: Span): Json => ({ uri: document.uri, range: document.range(span) })

export const definition = (document: Document, offset: number): Json => {
  const tree = document.lastTree
  const path = importedAt(document, tree, offset)
  if (path !== undefined) return path
  const all = mentions(tree)
  const here = at(all, offset)
  const found = here === undefined ? [] : all.filter((one) => one.isDeclaration && isSame(one, here))
  return found.map(({ span }) => located(document, span))
}

export const references = (document: Document, offset: number, withDeclaration: boolean): ReadonlyArray<Json> => {
  const all = mentions(document.lastTree)
  const here = at(all, offset)
  return here === undefined
    ? []
    : all
        .filter((one) => isSame(one, here) && (withDeclaration || !one.isDeclaration))
        .map(({ span }) => located(document, span))
}

/** What a rename would be of, or why there can be none. */
export const renamed = (
  document: Document,
  offset: number
): { readonly name: string; readonly span: Span } | { readonly refusal: string } => {
  const tree = document.tree
  if (tree === undefined) return { refusal: "this text cannot be read as it is: repair it first" }
  const here = at(mentions(tree), offset)
  if (here === undefined) return { refusal: "there is no name of a step here" }
  if (here.group !== "steps") return { refusal: "only steps can be renamed" }
  const count = Outline.of(tree).all.filter(({ name }) => name?.text === here.name).length
  if (count === 0) return { refusal: `there is no step ${here.name}` }
  if (count > 1) return { refusal: `${count} steps are called ${here.name}: rename each by hand` }
  return { name: here.name, span: here.span }
}

/** The changes that give a step another name, wherever it is spoken of. */
export const rename = (
  document: Document,
  offset: number,
  to: string
): { readonly edit: Json } | { readonly refusal: string } => {
  const what = renamed(document, offset)
  if ("refusal" in what) return what
  const { text, tree } = document
  const outline = Outline.of(tree)
  if (!StepPath.isName(to)) return { refusal: `${JSON.stringify(to.slice(0, 100))} is not a name of a step` }
  if (outline.all.some(({ name }) => name?.text === to)) return { refusal: `a step is called ${to} already` }
  const all = mentions(tree).filter(({ group, name }) => group === "steps" && name === what.name)
  if (all.length > 1 && !/^[\p{L}_][\p{L}\p{N}_]*$/u.test(to)) {
    return { refusal: `templates read it as steps.${what.name}: use letters, digits and _` }
  }
  const edits = all.map(({ span }) => ({ range: document.range(span), newText: to }))
  // The text is read again as it would be: a name such as `true` would be no text without quotes.
  let next = text
  for (const { span } of [...all].sort((a, b) => b.span.start - a.span.start)) {
    next = next.slice(0, span.start) + to + next.slice(span.end)
  }
  const after = mentions(treeOf(next)).filter(({ group, name }) => group === "steps" && name === to)
  return after.length === all.length
    ? { edit: { changes: { [document.uri]: edits } } }
    : { refusal: `${to} cannot stand in all the places where ${what.name} does` }
}

const at = (all: ReadonlyArray<Mention>, offset: number): Mention | undefined =>
  all.find(({ span }) => span.start <= offset && offset <= span.end)

const isSame = (one: Mention, other: Mention): boolean =>
  one.group === other.group && one.name === other.name && one.step === other.step

/** Of a path under `imports`: the file that it leads to. */
const importedAt = (document: Document, tree: Tree.Tree | undefined, offset: number): Json | undefined => {
  const imports = Outline.valueOf(tree, "imports")
  const entries = imports?._tag === "Map" ? imports.entries : []
  const path = entries
    .map(({ value }) => Outline.text(value))
    .find((text) => text !== undefined && text.span.start <= offset && offset <= text.span.end)
  if (path === undefined || document.file === undefined || !URL.canParse(encodeURI(path.text), document.uri)) {
    return undefined
  }
  const start = { line: 0, character: 0 }
  return [{ uri: new URL(encodeURI(path.text), document.uri).href, range: { start, end: start } }]
}

const mentions = (tree: Tree.Tree | undefined): ReadonlyArray<Mention> => {
  if (tree === undefined) return []
  const outline = Outline.of(tree)
  const found: Array<Mention> = []
  for (const step of outline.all) {
    if (step.name !== undefined) {
      found.push({ group: "steps", name: step.name.text, span: step.name.span, isDeclaration: true, step })
    }
  }
  for (const group of ["agents", "imports"] as const) {
    for (const { span, text } of Outline.named(tree, group)) {
      found.push({ group, name: text, span, isDeclaration: true, step: undefined })
    }
  }
  const steps = Outline.valueOf(tree, "steps")
  if (steps !== undefined) texts(steps, "steps", (text, key) => found.push(...spoken(outline, text, key)))
  const everywhere = Outline.valueOf(tree, "static_invariants")
  if (everywhere !== undefined) {
    texts(everywhere, "static_invariants", (text, key) => found.push(...spoken(outline, text, key)))
  }
  return found
}

/** Every text, with the key that it stands under. */
const texts = (tree: Tree.Tree, key: string, see: (text: Tree.Scalar, key: string) => void): void => {
  if (tree._tag === "Scalar") see(tree, key)
  if (tree._tag === "List") for (const item of tree.items) texts(item, key, see)
  if (tree._tag === "Map") for (const entry of tree.entries) texts(entry.value, entry.key.text, see)
}

/** Keys whose texts are expressions also without braces. */
const expressions = new Set([
  "condition",
  "condition_expression",
  "when",
  "exit_expression",
  "exit_condition",
  "expression",
  "iterable_input",
  "done_when",
  "static_invariants"
])

const spoken = (outline: Outline.Outline, scalar: Tree.Scalar, key: string): ReadonlyArray<Mention> => {
  const { value, within } = scalar
  if (typeof value !== "string") return []
  const [, group, name] = /^(agents|imports)\.(.+)$/.exec(value) ?? []
  if ((group === "agents" || group === "imports") && name !== undefined) {
    const span = within({ start: group.length + 1, end: value.length })
    return [{ group, name, span, isDeclaration: false, step: undefined }]
  }
  const isExpression = expressions.has(key)
  if (!isExpression && !/\{[{%]/.test(value)) return []
  const { reads } = isExpression ? Template.parseExpression(value) : Template.parse(value)
  return reads.flatMap(({ keySpans, keys: [name], root }): ReadonlyArray<Mention> => {
    const [span] = keySpans
    if (root !== "steps" || typeof name !== "string" || span === undefined) return []
    // `steps['draft']` has its name in quotes.
    const start = value.indexOf(name, span.start)
    if (start < 0 || start + name.length > span.end) return []
    const placed = within({ start, end: start + name.length })
    const step = meant(outline, name, placed.start)
    return [{ group: "steps", name, span: placed, isDeclaration: false, step }]
  })
}

/** The step that a template at `offset` means: the last one of this name before it, or the only one that there is. */
const meant = (outline: Outline.Outline, name: string, offset: number): Outline.Step | undefined => {
  const isCalled = (step: Outline.Step) => step.name?.text === name
  return Cursor.before(Cursor.stepAt(outline, offset)).findLast(isCalled) ?? outline.all.find(isCalled)
}
