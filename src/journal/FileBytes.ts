/** The bytes of a file that somebody named. What never ends, or waits for a writer, is no file. */
import { type PlatformError, SystemError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** Fails with `BadResource` where it is no regular file: a device, a pipe, a folder. */
export const of = (fs: FileSystem.FileSystem, file: string): Stream.Stream<Uint8Array, PlatformError> =>
  Stream.unwrap(
    Effect.flatMap(fs.stat(file), ({ type }) =>
      type === "File"
        ? Effect.succeed(fs.stream(file))
        : Effect.fail(
            new SystemError({
              reason: "BadResource",
              module: "FileSystem",
              method: "stream",
              pathOrDescriptor: file,
              description: "it is not a regular file"
            })
          )
    )
  )

/** Why it cannot be read, in words for people. */
export const whyOf = (error: PlatformError): string => {
  if (error._tag !== "SystemError") return error.message
  return error.reason === "BadResource" ? (error.description ?? error.reason) : error.reason
}
