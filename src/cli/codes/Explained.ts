/** What is said about a code: in a message as its title, by `flujo explain` in full. */
import type { ExitCode } from "../Fault.js"

export interface Explained {
  readonly code: string
  /** What is wrong, in a few words. */
  readonly title: string
  /** Why it happens and what to do about it. */
  readonly explanation: string
  /** What a command ends with that failed so. */
  readonly exit: ExitCode
}

export const explained = (code: string, exit: ExitCode, title: string, explanation: string): Explained => ({
  code,
  exit,
  title,
  explanation
})
