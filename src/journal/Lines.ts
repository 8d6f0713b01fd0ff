/** Lines of a file as they come: UTF-8 and nothing else, each ended by a line feed, so that no byte of it is free. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** `what` continues "line N of the file …". */
export class BadLine extends Data.TaggedError("BadLine")<{ readonly what: string }> {}

/** Characters of one line: a payload of 16 MiB, all of it escaped, fits. */
const lineMax = 256 * 1024 * 1024

export const of = <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<string, E | BadLine> =>
  Stream.suspend(() => {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
    let rest = ""
    const take = (chunk: Uint8Array | undefined): Effect.Effect<ReadonlyArray<string>, BadLine> =>
      Effect.try({
        try: () => (chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })),
        catch: () => new BadLine({ what: "is not UTF-8" })
      }).pipe(
        Effect.flatMap((text) => {
          const lines = (rest + text).split("\n")
          rest = lines.pop()!
          return rest.length > lineMax ? Effect.fail(new BadLine({ what: "is too long" })) : Effect.succeed(lines)
        })
      )
    const end = Stream.fromIterableEffect(
      Effect.flatMap(
        Effect.suspend(() => take(undefined)),
        (lines) => (rest === "" ? Effect.succeed(lines) : Effect.fail(new BadLine({ what: "has no end" })))
      )
    )
    return Stream.concat(Stream.mapConcatEffect(bytes, take), end)
  })
