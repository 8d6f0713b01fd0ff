/**
 * A pipeline as the text of a blueprint that says it, wherever it came from: reading the text gives the same tree. What
 * text cannot say, such as a function, is named with its step. Before a text is handed out it is read back and compared,
 * so that none says something else. `undefinedVariables` is a setting of the project, and not in the text.
 *
 * ```ts
 * const printed = Print.print(Step.pass("hello").pipe(Pipeline.make("greeting")))
 * if (Either.isRight(printed)) console.log(printed.right.text)
 * ```
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Json from "../domain/Json.js"
import type { Prompt } from "../pipeline/Agent.js"
import type { ContextSpec, Node, ValidateNode, Validator } from "../pipeline/Node.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import type { AnySkill } from "../pipeline/Skill.js"
import * as Blueprint from "./Blueprint.js"
import { Cast } from "./internal/Cast.js"
import { type Entries, entries, toText } from "./internal/Document.js"
import * as Editing from "./internal/Editing.js"
import * as Plain from "./internal/Plain.js"
import * as Writing from "./internal/Writing.js"
import type { Tree } from "./Tree.js"

/** What has no form in text, each with the path of its step; "" is the whole. */
export class PrintError extends Schema.TaggedError<PrintError>("flujo/blueprint/PrintError")("PrintError", {
  problems: Schema.NonEmptyArray(Schema.Struct({ path: Schema.String, detail: Schema.String, hint: Schema.String }))
}) {
  override get message(): string {
    const lines = this.problems
      .slice(0, problemsShown)
      .map(({ detail, hint, path }) => `${path === "" ? "the pipeline" : path}: ${detail} (${hint})`)
    const more = this.problems.length - lines.length
    return more > 0 ? [...lines, `and ${more} more`].join("\n") : lines.join("\n")
  }
}

const problemsShown = 20

export interface File {
  /** From the project's folder on. */
  readonly path: string
  readonly text: string
}

export interface Printed {
  readonly text: string
  /** The files that it imports, and those that these do: one for each pipeline within it. */
  readonly files: ReadonlyArray<File>
}

export interface Options {
  /** Where the text is going to stand; its imports stand beside it. Default `pipeline.yaml`. */
  readonly path?: string | undefined
  /**
   * The text that the pipeline was read from, or that one was which it was made of. Of a pipeline that is the same, that
   * text is the answer, and of a changed one the text with what differs written anew: comments, the order of keys and
   * quotes stay. All is written anew where what an import says has changed, or where no smaller change can be made.
   */
  readonly from?: Blueprint.Blueprint | undefined
  /** `fresh`: everything is written anew all the same, and of `from` only the names of files stay. Default `kept`. */
  readonly layout?: "kept" | "fresh" | undefined
}

export const print = (pipeline: Pipeline.Any, options: Options = {}): Either.Either<Printed, PrintError> => {
  const { from } = options
  const path = options.path ?? from?.source.path ?? "pipeline.yaml"
  const plain = Plain.of(pipeline)
  const description = from && descriptionOf(from.tree)
  const isKept = options.layout !== "fresh"
  if (from !== undefined && isKept && Json.equals(Plain.of(from.pipeline), plain)) {
    return Either.right({ text: from.source.text, files: from.sources.slice(1) })
  }
  const book = new Book(path, from)
  const document = book.document({ ...pipeline, description }, "")
  if (book.unsayable.length > 0) return refused(book.unsayable)
  const readBack = (text: string, files: ReadonlyArray<File>) =>
    Blueprint.parse(
      { path, text },
      {
        skills: (id) => book.skills.get(id),
        skillIds: [...book.skills.keys()],
        code: {
          skill: ({ name, path }) => Either.fromNullable(book.referred.get(`${path}#${name}`), () => unloaded),
          kind: () => undefined,
          kinds: [],
          unread: []
        },
        files: new Map(files.map((file) => [file.path, file]))
      }
    )
  if (from !== undefined && isKept && path === from.source.path) {
    const before = new Book(path, from).document({ ...from.pipeline, description }, "")
    const files = from.sources.slice(1)
    for (const grain of ["fine", "coarse"] as const) {
      const text = Editing.edited(from.source.text, before, document, grain)
      const read = text === undefined ? undefined : readBack(text, files)
      if (text === undefined || read === undefined || Either.isLeft(read)) continue
      if (Json.equals(Plain.of(read.right.pipeline), plain)) return Either.right({ text, files })
    }
  }
  const text = toText(document)
  const files = [...book.files.values(), ...book.prompts.values()]
  const read = readBack(text, files)
  if (Either.isLeft(read)) {
    return refused(
      read.left.map(({ code, hint, message }) => ({ path: "", detail: `${message} (${code})`, hint: hint ?? "" }))
    )
  }
  if (Json.equals(Plain.of(read.right.pipeline), plain)) return Either.right({ text, files })
  const hint = "it may hold parts that no constructor makes"
  return refused([{ path: "", detail: "its text would be read as another pipeline", hint }])
}

