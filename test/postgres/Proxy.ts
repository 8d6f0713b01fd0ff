/** Stands between a journal and its server, and breaks connections at chosen points. It counts what it broke. */
import { connect, createServer, type Server, type Socket } from "node:net"

/**
 * `request`: the statement never reaches the server. `answer`: the server has done it, and nobody learns. `silence`:
 * from then on the connection stays open and nothing goes through.
 */
export type Fault = "request" | "answer" | "silence"

export interface Proxy {
  readonly port: number
  /** Breaks the next `times` statements that hold `text`. */
  readonly arm: (fault: Fault, text: string, times?: number) => void
  readonly fired: () => number
  /** How often somebody connected. */
  readonly opened: () => number
  readonly close: () => Promise<void>
}

export const make = (target: number): Promise<Proxy> => {
  let armed: { readonly fault: Fault; readonly text: string } | undefined
  let left = 0
  let fired = 0
  let opened = 0
  const open = new Set<Socket>()

  const listener: Server = createServer((client) => {
    opened += 1
    const server = connect(target, "127.0.0.1")
    const both = [client, server]
    for (const socket of both) {
      open.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => {
        open.delete(socket)
        for (const other of both) other.destroy()
      })
    }
    const breakOff = () => {
      for (const socket of both) socket.destroy()
    }
    let broken: Fault | undefined
    client.on("data", (data) => {
      if (broken === "silence") return
      if (armed !== undefined && left > 0 && data.includes(armed.text)) {
        left -= 1
        fired += 1
        broken = armed.fault
        if (broken === "request") return breakOff()
        if (broken === "silence") return
      }
      server.write(data)
    })
    server.on("data", (data) => {
      if (broken === "answer") return breakOff()
      if (broken === undefined) client.write(data)
    })
  })
  return new Promise((resolve, reject) => {
    listener.on("error", reject)
    listener.listen(0, "127.0.0.1", () => {
      const address = listener.address()
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        arm: (fault, text, times = 1) => {
          armed = { fault, text }
          left = times
        },
        fired: () => fired,
        opened: () => opened,
        close: () =>
          new Promise((done) => {
            for (const socket of open) socket.destroy()
            listener.close(() => done())
          })
      })
    })
  })
}
