/**
 * The language server: documents as the editor tells of them, and answers about them. Findings are those of `validate`,
 * sent once nothing has been typed for a moment, with the version of the text that they are about.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Language from "../blueprint/Language.js"
import * as Search from "../check/Search.js"
import { get, type Json, type JsonObject } from "../domain/Json.js"
import * as Completion from "./Completion.js"
import { Document, fileOf, positionOf } from "./Document.js"
import * as Findings from "./Findings.js"
import { frame } from "./Frames.js"
import * as Hover from "./Hover.js"
import * as Names from "./Names.js"
import type { Looked, Project } from "./Project.js"
import * as Rpc from "./Rpc.js"
import * as Symbols from "./Symbols.js"

export interface Options {
  readonly incoming: Stream.Stream<Uint8Array, unknown>
  readonly send: (text: string) => Effect.Effect<void>
  readonly log: (text: string) => Effect.Effect<void>
  /** `root`: the folder that the editor has open, if it says so. */
  readonly project: (root: string | undefined) => Project
  readonly version: string
}

/** How the conversation ended; `isClean`: the editor asked for a shutdown before. */
export interface Ended {
  readonly end: Rpc.End
  readonly isClean: boolean
}

/** So long nothing is typed before a text is checked. */
const restMillis = 150
/** More are not followed: what stands in others is not checked. */
const documentsMax = 500

const capabilities: JsonObject = {
  positionEncoding: "utf-16",
  textDocumentSync: { openClose: true, change: 2, save: true },
  documentSymbolProvider: true,
  codeActionProvider: { codeActionKinds: ["quickfix"] },
  hoverProvider: true,
  definitionProvider: true,
  referencesProvider: true,
  renameProvider: { prepareProvider: true },
  completionProvider: { triggerCharacters: [".", "|", "{", " ", ":"] }
}