const unloaded = { code: "FLJ-CODE-1", message: "this file was not named before", hint: undefined } as const

const refused = ([first, ...others]: ReadonlyArray<Writing.Unsayable>): Either.Either<never, PrintError> =>
  Either.left(
    new PrintError({ problems: [first ?? { path: "", detail: "it cannot be read back", hint: "" }, ...others] })
  )

interface Whole {
  readonly name: string
  readonly description?: string | undefined
  readonly context: ContextSpec | undefined
  readonly root: Node
}

/** All files of one print. A pipeline that stands in it several times has one file. */
class Book {
  readonly files = new Map<Node, File>()
  readonly prompts = new Map<string, File>()
  readonly skills = new Map<string, AnySkill>()
  /** By file and export. */
  readonly referred = new Map<string, AnySkill>()
  readonly unsayable: Array<Writing.Unsayable> = []
  private readonly folder: string
  private readonly taken: Set<string>

  constructor(
    path: string,
    private readonly from: Blueprint.Blueprint | undefined
  ) {
    this.folder = path.slice(0, path.lastIndexOf("/") + 1)
    this.taken = new Set([path])
  }

  document({ context, description, name, root }: Whole, at: string, folder = this.folder): Entries {
    const cast = Cast.make()
    const check = root._tag === "Check" && root.whole === true ? root : undefined
    const [steps, everywhere] = apart(check?.step ?? root)
    new Writing.Writer(
      cast,
      () => "",
      ({ id }) => id
    ).list(steps, at)
    const known = cast.known()
    const imports = new Map<string, Node>()
    const writer = new Writing.Writer(
      known,
      (scope, path) => this.alias(scope, imports, path),
      (skill) => this.skillAs(skill, folder)
    )
    const list = writer.list(steps, at)
    const agents = known.declared(
      (shape, path) => writer.schema(shape, path),
      (skill) => this.skillAs(skill, folder),
      (prompt, agent) => this.promptAs(prompt, agent, folder),
      (path, detail, hint) => writer.refuse(path, detail, hint)
    )
    const fields = context && Object.entries(context.fields)
    const document = entries([
      ["version", "0.1"],
      ["name", name === "pipeline" ? undefined : name],
      ["description", description],
      ["input_schema", check?.input && writer.schema(check.input, at)],
      ["output_schema", check?.output && writer.schema(check.output, at)],
      [
        "context",
        fields &&
          entries([
            ["type", "object"],
            ["properties", entries(fields.map(([field, shape]) => [field, writer.schema(shape, at)]))]
          ])
      ],
      [
        "imports",
        imports.size === 0
          ? undefined
          : entries([...imports].map(([alias, node]) => [alias, between(folder, this.files.get(node)?.path ?? "")]))
      ],
      ["agents", agents.size === 0 ? undefined : agents],
      ["static_invariants", everywhere && writer.invariants(everywhere, at)],
      ["steps", list]
    ])
    this.unsayable.push(...writer.unsayable)
    return document
  }

