/** Runs that could not be started, driven on or replayed. */
import type { RunError } from "../../engine/RunError.js"
import { exits } from "../Fault.js"
import { type Explained, explained } from "./Explained.js"

export const runErrors: Readonly<Record<RunError["reason"], Explained>> = {
  Defect: explained(
    "FLJ-ENGINE-1",
    exits.failed,
    "a step broke",
    "A step failed in a way that it does not declare: its code threw, or its value could not be written. It is never retried by itself. Look at it with `flujo lens trace RUN`, mend what is broken, and try the step again with `flujo resume RUN`."
  ),
  Cancelled: explained(
    "FLJ-ENGINE-2",
    exits.failed,
    "the run was cancelled",
    "Somebody cancelled the run. It cannot go on; start a new one. Who and why stands in `flujo lens show RUN`."
  ),
  Held: explained(
    "FLJ-ENGINE-3",
    exits.failed,
    "another process drives the run",
    "A run has one driver at a time, so that no step is ever done twice. Wait for the process that is named, or end it: a run whose driver died on this machine can be resumed at once, and one whose driver cannot be seen from here when its lease has run out."
  ),
  Plan: explained(
    "FLJ-ENGINE-4",
    exits.invalid,
    "the pipeline has findings",
    "A pipeline with findings is never run. `flujo validate` shows all of them, each with its place."
  ),
  Input: explained(
    "FLJ-ENGINE-5",
    exits.usage,
    "the input does not fit",
    "The first step declares what it takes, and the input is something else. The message says what is missing or wrong."
  ),
  Unknown: explained(
    "FLJ-ENGINE-6",
    exits.usage,
    "there is no such run",
    "No run of this id is in the state that was looked at. `flujo lens list` shows the runs; `flujo status` shows which state is looked at, and --project or --state-uri choose another."
  ),
  Ended: explained(
    "FLJ-ENGINE-7",
    exits.usage,
    "there is nothing to go on with",
    "The run completed, was cancelled, or failed and had what it did taken back. A failed run of which nothing was taken back can be resumed, and so can one with an undo that failed: that undo is tried again. Any other one cannot; start a new one, or fork it. `flujo lens why RUN` says how it ended."
  ),
  Exists: explained(
    "FLJ-ENGINE-8",
    exits.usage,
    "the run id is in use",
    "A run of this id exists, with another pipeline or another input. With the same pipeline and input, --run-id goes on with the run that is there. Choose another id, or leave --run-id out."
  ),
  Changed: explained(
    "FLJ-ENGINE-9",
    exits.usage,
    "not the pipeline that the run was started with",
    "A run goes on with the pipeline that it was started with, or was upgraded to, which is kept in its journal. Read by this flujo, it makes another plan: use the flujo that started the run, or `flujo resume RUN --upgrade FILE`. A run that was started by a program is resumed by that program; in code, `upgrade: true` goes on with another version where that is possible."
  ),
  Fork: explained(
    "FLJ-ENGINE-13",
    exits.usage,
    "the run cannot be forked so",
    "A fork begins with what its parent has recorded up to a step that it came to. What is given in place of it must fit that step: an input or an output a code step, an agent or a skill, an answer a question. The message says what is in the way; the parent is as it was."
  ),
  Upgrade: explained(
    "FLJ-ENGINE-17",
    exits.integrity,
    "the run cannot go on with the new version",
    "A run goes on only with a version of its pipeline that says again all that the run has recorded: the message names the first step that the new version does otherwise, and what of it. A version has the name of the pipeline, and does not limit what steps may spend where the run was started without any limit, because what it spent until then is not known. Nothing was changed; the run goes on as it was with `flujo resume RUN`."
  ),
  Diverged: explained(
    "FLJ-ENGINE-10",
    exits.integrity,
    "what is recorded and what is computed differ",
    "A replay walks the recorded run again with the outside shut and found a difference at the step that is named: a function that does not always answer the same, a changed one whose version was not raised, or a changed record."
  ),
  Stuck: explained(
    "FLJ-ENGINE-16",
    exits.failed,
    "the run is stuck",
    "The process that drives the run died several times in a row without the run coming any further: out of memory at one step, for instance, or killed by a time limit. It is not taken up by itself any more. `flujo lens why RUN` tells at which step; mend what is in the way, then `flujo resume RUN` tries once more."
  ),
  NoStep: explained(
    "FLJ-ENGINE-15",
    exits.usage,
    "the run did not come to this step",
    "No entry of the run is of the step that is named. `flujo lens trace RUN` shows the steps that it came to; a path is written as `outer/inner`, an item or iteration as `name[3]`, and without the number of an attempt."
  ),
  Journal: explained(
    "FLJ-ENGINE-11",
    exits.failed,
    "the journal failed",
    "What happened could not be written down, so the run stopped: nothing counts that is not written. Mend what the message names (space, permissions, a lock) and go on with `flujo resume RUN`."
  ),
  Budget: explained(
    "FLJ-ENGINE-14",
    exits.invalid,
    "it might exceed its budget",
    "Before a run starts, its plan is priced at the worst: every loop to its end, every retry, every reply as long as it may be. If that is more than the budget, a strict run does not start. Lower the worst case (max_tokens, max_loops, `usage_limits` of a step), raise the budget, or start it with --budget-mode reserve: then it is stopped at the first call that could exceed the budget. `flujo dev budgets show` says how the bound comes about."
  )
}

/** A step that failed with something that is none of flujo's own errors. */
export const stepFailed = explained(
  "FLJ-ENGINE-12",
  exits.failed,
  "a step failed",
  "A step failed as it may. `flujo lens trace RUN` shows where; `flujo resume RUN` tries the failed step again."
)