export const run = ({
  incoming,
  log,
  project: open,
  send,
  version
}: Options): Effect.Effect<Ended, never, Scope.Scope> =>
  Effect.gen(function* () {
    const documents = new Map<string, Document>()
    /** What was found last, and in which version. */
    const found = new Map<string, { readonly version: number; readonly looked: Looked }>()
    const checks = yield* FiberMap.make<string>()
    let project: Project | undefined
    let isDown = false

    const publish = (uri: string, version: number | undefined, diagnostics: ReadonlyArray<JsonObject>) =>
      send(
        frame({
          jsonrpc: "2.0",
          method: "textDocument/publishDiagnostics",
          params: { uri, ...(version === undefined ? {} : { version }), diagnostics }
        })
      )

    /** What is found in a document as it is now. */
    const look = (document: Document, within: Project): Effect.Effect<Looked | undefined> =>
      Effect.gen(function* () {
        const { file, text, uri, version } = document
        if (!Search.isBlueprint(text)) return undefined
        const known = found.get(uri)
        if (known?.version === version) return known.looked
        const looked = yield* within.check(file, text)
        if (documents.get(uri) === document && document.version === version) found.set(uri, { version, looked })
        return looked
      })

    const checked = (document: Document, within: Project) =>
      Effect.gen(function* () {
        const { uri, version } = document
        const looked = yield* look(document, within)
        // Of a text that changed meanwhile nothing is said.
        if (document.version !== version) return
        yield* publish(uri, version, looked === undefined ? [] : Findings.toJson(document, looked, within))
      })

    const check = (document: Document, millis: number) =>
      project === undefined
        ? Effect.void
        : Effect.asVoid(
            FiberMap.run(checks, document.uri, Effect.zipRight(Effect.sleep(millis), checked(document, project)))
          )

    const documentOf = (params: Json): Document | undefined => {
      const uri = get(get(params, "textDocument"), "uri")
      return typeof uri === "string" ? documents.get(uri) : undefined
    }

    const notices: Readonly<Record<string, (params: Json) => Effect.Effect<void>>> = {
      "textDocument/didOpen": (params) => {
        const given = get(params, "textDocument")
        const [uri, text] = [get(given, "uri"), get(given, "text")]
        if (typeof uri !== "string" || typeof text !== "string") return log("didOpen without a document")
        if (documents.size >= documentsMax && !documents.has(uri)) return log(`more than ${documentsMax} documents`)
        const document = Document.open(uri, versionOf(given) ?? 0, text)
        documents.set(uri, document)
        found.delete(uri)
        return check(document, 0)
      },
      "textDocument/didChange": (params) => {
        const document = documentOf(params)
        if (document === undefined) return Effect.void
        const version = versionOf(get(params, "textDocument")) ?? document.version + 1
        if (!document.change(get(params, "contentChanges"), version)) return log("didChange without changes")
        return check(document, restMillis)
      },
      // What others import and the settings may have changed on disk.
      "textDocument/didSave": () => again,
      "workspace/didChangeWatchedFiles": () => again,
      "textDocument/didClose": (params) => {
        const document = documentOf(params)
        if (document === undefined) return Effect.void
        documents.delete(document.uri)
        found.delete(document.uri)
        return Effect.zipRight(FiberMap.remove(checks, document.uri), publish(document.uri, undefined, []))
      }
    }

    const again = Effect.suspend(() => {
      found.clear()
      return Effect.zipRight(
        project?.refresh ?? Effect.void,
        Effect.forEach([...documents.values()], (document) => check(document, 0), { discard: true })
      )
    })

    /** A request about a document that is open. */
    const about =
      (answer: (document: Document, params: Json, within: Project) => Effect.Effect<Json, Rpc.Refusal>) =>
      (params: Json, within: Project): Effect.Effect<Json, Rpc.Refusal> => {
        const document = documentOf(params)
        return document === undefined
          ? Effect.fail(new Rpc.Refusal({ code: Rpc.codes.invalidParams, detail: "this document is not open" }))
          : answer(document, params, within)
      }

    const requests: Readonly<Record<string, (params: Json, within: Project) => Effect.Effect<Json, Rpc.Refusal>>> = {
      "textDocument/documentSymbol": about((document) => Effect.sync(() => Symbols.of(document))),
      "textDocument/hover": about((document, params) =>
        Effect.map(offsetOf(document, params), (offset) => (isOurs(document) ? Hover.at(document, offset) : null))
      ),
      "textDocument/completion": about((document, params, within) =>
        Effect.gen(function* () {
          const offset = yield* offsetOf(document, params)
          if (!isOurs(document)) return []
          // Whatever is wrong with the text, the skills are those of the last look.
          const looked = found.get(document.uri)?.looked ?? (yield* look(document, within))
          return Completion.at(document, offset, looked?._tag === "Checked" ? looked.skillIds : [])
        })
      ),
      "textDocument/definition": about((document, params) =>
        Effect.map(offsetOf(document, params), (offset) => Names.definition(document, offset))
      ),
      "textDocument/references": about((document, params) =>
        Effect.map(offsetOf(document, params), (offset) =>
          Names.references(document, offset, get(get(params, "context"), "includeDeclaration") === true)
        )
      ),
      "textDocument/prepareRename": about((document, params) =>
        Effect.flatMap(offsetOf(document, params), (offset) => {
          const what = Names.renamed(document, offset)
          if ("refusal" in what) return refused(Rpc.codes.failed, what.refusal)
          return Effect.succeed({ range: document.range(what.span), placeholder: what.name })
        })
      ),
      "textDocument/rename": about((document, params) =>
        Effect.flatMap(offsetOf(document, params), (offset) => {
          const to = get(params, "newName")
          const done = Names.rename(document, offset, typeof to === "string" ? to : "")
          return "refusal" in done ? refused(Rpc.codes.failed, done.refusal) : Effect.succeed(done.edit)
        })
      ),
      "textDocument/codeAction": about((document, params, within) =>
        Effect.map(look(document, within), (looked) => {
          const span = document.spanOf(get(params, "range"))
          return looked === undefined || span === undefined ? [] : Findings.actions(document, looked, span, within)
        })
      )
    }

    const initialize = (params: Json): Effect.Effect<Json, Rpc.Refusal> => {
      if (project !== undefined) return refused(Rpc.codes.invalidRequest, "initialized already")
      project = open(rootOf(params))
      return Effect.succeed({ capabilities, serverInfo: { name: "flujo", version } })
    }

    const end = yield* Rpc.serve({
      incoming,
      send,
      log,
      request: (method, params) => {
        if (isDown) return refused(Rpc.codes.invalidRequest, "shut down already")
        if (method === "initialize") return initialize(params)
        if (project === undefined) return refused(Rpc.codes.notInitialized, "not initialized yet")
        if (method === "shutdown") {
          isDown = true
          return Effect.succeed(null)
        }
        const answer = Object.hasOwn(requests, method) ? requests[method] : undefined
        return answer === undefined
          ? refused(Rpc.codes.unknownMethod, `there is no method ${method.slice(0, 100)}`)
          : answer(params, project)
      },
      notify: (method, params) => {
        const notice = Object.hasOwn(notices, method) ? notices[method] : undefined
        return notice === undefined || project === undefined || isDown ? Effect.void : notice(params)
      }
    })
    return { end, isClean: isDown }
  })

const refused = (code: number, detail: string) => Effect.fail(new Rpc.Refusal({ code, detail }))

/** A blueprint, or what may become one: nothing stands at its top that a blueprint does not have. */
const isOurs = ({ text }: Document): boolean =>
  Search.isBlueprint(text) ||
  Array.from(text.matchAll(/^["']?([\w.-]+)["']?\s*:/gm)).every(([, key = ""]) =>
    Object.hasOwn(Language.document.keys, key)
  )

const offsetOf = (document: Document, params: Json): Effect.Effect<number, Rpc.Refusal> => {
  const position = positionOf(get(params, "position"))
  return position === undefined
    ? refused(Rpc.codes.invalidParams, "a position is a line and a character, from 0")
    : Effect.succeed(document.offsetAt(position))
}

const versionOf = (json: Json | undefined): number | undefined => {
  const version = get(json, "version")
  return typeof version === "number" ? version : undefined
}

/** The first folder of the editor's workspace. */
const rootOf = (params: Json): string | undefined => {
  const folders = get(params, "workspaceFolders")
  const [first] = Array.isArray(folders) ? folders : []
  const uri = get(first, "uri") ?? get(params, "rootUri")
  return typeof uri === "string" ? fileOf(uri) : undefined
}
