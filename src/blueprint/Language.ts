/**
 * The keys of the language as data: what each is for, an example, and which values it takes. The JSON Schema for editors is
 * made of it; a test holds it to what the reader knows.
 */
import type { Json, JsonObject } from "../domain/Json.js"

export interface Key {
  readonly about: string
  readonly example: Json
  readonly schema: JsonObject
}

export type Keys = Readonly<Record<string, Key>>

/** A map of known keys. */
export interface Shape {
  readonly about: string
  readonly keys: Keys
  readonly required?: ReadonlyArray<string> | undefined
  /** Keys that stand only beside others. */
  readonly needs?: Readonly<Record<string, ReadonlyArray<string>>> | undefined
  /** Of each list at most one may stand; exactly one where it is `required`. */
  readonly oneOf?: ReadonlyArray<{ readonly names: ReadonlyArray<string>; readonly required?: boolean }> | undefined
}

const key = (about: string, example: Json, schema: JsonObject): Key => ({ about, example, schema })
const word = { type: "string", pattern: "\\S" }
const text = { type: "string" }
/** A condition may be written as true or false. */
const expression = { anyOf: [word, { type: "boolean" }] }
const ref = (name: string): JsonObject => ({ $ref: `#/definitions/${name}` })
const whole = (minimum: number, maximum: number): JsonObject => ({ type: "integer", minimum, maximum })
const duration = {
  anyOf: [
    { type: "number", minimum: 0 },
    {
      type: "string",
      pattern:
        "^\\s*\\d{1,15}(\\.\\d{1,9})?\\s*(ms|s|m|h|d|w|millis?|milliseconds?|secs?|seconds?|mins?|minutes?|hours?|days?|weeks?)?\\s*$"
    }
  ]
}
const jsonSchema = { type: "object" }

export const document: Shape = {
  about: "A blueprint: a pipeline in text.",
  required: ["steps"],
  keys: {
    version: key("The version of the language.", "0.1", { enum: ["0.1", 0.1] }),
    name: key("What the pipeline is called in lists of runs.", "article_digest", word),
    description: key("What it is for, in words.", "Reads an article and writes a digest.", text),
    agents: key(
      "Models with a prompt, each under a name that steps use.",
      { writer: { model: "openai:gpt-4o", system_prompt: "Write." } },
      { type: "object", additionalProperties: ref("agent") }
    ),
    steps: key("What is done, in order.", [{ name: "draft", uses: "agents.writer" }], ref("steps"))
  }
}

export const agent: Shape = {
  about: "A model with a prompt and a wanted output.",
  required: ["model", "system_prompt"],
  keys: {
    model: key("Provider and model.", "openai:gpt-4o", { type: "string", pattern: "^[a-z][a-z0-9_-]*:." }),
    system_prompt: key("What the agent is to do.", "Summarize the article in three sentences.", text),
    output_schema: key(
      "JSON Schema of what it answers; text where absent.",
      { type: "object", properties: { title: { type: "string" } }, required: ["title"] },
      jsonSchema
    ),
    model_settings: key("How the model is asked.", { temperature: 0.2 }, ref("model_settings"))
  }
}

export const modelSettings: Shape = {
  about: "How a model is asked.",
  keys: {
    max_tokens: key("Tokens that are answered at most.", 4096, whole(1, 10_000_000)),
    temperature: key("How freely it words things; 0 is the least.", 0.2, { type: "number", minimum: 0, maximum: 10 }),
    top_p: key("The share of likely words that is chosen from.", 0.9, { type: "number", minimum: 0, maximum: 1 }),
    seed: key("The same seed gives the same answer, where the provider can.", 7, {
      type: "integer",
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER
    })
  }
}

export const config: Shape = {
  about: "How a step is tried.",
  oneOf: [{ names: ["retries", "max_retries"] }],
  keys: {
    retries: key("How often it is tried again, and when.", { times: 3, base: "1s", factor: 2 }, ref("retries")),
    max_retries: key("How often it is tried again.", 2, whole(0, 100)),
    timeout: key("How long one try may take.", "30s", duration),
    total_timeout: key("How long all tries together may take.", "5 minutes", duration)
  }
}

export const retries: Shape = {
  about: "How often a step is tried again, and when.",
  required: ["times"],
  keys: {
    times: key("How many tries follow the first.", 3, whole(0, 100)),
    base: key("The wait before the second try.", "1s", duration),
    factor: key("By how much each wait is longer than the one before.", 2, {
      type: "number",
      minimum: 1,
      maximum: 1_000
    }),
    max: key("The longest wait.", "1 minute", duration),
    jitter: key("Whether waits vary, so that many do not try at one instant.", true, { type: "boolean" }),
    while: key("Only after errors of these names.", ["ModelError"], { type: "array", items: word })
  }
}

