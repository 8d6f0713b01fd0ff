/** The commands by which a run that rests goes on, as words behind `flujo`: one form, wherever they are shown. */
import type { RunId } from "../domain/RunId.js"
import type { TaskRow } from "../journal/RunIndex.js"
import * as Runs from "./Runs.js"
import { shellQuoted } from "./Shell.js"

interface Waiting {
  readonly run: RunId
  readonly tasks: ReadonlyArray<Pick<TaskRow, "path" | "task">>
  /** Names of the signals that it waits for. */
  readonly signals: ReadonlyArray<string>
}

export const waiting = ({ run, signals, tasks }: Waiting): ReadonlyArray<string> => [
  ...tasks.flatMap(({ path, task }) => {
    const name = Runs.nameOf({ run, path }, tasks.length === 1)
    return task === "ask" ? [`answer ${name} ANSWER`] : [`approve ${name}`, `reject ${name} --reason WHY`]
  }),
  ...signals.map((signal) => `signal ${run} ${shellQuoted(signal)} VALUE`)
]
