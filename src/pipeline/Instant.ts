/** A time as people write it: a date, or a date with a time of day and its zone, as in ISO 8601. */
import * as Option from "effect/Option"

// A time of day without a zone would be another instant on another machine.
const written = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** Milliseconds since 1970; none for what is no time, such as the 31st of February. */
export const fromText = (text: string): Option.Option<number> => {
  if (!written.test(text)) return Option.none()
  const millis = Date.parse(text)
  const [year, month, day] = text.slice(0, 10).split("-").map(Number)
  const isDay = new Date(Date.UTC(year!, month! - 1, day)).getUTCDate() === day
  return Number.isFinite(millis) && isDay ? Option.some(millis) : Option.none()
}
