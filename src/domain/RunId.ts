/**
 * Names a run. Made ones are ULIDs (https://github.com/ulid/spec): 26 characters of Crockford's base 32 that sort by
 * time. A user may give a name of their own: letters, digits, `.`, `_` and `-`, at most 128.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"

export const RunId = Schema.String.pipe(
  Schema.pattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
    message: () => "a run id is 1 to 128 letters, digits, '.', '_' or '-', and starts with a letter or a digit"
  }),
  Schema.brand("flujo/RunId")
)
export type RunId = typeof RunId.Type

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/** A new id from the clock and 80 random bits of `Random`. */
export const make: Effect.Effect<RunId> = Effect.gen(function* () {
  let time = yield* Clock.currentTimeMillis
  let text = ""
  for (let i = 0; i < 10; i++) {
    text = alphabet[time % 32] + text
    time = Math.floor(time / 32)
  }
  for (let i = 0; i < 4; i++) {
    let bits = yield* Random.nextIntBetween(0, 2 ** 20)
    for (let j = 0; j < 4; j++) {
      text += alphabet[bits % 32]
      bits = Math.floor(bits / 32)
    }
  }
  return RunId.make(text)
})
