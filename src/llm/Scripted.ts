/**
 * A model that answers from a file, for tests and demonstrations: `scripted:PATH` names a JSON file
 * `{ "agent name or step path": [reply, …], "*": […] }`, relative to the layer's folder.
 *
 * A call is answered from the first key there is: its turn (`plan/turn[1]`), its standing step path, its agent's name,
 * then `*`. The replies of a key are given in the order of calls, counted per key for as long as the layer lives, and then there are no more: the
 * last one is not repeated. So a key that steps running at once share is answered in the order they happen to ask, and
 * in a new process counting starts again. Where that matters (parallel steps, a run resumed elsewhere) script by path or
 * turn: `refine[3]/critique`. Answered calls of a resumed run are replayed and do not ask again, so they do not count.
 */

import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Json from "../domain/Json.js"
import { type ModelChunk, type ModelDriver, ModelError, ModelReply, type ReplyPart } from "../domain/Model.js"
import * as Usage from "../domain/Usage.js"
import { excerpt } from "../redaction/Printable.js"

const Tokens = Schema.optional(Schema.Int.pipe(Schema.nonNegative()))

/**
 * What a script may say in place of a reply. `output` is answered as JSON text; usage left out is zero. `toolCalls` may
 * stand beside `text`; `arguments` are sent as JSON, or as they are where they are a text (so that they can be wrong).
 */
export const Scripted = Schema.Struct({
  text: Schema.optional(Schema.String),
  output: Schema.optional(Json.Json),
  /** The text in the pieces in which it comes where somebody listens; an `error` beside it comes after them. */
  chunks: Schema.optional(Schema.Array(Schema.String)),
  toolCalls: Schema.optional(
    Schema.Array(Schema.Struct({ id: Schema.optional(Schema.String), name: Schema.String, arguments: Json.Json }))
  ),
  usage: Schema.optional(
    Schema.Struct({ input: Tokens, cachedInput: Tokens, cacheWrite: Tokens, output: Tokens, reasoning: Tokens })
  ),
  finish: Schema.optional(ModelReply.fields.finish),
  model: Schema.optional(Schema.String),
  error: Schema.optional(
    Schema.Struct({
      reason: ModelError.fields.reason,
      detail: Schema.optional(Schema.String),
      status: ModelError.fields.status
    })
  )
}).pipe(
  Schema.filter(({ chunks, error, output, text, toolCalls }) => {
    if (chunks !== undefined && (text ?? output) !== undefined) return "give text or output, or chunks, not both"
    const given = [text, output, error].filter((part) => part !== undefined)
    if (given.length > 1) return "give one of text, output and error, not several"
    return error === undefined || toolCalls === undefined || "give toolCalls or an error, not both"
  })
)
export type Scripted = typeof Scripted.Type

export const Script = Schema.Record({
  key: Schema.String,
  value: Schema.Array(Schema.Union(Schema.String, Scripted))
})
export type Script = typeof Script.Type

export interface Options {
  /** Where relative paths start. */
  readonly folder: string
  /** Folders in which scripts may lie, also when a symbolic link says otherwise. Default: anywhere. */
  readonly within?: ReadonlyArray<string> | undefined
}

/** A file larger than this is refused. */
const bytesMax = 16 * 1024 * 1024

/** Answers the drivers of scripts; each file is read once, when it is first asked for. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const files = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const playersByFile = new Map<string, Player>()

  /** A file that does not exist is left to reading. */
  const confine = (within: Options["within"], file: string, absolute: string): Effect.Effect<void, ModelError> =>
    Effect.gen(function* () {
      if (within === undefined) return
      const real = yield* files.realPath(absolute)
      const folders = yield* Effect.forEach(within, (folder) => files.realPath(folder))
      const isInside = folders.some((folder) => {
        const below = paths.relative(folder, real)
        return below !== ".." && !below.startsWith(`..${paths.sep}`) && !paths.isAbsolute(below)
      })
      if (isInside) return
      const detail = "the script lies outside the project: copy it beside the blueprint"
      return yield* new ModelError({ reason: "Unknown", model: `scripted:${file}`, detail })
    }).pipe(Effect.catchTags({ SystemError: () => Effect.void, BadArgument: () => Effect.void }))

  const load = (file: string): Effect.Effect<Script, ModelError> => {
    const absolute = paths.resolve(options.folder, file)
    return Effect.zipRight(confine(options.within, file, absolute), read(files, file, absolute))
  }
  const player = Effect.fnUntraced(function* (file: string) {
    const absolute = paths.resolve(options.folder, file)
    const known = playersByFile.get(absolute)
    if (known !== undefined) return known
    const script = yield* load(file)
    // Two first callers may both have read the file; the one that comes second takes the first one's counters.
    const made = playersByFile.get(absolute) ?? makePlayer(script, file)
    playersByFile.set(absolute, made)
    return made
  })

  return {
    load,
    /** The driver of the script `file` for a step and its agent. */
    driver: (file: string, from: From) =>
      Effect.map(
        player(file),
        (next): ModelDriver => ({
          call: () => Effect.flatMap(next(from), ({ reply }) => reply),
          stream: () => Stream.unwrap(Effect.map(next(from), ({ chunks, reply }) => inPieces(chunks, reply)))
        })
      )
  }
})

interface From {
  readonly path: string
  readonly agent: string
  readonly turn?: number | undefined
}

