/**
 * An entry and what is stored of it. The head is canonical JSON (RFC 8785), written by hand in the order of its sorted
 * keys because this is the hottest code of the store; `JSON.parse` and the schemas of `Event.kinds` read it back. A
 * payload is committed to (see `Commitment.ts`), and the commitment is checked whenever it is read.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Event from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import type { RunId } from "../domain/RunId.js"
import { StepPath } from "../domain/StepPath.js"
import * as Commitment from "./Commitment.js"
import type { Blob, Row } from "./Driver.js"
import * as Fits from "./Fits.js"
import type { Staged, Stored } from "./Journal.js"

/** Larger payloads stand in the blob table. */
export const inlineBytesMax = 64 * 1024

/** An entry that has all but its place in the run. */
export interface Unplaced {
  readonly staged: Staged
  /** The head up to the sequence number. */
  readonly start: string
  readonly payload: string | null
  readonly salt: Uint8Array | null
  readonly blob: Blob | null
  /** About what it occupies, for limits. */
  readonly size: number
}

export interface Codec {
  /** A number is the size of a payload that is over the limit. */
  readonly encode: (
    owned: { readonly run: RunId; readonly epoch: number; readonly key: Uint8Array },
    staged: Staged
  ) => Unplaced | number
  readonly place: (unplaced: Unplaced, seq: number) => Row
  /** An entry that was written elsewhere, as it is kept under this run's key. */
  readonly keep: (key: Uint8Array, stored: Stored) => { readonly row: Row; readonly blob: Blob | undefined }
  /** Of a head alone. Left: what is wrong with it. */
  readonly decodeHead: (
    run: RunId,
    row: { readonly seq: number; readonly head: string }
  ) => Either.Either<Event.Entry<Event.Headed>, string>
  /** `bytes` are those of the row's blob, if it names one. Left: what is wrong with it. */
  readonly decode: (run: RunId, row: Row, bytes: Uint8Array | undefined) => Either.Either<Event.Entry, string>
  /** The same of an entry whose payload, where it can be read, is known to be the one that its head commits to. */
  readonly read: (run: RunId, stored: Stored) => Either.Either<Event.Entry<Event.Headed>, string>
}

export interface Options {
  readonly tenant: string
  readonly payloadBytesMax: number
  readonly entropy: (size: number) => Uint8Array
}

export const make = ({ entropy, payloadBytesMax, tenant }: Options): Effect.Effect<Codec> =>
  Effect.map(Commitment.make, (commit): Codec => {
    const end = `,"tenant":${JSON.stringify(tenant)}}`
    // Payloads are laid out here, so that most need no buffer of their own.
    const scratch = Buffer.alloc(inlineBytesMax)

    const encode: Codec["encode"] = ({ epoch, key, run }, staged) => {
      const { at, event, payload: text } = staged
      let commitment = ""
      let payload: string | null = null
      let salt: Uint8Array | null = null
      let blob: Blob | null = null
      let size = 0
      if (text !== undefined) {
        // A UTF-16 code unit is at most three bytes of UTF-8, so short text need not be measured.
        size = text.length * 3 <= inlineBytesMax ? text.length : Buffer.byteLength(text)
        if (size > payloadBytesMax) return size
        salt = entropy(Commitment.saltBytes)
        if (size <= inlineBytesMax) {
          payload = text
          size = scratch.write(text)
          commitment = commit.of(salt, scratch.subarray(0, size))
        } else {
          const bytes = Buffer.from(text)
          blob = { address: commit.of(key, bytes), bytes }
          commitment = commit.of(salt, bytes)
        }
      }
      const start = `{"at":${at}${commitment === "" ? "" : `,"commitment":"${commitment}"`},"data":${dataText(event.data)},"epoch":${epoch},"kind":"${event.kind}","ordinal":${event.ordinal},"path":${JSON.stringify(event.path)},"run":"${run}","seq":`
      return { staged, start, payload, salt, blob, size: size + start.length }
    }

    const place: Codec["place"] = ({ blob, payload, salt, start }, seq) => ({
      seq,
      head: start + seq + end,
      payload,
      salt,
      blob: blob === null ? null : blob.address
    })

    const keep: Codec["keep"] = (key, { head, payload, salt, seq }) => {
      const bytes = payload === null ? undefined : typeof payload === "string" ? Buffer.from(payload) : payload
      if (bytes === undefined || bytes.length <= inlineBytesMax) {
        const text = bytes === undefined ? null : Buffer.from(bytes).toString()
        return { row: { seq, head, payload: text, salt, blob: null }, blob: undefined }
      }
      const address = commit.of(key, bytes)
      return { row: { seq, head, payload: null, salt, blob: address }, blob: { address, bytes } }
    }

    const readHead = (run: RunId, row: { readonly seq: number; readonly head: string }) => {
      const parsed = parse(row.head)
      if (Either.isLeft(parsed)) return Either.left("its head is not JSON")
      const decoded = decodeHead(parsed.right)
      if (Either.isLeft(decoded)) return Either.left(`its head has ${issue(decoded.left)}`)
      const { at, commitment, data, epoch, kind, ordinal, path, ...where } = decoded.right
      if (where.run !== run || where.seq !== row.seq || where.tenant !== tenant) {
        return Either.left("its head belongs to another entry")
      }
      if (!Event.isKind(kind)) return Either.left("its kind is unknown to this version of flujo")
      const data_ = decoders(kind).data(data)
      return Either.isLeft(data_)
        ? Either.left(`its data has ${issue(data_.left)}`)
        : Either.right({ at, commitment, data: data_.right, epoch, kind, ordinal, path })
    }

    const decodeOnlyHead: Codec["decodeHead"] = (run, row) =>
      Either.map(readHead(run, row), ({ at, data, epoch, kind, ordinal, path }) => {
        // `data` is of `kind`: the types cannot say that across a union.
        const event = { path, kind, ordinal, data } as Event.Headed
        return { run, seq: row.seq, at, epoch, event }
      })

    /** `text`: of the payload, where the head names one. */
    const whole = (
      run: RunId,
      seq: number,
      head: Either.Either.Right<ReturnType<typeof readHead>>,
      text: string | undefined
    ): Either.Either<Event.Entry, string> => {
      const { at, data, epoch, kind, ordinal, path } = head
      const parsed = text === undefined ? undefined : parse(text)
      if (parsed !== undefined && Either.isLeft(parsed)) return Either.left("its payload is not JSON")
      const payload_ = decoders(kind).payload(parsed === undefined ? {} : parsed.right)
      if (Either.isLeft(payload_)) return Either.left(`its payload has ${issue(payload_.left)}`)
      // `data` and `payload` are of `kind`: the types cannot say that across a union.
      const event = { path, kind, ordinal, data, payload: payload_.right } as Event.Event
      return Either.right({ run, seq, at, epoch, event })
    }

    const decode: Codec["decode"] = (run, row, bytes) => {
      const head = readHead(run, row)
      if (Either.isLeft(head)) return Either.left(head.left)
      const { commitment } = head.right
      const { blob, payload: inline, salt, seq } = row
      if (commitment === undefined) {
        return inline === null && blob === null
          ? whole(run, seq, head.right, undefined)
          : Either.left("it has a payload that its head does not name")
      }
      if ((inline === null && bytes === undefined) || salt === null) return Either.left("its payload is missing")
      const isShort = inline !== null && inline.length * 3 <= inlineBytesMax
      const laid = isShort ? scratch.subarray(0, scratch.write(inline)) : (bytes ?? Buffer.from(inline!))
      if (salt.length !== Commitment.saltBytes || commit.of(salt, laid) !== commitment) {
        return Either.left("its payload was changed")
      }
      return whole(run, seq, head.right, inline ?? Buffer.from(bytes!).toString())
    }

    const read: Codec["read"] = (run, stored) => {
      if (stored.unread !== undefined) return decodeOnlyHead(run, stored)
      const head = readHead(run, stored)
      if (Either.isLeft(head)) return Either.left(head.left)
      const { payload, seq } = stored
      const text = payload === null || typeof payload === "string" ? payload : Buffer.from(payload).toString()
      return whole(run, seq, head.right, text ?? undefined)
    }

    return { encode, place, keep, decodeHead: decodeOnlyHead, decode, read }
  })

