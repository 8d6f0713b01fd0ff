/**
 * What two executions of one run must share to be *the same*: their events without life events and clock fields, keyed
 * by `(path, kind, ordinal)`. Neither the order of entries nor who wrote them when is part of it.
 */
import * as Either from "effect/Either"
import * as Digest from "../../src/domain/Digest.js"
import * as Event from "../../src/domain/Event.js"
import * as Json from "../../src/domain/Json.js"

/** The canonical text of each event by its logical key. Two events under one key are a fault. */
export const events = (entries: ReadonlyArray<Event.Entry>): ReadonlyMap<string, string> => {
  const byKey = new Map<string, string>()
  for (const { event } of entries) {
    if (Event.kinds[event.kind].life) continue
    const key = Event.key(event.path, event.kind, event.ordinal)
    if (byKey.has(key)) throw new Error(`two events have the key ${key}`)
    const data = Json.isObject(json(event.data))
      ? Event.comparable(event.kind, json(event.data) as Json.JsonObject)
      : {}
    byKey.set(key, Json.canonical({ data, payload: json(event.payload) }))
  }
  return byKey
}

const json = (value: unknown): Json.Json => Either.getOrThrow(Json.fromUnknown(value))

/** One line per event, sorted: what to show where two executions differ. */
export const lines = (entries: ReadonlyArray<Event.Entry>): ReadonlyArray<string> =>
  Array.from(events(entries), ([key, text]) => `${key} ${text}`).sort()

/** One digest for all executions that are the same. */
export const logical = (entries: ReadonlyArray<Event.Entry>): Digest.Digest => Digest.of(lines(entries))

/** Entries are numbered from 0 without gaps, and their epochs never go back. */
export const isGapless = (entries: ReadonlyArray<Event.Entry>): boolean =>
  entries.every(({ epoch, seq }, i) => seq === i && (i === 0 || epoch >= entries[i - 1]!.epoch))

/** Paths of the entries of one kind, in order. */
export const pathsOf = (entries: ReadonlyArray<Event.Entry>, kind: Event.Kind): ReadonlyArray<string> =>
  entries.filter(({ event }) => event.kind === kind).map(({ event }) => event.path)