interface Next {
  readonly chunks: ReadonlyArray<string>
  readonly reply: Effect.Effect<ModelReply, ModelError>
}

type Player = (from: From) => Effect.Effect<Next, ModelError>

const inPieces = (chunks: ReadonlyArray<string>, reply: Next["reply"]): Stream.Stream<ModelChunk, ModelError> =>
  Stream.concat(
    Stream.fromIterable(chunks.map((text): ModelChunk => ({ _tag: "Text", text }))),
    Stream.fromEffect(Effect.map(reply, (reply): ModelChunk => ({ _tag: "Reply", reply })))
  )

/** Answers from a script, counting its replies from the first one on. */
export const makePlayer = (script: Script, file: string): Player => {
  const countsByKey = new Map<string, number>()
  return ({ agent, path, turn }) =>
    Effect.suspend(() => {
      const key = [...(turn === undefined ? [] : [`${path}/turn[${turn}]`]), path, agent, "*"].find(
        (candidate) => candidate !== "" && Object.hasOwn(script, candidate)
      )
      if (key === undefined) {
        return unscripted(file, `the script has no replies for step "${path}", for agent "${agent}" or for "*"`)
      }
      const replies = script[key]!
      const index = countsByKey.get(key) ?? 0
      countsByKey.set(key, index + 1)
      const reply = replies[index]
      return reply === undefined
        ? unscripted(
            file,
            `call ${index + 1} of "${key}" (step "${path}") has no reply: the script holds ${replies.length} for it`
          )
        : Effect.succeed({
            chunks: typeof reply === "string" ? [] : (reply.chunks ?? []),
            reply: play(reply, file, `${key}-${index + 1}`)
          })
    })
}

/** `id` is unique in the script: what a tool call without a name of its own is called by. */
const play = (reply: string | Scripted, file: string, id: string): Effect.Effect<ModelReply, ModelError> => {
  const { chunks, error, finish, model, output, text, toolCalls, usage }: Scripted =
    typeof reply === "string" ? { text: reply } : reply
  if (error !== undefined) {
    return new ModelError({
      reason: error.reason,
      model: `scripted:${file}`,
      detail: error.detail ?? "the script says so",
      status: error.status
    })
  }
  const said = (output === undefined ? (text ?? chunks?.join("") ?? "") : JSON.stringify(output)).toWellFormed()
  const calls = (toolCalls ?? []).map(
    (call, i): ReplyPart => ({
      _tag: "ToolCall",
      id: call.id ?? `${id}-${i + 1}`,
      name: call.name,
      arguments: typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments)
    })
  )
  return Effect.succeed({
    text: said,
    ...(calls.length === 0 ? {} : { parts: said === "" ? calls : [{ _tag: "Text" as const, text: said }, ...calls] }),
    finish: finish ?? (calls.length === 0 ? "stop" : "tool-calls"),
    usage: { ...Usage.none, ...definedOnly(usage ?? {}) },
    model: model ?? "scripted"
  })
}

const definedOnly = (usage: { readonly [K in keyof Usage.Usage]?: number | undefined }): Partial<Usage.Usage> =>
  Object.fromEntries(Object.entries(usage).filter(([, count]) => count !== undefined))

const unscripted = (file: string, detail: string) =>
  new ModelError({ reason: "Unscripted", model: `scripted:${file}`, detail })

const read = Effect.fnUntraced(function* (files: FileSystem.FileSystem, file: string, absolute: string) {
  const refuse = (detail: string) =>
    Effect.fail(
      new ModelError({ reason: "Unknown", model: `scripted:${file}`, detail: `script ${absolute} ${detail}` })
    )
  const text = yield* Effect.flatMap(
    files.stat(absolute),
    ({ size, type }): Effect.Effect<string, ModelError | PlatformError> =>
      type === "Directory"
        ? refuse("is a folder, not a JSON file")
        : size > BigInt(bytesMax)
          ? refuse(`is larger than ${bytesMax} bytes`)
          : files.readFileString(absolute)
  ).pipe(
    Effect.catchTags({
      SystemError: ({ reason }) =>
        refuse(
          reason === "NotFound" ? "does not exist" : `cannot be read (${reason.replace(/([a-z])([A-Z])/g, "$1 $2")})`
        ),
      BadArgument: () => refuse("is not a path that can be read")
    })
  )
  // A byte order mark is no part of JSON, but editors write it.
  const json = Json.parse(text.replace(/^\ufeff/, ""))
  if (Either.isLeft(json)) {
    // The parser's own words may quote the file, which need not be a script at all: only the place is told.
    const at = /position \d+|line \d+ column \d+/.exec(json.left.message)
    return yield* refuse(`is not JSON${at === null ? "" : ` (at ${at[0]})`}`)
  }
  const script = Schema.decodeUnknownEither(Script, { onExcessProperty: "error", errors: "all" })(json.right)
  if (Either.isRight(script)) return script.right
  // Of a union's complaints the deepest is about the member that was meant.
  const issues = ParseResult.ArrayFormatter.formatErrorSync(script.left)
  const worst = issues.reduce((a, b) =>
    b.path.length > a.path.length || (a._tag === "Type" && b._tag !== "Type" && b.path.length >= a.path.length) ? b : a
  )
  const pointer = worst.path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")
  return yield* refuse(
    `has the wrong shape at ${pointer === "" ? "its root" : pointer}: ${excerpt(worst.message, 160)}`
  )
})