/** Canonical text; optional fields may be there as `undefined`, which JSON does not have. */
const dataText = (data: { readonly [name: string]: Json.Json | undefined }): string => {
  const names = Object.keys(data)
  if (names.length > 1) names.sort()
  let text = ""
  for (const name of names) {
    const value = data[name]
    if (value !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${Json.canonical(value)}`
  }
  return `{${text}}`
}

/** More than the schema knows is refused too: what is read must be all that was written. */
const decoder = <S extends Schema.Schema.AnyNoContext>(
  schema: S
): ((value: unknown) => Either.Either<Schema.Schema.Type<S>, ParseResult.ParseError>) => {
  const decode = Schema.decodeUnknownEither(schema, Fits.exact)
  const fits = Fits.of(schema)
  // What fits is what it is decoded to.
  return fits === undefined
    ? decode
    : (value) => (fits(value) ? Either.right(value as Schema.Schema.Type<S>) : decode(value))
}

const decodeHead = decoder(
  Schema.Struct({
    at: Schema.Int,
    commitment: Schema.optional(Schema.String),
    data: Schema.Unknown,
    epoch: Schema.Int,
    kind: Schema.String,
    ordinal: Schema.Int,
    path: StepPath,
    run: Schema.String,
    seq: Schema.Int,
    tenant: Schema.String
  })
)

type Decoder = (value: unknown) => Either.Either<unknown, ParseResult.ParseError>

const decodersByKind = new Map<Event.Kind, { readonly data: Decoder; readonly payload: Decoder }>()

/** Schemas are compiled when a kind is first met: most runs know few kinds. */
const decoders = (kind: Event.Kind): { readonly data: Decoder; readonly payload: Decoder } => {
  let found = decodersByKind.get(kind)
  if (found === undefined) {
    const { data, payload } = Event.kinds[kind]
    found = { data: decoder(data), payload: decoder(payload) }
    decodersByKind.set(kind, found)
  }
  return found
}

const parse = (text: string): Either.Either<Json.Json, unknown> => Either.try((): Json.Json => JSON.parse(text))

/** Where it does not fit; not what stands there, which may be what a patient said. */
const issue = (error: ParseResult.ParseError): string => {
  const [first] = ParseResult.ArrayFormatter.formatErrorSync(error)
  return first === undefined ? "another form" : `${first._tag} at /${first.path.join("/")}`
}
