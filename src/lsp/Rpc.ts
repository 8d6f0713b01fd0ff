/**
 * JSON-RPC over a stream: requests are answered one after the other, in their order, so that each sees the documents as
 * they were when it was sent. A request that is cancelled while it waits or works is answered as cancelled.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { get, type Json, type JsonObject } from "../domain/Json.js"
import { BadFrame, Frames, frame, type Message } from "./Frames.js"

export const codes = {
  parse: -32700,
  invalidRequest: -32600,
  unknownMethod: -32601,
  invalidParams: -32602,
  internal: -32603,
  notInitialized: -32002,
  failed: -32803,
  cancelled: -32800
} as const

/** What a request is answered with where it has no result. */
export class Refusal extends Data.TaggedError("Refusal")<{ readonly code: number; readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

export interface Peer {
  readonly incoming: Stream.Stream<Uint8Array, unknown>
  readonly send: (text: string) => Effect.Effect<void>
  readonly request: (method: string, params: Json) => Effect.Effect<Json, Refusal>
  readonly notify: (method: string, params: Json) => Effect.Effect<void>
  /** What went wrong here, for whoever reads logs. */
  readonly log: (text: string) => Effect.Effect<void>
}

/** How the conversation ended: told to, without a word, or because nothing can be read any more. */
export type End =
  | { readonly _tag: "Exit" }
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Garbage"; readonly detail: string }

/** More than these wait unread, so that a stream that runs ahead takes no memory. */
const waitingMax = 256

type Id = string | number

export const serve = ({ incoming, log, notify, request, send }: Peer): Effect.Effect<End> =>
  Effect.gen(function* () {
    const inbox = yield* Queue.bounded<Message>(waitingMax)
    const ended = yield* Deferred.make<End>()
    /** Requests that are not answered yet. */
    const open = new Map<Id, Deferred.Deferred<void>>()
    const frames = new Frames()

    const take = (messages: ReadonlyArray<Message>) =>
      Effect.gen(function* () {
        for (const message of messages) {
          const id = idOf(message)
          if (id !== undefined && typeof message?.method === "string") open.set(id, yield* Deferred.make<void>())
          if (message?.method !== "$/cancelRequest") continue
          const cancelled = idOf(get(message, "params"))
          const waiting = cancelled === undefined ? undefined : open.get(cancelled)
          if (waiting !== undefined) yield* Deferred.succeed(waiting, undefined)
        }
        for (const message of messages) {
          if (message?.method !== "$/cancelRequest") yield* Queue.offer(inbox, message)
        }
      })

    const reading = Stream.runForEach(incoming, (piece) =>
      Effect.flatMap(Effect.try({ try: () => frames.push(piece), catch: (error) => error }), take)
    ).pipe(
      Effect.matchEffect({
        onFailure: (error) => {
          const end: End = error instanceof BadFrame ? { _tag: "Garbage", detail: error.detail } : { _tag: "Closed" }
          return Deferred.succeed(ended, end)
        },
        // What was said before the end is still heard.
        onSuccess: () => Queue.offer(inbox, { method: "exit", params: { closed: true } })
      })
    )

    const reply = (message: JsonObject) => send(frame({ jsonrpc: "2.0", ...message }))
    const refuse = (id: Id | null, code: number, message: string) => reply({ id, error: { code, message } })

    const answer = (id: Id, method: string, params: Json) =>
      Effect.gen(function* () {
        const cancelled = open.get(id) ?? (yield* Deferred.make<void>())
        const isCancelled = yield* Deferred.isDone(cancelled)
        const exit = isCancelled
          ? Exit.succeed(Option.none<Either.Either<Json, Refusal>>())
          : yield* Effect.exit(
              Effect.raceFirst(
                Effect.map(Effect.either(request(method, params)), Option.some),
                Effect.as(Deferred.await(cancelled), Option.none())
              )
            )
        open.delete(id)
        if (Exit.isFailure(exit)) {
          yield* log(`${method}: ${Cause.pretty(exit.cause)}`)
          return yield* refuse(id, codes.internal, `flujo could not answer ${method}`)
        }
        if (Option.isNone(exit.value)) return yield* refuse(id, codes.cancelled, "cancelled")
        const result = exit.value.value
        if (Either.isLeft(result)) return yield* refuse(id, result.left.code, result.left.detail)
        yield* reply({ id, result: result.right })
      })

    const working = Effect.gen(function* () {
      for (;;) {
        const message = yield* Queue.take(inbox)
        if (message === undefined) {
          yield* refuse(null, codes.parse, "this is no JSON object")
          continue
        }
        const { method } = message
        const id = idOf(message)
        const params = message.params ?? null
        if (typeof method !== "string") {
          // An answer to something that was not asked.
          if ("result" in message || "error" in message) continue
          yield* refuse(id ?? null, codes.invalidRequest, "a request names a method")
        } else if (method === "exit") {
          return get(params, "closed") === true ? ({ _tag: "Closed" } as const) : ({ _tag: "Exit" } as const)
        } else if (id !== undefined) yield* answer(id, method, params)
        else {
          yield* Effect.catchAllCause(notify(method, params), (cause) => log(`${method}: ${Cause.pretty(cause)}`))
        }
      }
    })

    return yield* Effect.raceFirst(
      Effect.raceFirst(working, Deferred.await(ended)),
      Effect.zipRight(reading, Effect.never)
    )
  })

const idOf = (message: Json | undefined): Id | undefined => {
  const id = get(message, "id")
  return typeof id === "string" || typeof id === "number" ? id : undefined
}
