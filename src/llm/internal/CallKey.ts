/** Keys of calls that a step's own code makes: by their request, so that calls may be made side by side. */
import type * as Digest from "../../domain/Digest.js"
import type { Once } from "../../domain/Once.js"

/** How often each request was made through a door. */
const made = new WeakMap<Once["Type"], Map<string, number>>()

/** The same request made again through one door is the next call of it. */
export const keyIn = (once: Once["Type"], what: string, digest: Digest.Digest): string => {
  const counts = made.get(once) ?? new Map<string, number>()
  made.set(once, counts)
  const name = `${what}_${digest.slice(0, 12)}`
  const count = counts.get(name) ?? 0
  counts.set(name, count + 1)
  return `${name}[${count}]`
}
