/** What can be done with a reply that comes in chunks. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Live } from "../domain/Live.js"
import { type ModelAsk, type ModelChunk, type ModelDriver, ModelError, type ModelReply } from "../domain/Model.js"
import type { CallInfo } from "../domain/Once.js"
import type { StepPath } from "../domain/StepPath.js"

/** The reply of any driver as a stream; of one that cannot stream it is the one chunk that ends it. */
export const streamOf =
  (driver: ModelDriver) =>
  (ask: ModelAsk, info: CallInfo): Stream.Stream<ModelChunk, ModelError> =>
    driver.stream === undefined
      ? Stream.fromEffect(Effect.map(driver.call(ask, info), (reply): ModelChunk => ({ _tag: "Reply", reply })))
      : driver.stream(ask, info)

/**
 * Opens `stream` and waits for its first chunk: what fails before is a failure here and leaves nothing open, so that
 * something else can be tried. What is answered is the whole stream, open for as long as the scope.
 */
export const begun = <A, E>(stream: Stream.Stream<A, E>): Effect.Effect<Stream.Stream<A, E>, E, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    return yield* Stream.toPull(stream).pipe(
      Effect.flatMap((pull) =>
        Effect.matchEffect(pull, {
          onFailure: Option.match({
            onNone: () => Effect.succeed(Stream.empty),
            onSome: (error: E) => Effect.fail(error)
          }),
          onSuccess: (first): Effect.Effect<Stream.Stream<A, E>> =>
            Effect.succeed(Stream.concat(Stream.fromChunk(first), Stream.fromPull(Effect.succeed(pull))))
        })
      ),
      Scope.extend(scope),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
  })

/**
 * The reply of any driver, with what it says told while it comes in. Where that fails, or is cut, after something was told,
 * that is told to be void.
 */
export const told = (
  driver: ModelDriver,
  ask: ModelAsk,
  info: CallInfo,
  { path, tell }: { readonly path: StepPath; readonly tell: Live["Type"]["tell"] }
): Effect.Effect<ModelReply, ModelError> =>
  driver.stream === undefined
    ? driver.call(ask, info)
    : Effect.suspend(() => {
        let reply: ModelReply | undefined
        let isBegun = false
        return Stream.runForEach(streamOf(driver)(ask, info), (chunk) =>
          Effect.sync(() => {
            if (chunk._tag === "Reply") reply = chunk.reply
            else {
              isBegun = true
              tell({ _tag: "Said", path, piece: chunk })
            }
          })
        ).pipe(
          Effect.flatMap(() =>
            reply === undefined
              ? new ModelError({ reason: "Cut", model: ask.model, detail: "the stream ended without a reply" })
              : Effect.succeed(reply)
          ),
          Effect.onExit((exit) =>
            Exit.isSuccess(exit) || !isBegun
              ? Effect.void
              : Effect.sync(() => tell({ _tag: "Discarded", path, detail: whyOf(exit.cause) }))
          )
        )
      })

const whyOf = (cause: Cause.Cause<ModelError>): string =>
  Option.match(Cause.failureOption(cause), {
    onNone: () => (Cause.isInterrupted(cause) ? "it was cut off" : "its driver broke"),
    onSome: ({ message }) => message
  })
