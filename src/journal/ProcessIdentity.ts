/**
 * Who this process is, and whether another one on the same machine is gone: an adapter to the operating system. A pid
 * alone says little: it is reused, and means nothing in another container or after a reboot. So `started` is the
 * machine's boot, the pid namespace and the start of the process, and where any of that is unknown nobody is declared
 * gone; then a lease simply has to run out.
 */
import { execFileSync } from "node:child_process"
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import type { Owner } from "./Journal.js"

export const owner = (id: string): Owner => {
  const { machine, start } = mine()
  return { id, host: hostname(), pid: process.pid, started: `${machine} ${start}` }
}

/** Whether `other` ran on the machine of `me` and does not run any more. */
export const isGone = (other: Owner, me: Owner): boolean => {
  const [machine, start] = parts(other)
  if (machine === "" || machine !== parts(me)[0] || other.host !== me.host) return false
  const found = startOf(other.pid)
  if (found !== undefined) return start !== "" && found !== start
  return !exists(other.pid)
}

const parts = ({ started }: Owner): readonly [machine: string, start: string] => {
  const at = started.lastIndexOf(" ")
  return [started.slice(0, Math.max(0, at)), started.slice(at + 1)]
}

let known: { readonly machine: string; readonly start: string } | undefined

const mine = (): { readonly machine: string; readonly start: string } => {
  known ??= { machine: machine(), start: startOf(process.pid) ?? "" }
  return known
}

const machine = (): string => {
  try {
    switch (process.platform) {
      case "linux":
        return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`
      case "darwin":
        return execFileSync("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "utf8" }).trim()
      default:
        return ""
    }
  } catch {
    return ""
  }
}

/** When the process started, in ticks since boot (proc(5), field 22 of `stat`); undefined if that cannot be read. */
const startOf = (pid: number): string | undefined => {
  if (process.platform !== "linux") return undefined
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The command's name may hold spaces and parentheses; what follows the last one does not.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    // A zombie has ended; only its parent has not looked yet.
    return fields[0] === "Z" || fields[0] === "X" ? "ended" : fields[19]
  } catch {
    return undefined
  }
}

const exists = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH")
  }
}
