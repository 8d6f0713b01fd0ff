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

/** What went into a step, or came out of it, does not fit the schema that the step names. */
export class SchemaMismatch extends Schema.TaggedError<SchemaMismatch>("flujo/pipeline/SchemaMismatch")(
  "SchemaMismatch",
  {
    path: Schema.String,
    side: Schema.Literal("input", "output"),
    detail: Schema.String
  }
) {
  override get message(): string {
    return `${this.path === "" ? "the pipeline" : this.path}: the ${this.side} does not fit its schema: ${this.detail}`
  }
}

/** What a step was told to do with a value cannot be done with it. */
export class ValueRefused extends Schema.TaggedError<ValueRefused>("flujo/pipeline/ValueRefused")("ValueRefused", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/** A machine's state ended, and no transition says where to go. */
export class NoTransition extends Schema.TaggedError<NoTransition>("flujo/pipeline/NoTransition")("NoTransition", {
  path: Schema.String,
  state: Schema.String,
  event: Schema.Literal("success", "failure")
}) {
  override get message(): string {
    return `${this.path}: no transition fits ${this.event} of ${JSON.stringify(this.state)}`
  }
}

/** What a step answered was not accepted by its validators. `feedback`: what each of them said. */
export class ValidationFailed extends Schema.TaggedError<ValidationFailed>("flujo/pipeline/ValidationFailed")(
  "ValidationFailed",
  {
    path: Schema.String,
    feedback: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    return `${this.path} was not accepted: ${this.feedback.join("; ")}`
  }
}

/** What must always hold does not, after this step. */
export class InvariantViolated extends Schema.TaggedError<InvariantViolated>("flujo/pipeline/InvariantViolated")(
  "InvariantViolated",
  {
    path: Schema.String,
    rules: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    return `an invariant does not hold after ${this.path}: ${this.rules.join("; ")}`
  }
}
