/** Why a run could not be started, driven on or replayed, apart from the typed failures of its own steps. */
import * as Schema from "effect/Schema"

/**
 * `Defect`: a step broke. `Cancelled`: somebody cancelled it. `Held`: another process drives it. `Plan`: the pipeline
 * has findings. `Input`: the input does not fit. `Unknown`: no such run. `Ended`: there is nothing to go on with.
 * `Exists`: the run id is in use for something else. `Changed`: the pipeline is not the one that the run was started
 * with. `Fork`: the run cannot be forked so. `Upgrade`: it cannot go on with that version. `Budget`: its worst case may be more than it may spend. `Diverged`: what
 * was recorded and what was computed now differ. `Stuck`: its process died too often at one
 * point. `NoStep`: the run has not come to such a step. `Journal`: the journal
 * failed.
 */
export class RunError extends Schema.TaggedError<RunError>("flujo/engine/RunError")("RunError", {
  reason: Schema.Literal(
    "Defect",
    "Cancelled",
    "Held",
    "Plan",
    "Input",
    "Unknown",
    "Ended",
    "Exists",
    "Changed",
    "Fork",
    "Upgrade",
    "Budget",
    "Diverged",
    "Stuck",
    "NoStep",
    "Journal"
  ),
  /** Empty where there is no run yet. */
  run: Schema.String,
  /** The step, where one is at fault. */
  path: Schema.String,
  /** Of what diverged: JSON Pointer (RFC 6901) into the event. */
  field: Schema.optional(Schema.String),
  detail: Schema.String,
  hint: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const where = [this.run === "" ? "" : `run ${this.run}`, this.path].filter((part) => part !== "").join(", ")
    return where === "" ? this.detail : `${where}: ${this.detail}`
  }
}

/** What was recorded and what the same walk says now are not the same. */
export class Diverged extends Schema.TaggedError<Diverged>("flujo/engine/Diverged")("Diverged", {
  path: Schema.String,
  kind: Schema.String,
  /** JSON Pointer (RFC 6901) into the event; empty for the whole of it. */
  field: Schema.String,
  recorded: Schema.optional(Schema.Unknown),
  now: Schema.optional(Schema.Unknown),
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.path === "" ? "the run" : this.path}, ${this.kind}: ${this.detail}`
  }
}
