/**
 * The places of a run as its entries tell of them, before anything is concluded: a tree whose nodes hold the entries
 * said there. A step's attempts are side by side below its `Slot`; what stands beside or below an attempt is its child.
 */
import * as Option from "effect/Option"
import type { Entry, Event, EventOf, Kind } from "../../domain/Event.js"
import type { Json } from "../../domain/Json.js"
import * as StepPath from "../../domain/StepPath.js"

/** All attempts of what has one name among its siblings. */
export interface Slot {
  readonly _tag: "Slot"
  readonly name: string
  readonly attempts: Map<number, Place>
}

/** That a step failed, as an entry about something else says. */
export interface Mark {
  readonly reason: "Failure" | "Engine" | "Defect" | undefined
  readonly error: Json | undefined
}

export interface Place {
  readonly _tag: "Place"
  readonly path: StepPath.StepPath
  /** The last segment, or the part of it that this place adds: `[3]`, `!fallback`. */
  readonly label: string
  /** From 1. */
  readonly attempt: number
  readonly index: number | undefined
  readonly role: string | undefined
  readonly isCall: boolean
  readonly entriesByKind: Map<Kind, Array<Entry>>
  readonly marks: Array<Mark>
  /** In the order first seen. */
  readonly children: Map<string, Slot | Place>
  /** Times of the first and the last entry here or below. */
  firstAt: number
  lastAt: number
  /** Number of the first entry here or below. */
  firstSeq: number
}

/** The entries of one kind at a place. */
export const all = <K extends Kind>(place: Place, kind: K): ReadonlyArray<Entry<EventOf<K> & Event>> =>
  (place.entriesByKind.get(kind) ?? []) as unknown as ReadonlyArray<Entry<EventOf<K> & Event>>

export const last = <K extends Kind>(place: Place, kind: K): Entry<EventOf<K> & Event> | undefined =>
  all(place, kind).at(-1)

export const has = (place: Place, kind: Kind): boolean => place.entriesByKind.has(kind)

export interface Places {
  readonly root: Place
  /** The places that the last entry of a step stands in, innermost last. */
  readonly latest: ReadonlySet<Place>
}

export const make = (entries: ReadonlyArray<Entry>): Places => {
  const root = placeOf({ path: StepPath.root, label: "", attempt: 1 }, entries[0]?.at ?? 0, 0)
  const chainsByPath = new Map<string, ReadonlyArray<Place>>()

  const chainTo = (path: StepPath.StepPath, isCall: boolean, { at, seq }: Entry): ReadonlyArray<Place> => {
    const known = chainsByPath.get(path)
    if (known !== undefined) return known
    const chain: Array<Place> = [root]
    let here = root
    const enter = (place: Place) => {
      chain.push(place)
      here = place
    }
    const child = (parts: Parts): Place => {
      const found = here.children.get(parts.label)
      if (found?._tag === "Place") return found
      const made = placeOf(parts, at, seq)
      here.children.set(parts.label, made)
      return made
    }
    const segments = segmentsOf(path)
    for (const [i, segment] of segments.entries()) {
      const upTo = StepPath.print(segments.slice(0, i + 1))
      const label = StepPath.print([segment])
      const found = here.children.get(label)
      if ((found?._tag === "Place" && found.isCall) || (isCall && i === segments.length - 1)) {
        enter(child({ path: upTo, label, attempt: 1, isCall: true }))
        continue
      }
      const { attempt, index, name, role } = segment
      const slot = slotOf(here, name)
      const own = StepPath.print([...segments.slice(0, i), { name, attempt }])
      const known = slot.attempts.get(attempt)
      const place = known ?? placeOf({ path: own, label: name, attempt }, at, seq)
      if (known === undefined) slot.attempts.set(attempt, place)
      enter(place)
      if (index !== undefined) enter(child({ path: upTo, label: `[${index}]`, attempt, index }))
      else if (role !== undefined) enter(child({ path: upTo, label: `!${role}`, attempt, role }))
    }
    chainsByPath.set(path, chain)
    return chain
  }

  const mark = (paths: ReadonlyArray<StepPath.StepPath>, said: Mark, entry: Entry) => {
    for (const path of paths) chainTo(path, false, entry).at(-1)!.marks.push(said)
  }

  let latest: ReadonlyArray<Place> = []
  for (const entry of entries) {
    const { at, event } = entry
    const chain = chainTo(event.path, event.kind === "Asked", entry)
    const place = chain.at(-1)!
    const same = place.entriesByKind.get(event.kind)
    if (same === undefined) place.entriesByKind.set(event.kind, [entry])
    else same.push(entry)
    // What takes a step back comes after all that the step took.
    for (const passed of chain.slice(
      Math.max(
        0,
        chain.findLastIndex(({ role }) => role === "undo")
      )
    )) {
      passed.lastAt = Math.max(passed.lastAt, at)
    }
    if (event.path !== StepPath.root) latest = chain
    switch (event.kind) {
      case "Closed":
        mark(event.data.by, { reason: undefined, error: undefined }, entry)
        break
      case "RunFailed": {
        const { at: paths, reason } = event.data
        mark(paths, { reason, error: paths.length === 1 ? event.payload.error : undefined }, entry)
        break
      }
      case "RetryDecided":
        markAttempt(chain, event.ordinal)
        break
    }
  }
  return { root, latest: new Set(latest) }
}

/** A decision about trying again says that this attempt failed. */
const markAttempt = (chain: ReadonlyArray<Place>, attempt: number): void => {
  const place = chain.at(-1)
  const parent = chain.at(-2)
  if (place === undefined || parent === undefined) return
  const slot = parent.children.get(slotKey(place.label))
  if (slot?._tag === "Slot") slot.attempts.get(attempt)?.marks.push({ reason: undefined, error: undefined })
}

interface Parts {
  readonly path: StepPath.StepPath
  readonly label: string
  readonly attempt: number
  readonly index?: number
  readonly role?: string
  readonly isCall?: boolean
}

const placeOf = ({ attempt, index, isCall = false, label, path, role }: Parts, at: number, seq: number): Place => ({
  _tag: "Place",
  path,
  label,
  attempt,
  index,
  role,
  isCall,
  entriesByKind: new Map(),
  marks: [],
  children: new Map(),
  firstAt: at,
  lastAt: at,
  firstSeq: seq
})

/** No label of a place begins so. */
const slotKey = (name: string): string => `/${name}`

const slotOf = (parent: Place, name: string): Slot => {
  const found = parent.children.get(slotKey(name))
  if (found?._tag === "Slot") return found
  const slot: Slot = { _tag: "Slot", name, attempts: new Map() }
  parent.children.set(slotKey(name), slot)
  return slot
}

/** A path that cannot be read is one name: a view never fails over what a journal holds. */
const segmentsOf = (path: StepPath.StepPath): ReadonlyArray<StepPath.Segment> =>
  Option.match(StepPath.fromString(path), {
    onNone: () => [{ name: path, attempt: 1 }],
    onSome: StepPath.parse
  })
