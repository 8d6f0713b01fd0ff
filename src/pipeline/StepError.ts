/** How a step can fail by itself, whatever it does. */
import * as Schema from "effect/Schema"

/** A person said no. */
export class Rejected extends Schema.TaggedError<Rejected>("flujo/pipeline/Rejected")("Rejected", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.path} was rejected${this.reason === "" ? "" : `: ${this.reason}`}`
  }
}

/** Its deadline came first. */
export class StepTimedOut extends Schema.TaggedError<StepTimedOut>("flujo/pipeline/StepTimedOut")("StepTimedOut", {
  path: Schema.String,
  millis: Schema.Int
}) {
  override get message(): string {
    return `${this.path} did not end within ${this.millis} ms`
  }
}

/** The loop's last allowed iteration did not meet its exit. */
export class LoopExhausted extends Schema.TaggedError<LoopExhausted>("flujo/pipeline/LoopExhausted")("LoopExhausted", {
  path: Schema.String,
  max: Schema.Int
}) {
  override get message(): string {
    return `${this.path} did not meet its exit within ${this.max} iterations`
  }
}

/** A condition gave a key that no branch has. */
export class NoBranch extends Schema.TaggedError<NoBranch>("flujo/pipeline/NoBranch")("NoBranch", {
  path: Schema.String,
  key: Schema.String,
  branches: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `${this.path}: no branch for ${JSON.stringify(this.key)}; there are ${this.branches.join(", ")}`
  }
}

/** What was given as items is not a list, or is too long. */
export class ItemsRefused extends Schema.TaggedError<ItemsRefused>("flujo/pipeline/ItemsRefused")("ItemsRefused", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/** The step had started when its process died, and may not simply be run again. */
export class StepUncertain extends Schema.TaggedError<StepUncertain>("flujo/pipeline/StepUncertain")("StepUncertain", {
  path: Schema.String
}) {
  override get message(): string {
    return `${this.path} was running when its process died; whether it took effect is not known`
  }
}
