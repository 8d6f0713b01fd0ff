/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), read from pieces of a body: the
 * `data` of each event, comments and other fields left out. An event that the end of the body cuts off is given all the
 * same; whether it can be read shows what it is.
 */

export interface Reader {
  /** The events that are whole with this piece. */
  readonly feed: (piece: Uint8Array) => ReadonlyArray<string>
  /** What is left at the end. */
  readonly end: () => ReadonlyArray<string>
}

export const make = (): Reader => {
  const decoder = new TextDecoder()
  // Pieces of the line that has not ended yet: joined once, so that a long line in small pieces stays cheap.
  let open: Array<string> = []
  let data: Array<string> = []
  let afterReturn = false

  const line = (text: string, events: Array<string>) => {
    if (text === "") {
      if (data.length > 0) events.push(data.join("\n"))
      data = []
      return
    }
    const colon = text.indexOf(":")
    const field = colon === -1 ? text : text.slice(0, colon)
    if (field === "data") data.push(colon === -1 ? "" : text.slice(colon + 1).replace(/^ /, ""))
  }
  const take = (text: string): ReadonlyArray<string> => {
    const events: Array<string> = []
    let from = 0
    for (const match of text.matchAll(/\r\n|\n|\r/g)) {
      const isSecondHalf = afterReturn && match.index === 0 && match[0] === "\n"
      afterReturn = false
      if (!isSecondHalf) {
        open.push(text.slice(from, match.index))
        line(open.join(""), events)
        open = []
      }
      from = match.index + match[0].length
    }
    if (text !== "") afterReturn = text.endsWith("\r")
    if (from < text.length) open.push(text.slice(from))
    return events
  }

  return {
    feed: (piece) => take(decoder.decode(piece, { stream: true })),
    end: () => take(`${decoder.decode()}\n\n`)
  }
}