/** Of every kind of step. */
export const common: Keys = {
  kind: key("What kind of step it is; step where absent.", "loop", text),
  name: key("By which it is read, resumed and found.", "draft", word),
  step: key("The same as name.", "draft", word),
  input: key("What the step is given, instead of what came before.", "Write about {{ initial_prompt }}", {
    not: { type: "null" }
  }),
  sink_to: key("The context field that keeps its answer.", "draft", {
    type: "string",
    pattern: "^\\s*(context\\.)?[\\p{L}_][\\p{L}\\p{N}_]*\\s*$"
  }),
  description: key("What it is for, in words.", "The first version.", text),
  config: key("Retries and time-outs.", { max_retries: 2, timeout: "30s" }, ref("config")),
  fallback: key("The step that is done where this one fails.", { name: "cheap", uses: "agents.cheap" }, ref("step"))
}

const branches = (about: string): Key =>
  key(
    about,
    { good: { name: "keep" }, bad: { name: "mend", uses: "agents.writer" } },
    {
      type: "object",
      additionalProperties: ref("body"),
      minProperties: 1
    }
  )

/** Keys by kind, beside the common ones. */
export const kinds: Readonly<Record<string, Shape>> = {
  step: {
    about: "An agent, a skill, or steps under one name. With none of these it passes on its input.",
    oneOf: [{ names: ["uses", "agent", "skill", "steps"] }],
    needs: { params: ["skill"] },
    keys: {
      uses: key("An agent of this file.", "agents.writer", word),
      agent: key(
        "An agent or a skill by its id.",
        { id: "flujo.builtins.stringify" },
        {
          type: "object",
          required: ["id"],
          properties: { id: word, params: { type: "object" } },
          additionalProperties: false
        }
      ),
      skill: key("A skill by its id.", "flujo.builtins.write_file", word),
      params: key("What the skill is given by name.", { path: "digest.md" }, { type: "object" }),
      steps: key("Steps that are one step.", [{ name: "draft" }, { name: "polish" }], ref("body"))
    }
  },
  conditional: {
    about: "One of several branches, chosen by a condition.",
    required: ["branches"],
    oneOf: [{ names: ["condition", "condition_expression"], required: true }],
    keys: {
      condition: key(
        "What it answers is the name of the branch.",
        "{{ previous_step.severity == 'high' }}",
        expression
      ),
      condition_expression: key("The same as condition.", "previous_step.severity == 'high'", expression),
      branches: branches("Steps by the answer: true and false for a comparison."),
      default_branch: key("What is done for any other answer.", [{ name: "keep" }], ref("body"))
    }
  },
  parallel: {
    about: "All of several branches, side by side.",
    required: ["branches"],
    keys: {
      branches: branches("Steps by a name under which their answer stands."),
      concurrency: key("How many at once.", 4, whole(1, 1024))
    }
  },
  loop: {
    about: "The same steps again and again.",
    required: ["loop"],
    keys: {
      loop: key("What is repeated, and until when.", { body: { name: "polish" }, max_loops: 3 }, ref("loop"))
    }
  },
  map: {
    about: "The same steps for each item of a list.",
    required: ["map"],
    keys: {
      map: key(
        "What is done, and with which items.",
        { iterable_input: "previous_step.items", body: { name: "one", uses: "agents.writer" } },
        ref("map")
      )
    }
  },
  hitl: {
    about: "A question to a person; the run waits for the answer.",
    oneOf: [{ names: ["on_reject", "input_schema"] }],
    keys: {
      message: key("What the person is told; what the step is given where absent.", "Publish this?", word),
      input_schema: key("JSON Schema of the answer.", { enum: ["yes", "no"] }, jsonSchema),
      on_reject: key("Makes it an approval: a no fails the run.", "fail", { enum: ["fail"] })
    }
  }
}

export const loop: Shape = {
  about: "What is repeated, and until when.",
  required: ["body"],
  keys: {
    body: key("A step or a list of steps.", { name: "polish", uses: "agents.writer" }, ref("body")),
    max_loops: key("How often at most.", 5, whole(1, 100_000)),
    exit_expression: key("Ends the loop once it is true.", "previous_step.grade == 'good'", expression),
    on_max: key("What happens at the limit: with an exit fail, without one continue.", "continue", {
      enum: ["fail", "continue"]
    })
  }
}

export const map: Shape = {
  about: "What is done, and with which items.",
  required: ["body"],
  keys: {
    iterable_input: key("The list, as an expression; what came before where absent.", "context.articles", word),
    body: key(
      "A step or a list of steps; {{ this }} is the item.",
      { name: "one", uses: "agents.writer" },
      ref("body")
    ),
    concurrency: key("How many items at once.", 8, whole(1, 1024)),
    max_items: key("How many items at most.", 1000, whole(1, 100_000)),
    on_item_failure: key("What happens where an item fails.", "skip", { enum: ["fail", "skip"] })
  }
}