  /** Its id, or its file where the text that is printed names it so. */
  private skillAs(skill: AnySkill, folder: string): string {
    const reference = this.from?.origins.referenceOf(skill)
    if (reference === undefined) {
      this.skills.set(skill.id, skill)
      return skill.id
    }
    const { name, path } = reference
    this.referred.set(`${path}#${name}`, skill)
    return `${between(folder, path)}#${name}`
  }

  /** The file of a prompt, from `folder` on. */
  private promptAs({ file, template }: Prompt, agent: string, folder: string): string {
    const text = template.source
    const wanted = file ?? `${folder}prompts/${agent}.md`
    const dot = wanted.lastIndexOf(".") > wanted.lastIndexOf("/") ? wanted.lastIndexOf(".") : wanted.length
    let path = wanted
    const isOther = () => (this.prompts.has(path) ? this.prompts.get(path)?.text !== text : this.taken.has(path))
    for (let count = 2; isOther(); count++) path = `${wanted.slice(0, dot)}_${count}${wanted.slice(dot)}`
    this.taken.add(path)
    this.prompts.set(path, { path, text })
    return between(folder, path)
  }

  /** The name under which a file imports the pipeline of `scope`, which is written now if it is not yet. */
  private alias({ name, pipeline, step }: Parameters<Writing.ImportAs>[0], imports: Map<string, Node>, at: string) {
    const before = [...imports].find(([, node]) => node === step)
    if (before !== undefined) return before[0]
    const word = (pipeline?.name ?? name)
      .replace(/[^\p{L}\p{N}_-]+/gu, "_")
      .replace(/^(?![\p{L}_])/u, "_")
      .slice(0, 80)
    const free = (taken: (name: string) => boolean): string => {
      let name = word
      for (let count = 2; taken(name); count++) name = `${word}_${count}`
      return name
    }
    const alias = free((name) => imports.has(name))
    imports.set(alias, step)
    if (!this.files.has(step)) {
      const file = free((name) => this.taken.has(`${this.folder}${name}.yaml`))
      const path = this.from?.origins.get(step)?.source.path ?? `${this.folder}${file}.yaml`
      this.taken.add(path)
      // Its place is taken before it is written, so that files stand in the order in which they are first imported.
      this.files.set(step, { path, text: "" })
      const inner = { name: pipeline?.name ?? name, context: pipeline?.context, root: step }
      this.files.set(step, { path, text: toText(this.document(inner, at, path.slice(0, path.lastIndexOf("/") + 1))) })
    }
    return alias
  }
}

/** The steps of a document, and what it says must hold after each of them. */
const apart = (root: Node): readonly [steps: Node, everywhere: ValidateNode | undefined] => {
  const steps = root._tag === "Sequence" ? root.steps : [root]
  const [first] = steps
  if (first === undefined || !Writing.isInvariant(first)) return [root, undefined]
  const same = steps
    .filter(Writing.isInvariant)
    .filter(({ validators }) => sameInvariants(validators, first.validators))
  if (same.length < steps.length) return [root, undefined]
  const [only, ...others] = same.map(({ step }) => step)
  return [root._tag === "Sequence" ? { ...root, steps: [only!, ...others] } : only!, first]
}

const sameInvariants = (a: ReadonlyArray<Validator>, b: ReadonlyArray<Validator>): boolean =>
  a.length === b.length &&
  a.every((one, i) => {
    const other = b[i]
    return one._tag === "Holds" && other?._tag === "Holds" && one.template.source === other.template.source
  })

/** The way from a folder, with its last slash, to a file; both from the project's folder on. */
const between = (folder: string, file: string): string => {
  const [from, to] = [folder.split("/").slice(0, -1), file.split("/")]
  let same = 0
  while (same < from.length && same < to.length - 1 && from[same] === to[same]) same++
  const up = from.length - same
  return `${up === 0 ? "./" : "../".repeat(up)}${to.slice(same).join("/")}`
}

/** Of the document, which no pipeline has. */
const descriptionOf = (tree: Tree): string | undefined => {
  const entry = tree._tag === "Map" ? tree.entries.find(({ key }) => key.text === "description") : undefined
  return entry?.value._tag === "Scalar" && typeof entry.value.value === "string" ? entry.value.value : undefined
}
