/**
 * Messages as the language server protocol frames them on a stream: a header with a length, an empty line, and so many
 * bytes of JSON. Header and length are bounded, so that whatever comes in fills no memory.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"

const headerMax = 4096
/** A document of 1 MiB, each character of which may be escaped, fits. */
export const contentMax = 16 * 1024 * 1024

/** After it nothing can be read: where the next message begins is not known. */
export class BadFrame extends Data.TaggedError("BadFrame")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** What a message holds: an object, or `undefined` where it is no JSON object. */
export type Message = Json.JsonObject | undefined

/** Gathers the pieces of one stream. */
export class Frames {
  private pieces: Array<Buffer> = []
  private size = 0
  /** Of the message whose header was read. */
  private wanted: number | undefined = undefined

  /** The messages that are whole with this piece. */
  push(piece: Uint8Array): ReadonlyArray<Message> {
    this.pieces.push(Buffer.from(piece))
    this.size += piece.length
    const found: Array<Message> = []
    for (;;) {
      if (this.wanted === undefined && !this.readHeader()) return found
      if (this.wanted === undefined || this.size < this.wanted) return found
      const whole = this.joined()
      found.push(parsed(whole.subarray(0, this.wanted).toString("utf8")))
      this.keep(whole.subarray(this.wanted))
      this.wanted = undefined
    }
  }

  private readHeader(): boolean {
    const whole = this.joined()
    const end = whole.indexOf("\r\n\r\n")
    if (end < 0 && this.size <= headerMax) return false
    if (end < 0 || end > headerMax) {
      throw new BadFrame({ detail: `no header within ${headerMax} bytes: a message begins with Content-Length` })
    }
    const header = whole.subarray(0, end).toString("latin1")
    const length = /^Content-Length:[ \t]*(\d{1,9})[ \t]*$/im.exec(header)?.[1]
    if (length === undefined) throw new BadFrame({ detail: "a header without a Content-Length" })
    if (Number(length) > contentMax) {
      throw new BadFrame({ detail: `a message of ${length} bytes, and ${contentMax} is the most that is read` })
    }
    this.wanted = Number(length)
    this.keep(whole.subarray(end + 4))
    return true
  }

  private joined(): Buffer {
    const whole = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces)
    this.pieces = [whole]
    return whole
  }

  private keep(rest: Buffer): void {
    this.pieces = [rest]
    this.size = rest.length
  }
}

const parsed = (text: string): Message => {
  const json = Json.parse(text)
  return Either.isRight(json) && Json.isObject(json.right) ? json.right : undefined
}

export const frame = (message: Json.Json): string => {
  const text = JSON.stringify(message)
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}
