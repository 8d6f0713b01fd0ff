/** A real terminal, held by tmux: keys go in, and what a person would see comes out. */
import { execFileSync } from "node:child_process"
import { afterAll } from "@effect/vitest"
import { bin, type Place } from "./Flujo.js"

const sockets = new Set<string>()
afterAll(() => {
  for (const socket of sockets) {
    try {
      execFileSync("tmux", ["-S", socket, "kill-server"], { stdio: "ignore" })
    } catch {
      // Its last session ended, and it with that.
    }
  }
})

export interface Terminal {
  /** Without colours; with them where `isStyled`. */
  readonly screen: (isStyled?: boolean) => string
  /** Keys by tmux's names, such as `Enter` or `C-c`. */
  readonly keys: (...keys: ReadonlyArray<string>) => void
  readonly type: (text: string) => void
  /** Until the screen holds it. */
  readonly until: (says: string | RegExp) => Promise<string>
}

export const open = (
  { env, folder }: Place,
  line: string,
  { more = {}, rows = 40 }: { readonly more?: Readonly<Record<string, string>>; readonly rows?: number } = {}
): Terminal => {
  const socket = `${folder}/tmux`
  sockets.add(socket)
  const tmux = (...args: ReadonlyArray<string>): string =>
    execFileSync("tmux", ["-S", socket, "-f", "/dev/null", ...args], { encoding: "utf8", cwd: folder, env })
  const set = Object.entries({ ...env, TERM: "screen-256color", ...more }).map(([name, value]) => `${name}='${value}'`)
  const flujo = `flujo() { "${process.execPath}" "${bin}" "$@"; }`
  const command = `env -i ${set.join(" ")} bash --norc -c '${flujo}; ${line}; echo "[exit $?]"; exec sleep 600'`
  tmux("new-session", "-d", "-x", "110", "-y", String(rows), command)
  const screen = (isStyled = false): string => tmux("capture-pane", "-p", ...(isStyled ? ["-e"] : []))
  return {
    screen,
    keys: (...keys) => void tmux("send-keys", ...keys),
    type: (text) => void tmux("send-keys", "-l", text),
    until: async (says) => {
      for (let tries = 0; tries < 1200; tries++) {
        const seen = screen()
        if (typeof says === "string" ? seen.includes(says) : says.test(seen)) return seen
        await new Promise((resume) => setTimeout(resume, 100))
      }
      throw new Error(`it never showed ${says}:\n${screen()}`)
    }
  }
}
