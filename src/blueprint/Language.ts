/**
 * The keys of the language as data: what each is for, an example, and which values it takes. The JSON Schema for editors is
 * made of it; a test holds it to what the reader knows.
 */
import type { Json, JsonObject } from "../domain/Json.js"
import { ModelError } from "../domain/Model.js"
import { fallbacksMost, repairs } from "../pipeline/Agent.js"
import { aiSources, strategies as historyStrategies } from "../pipeline/Conversation.js"
import { efforts, stopsMost, summaries, verbosities } from "./internal/Settings.js"

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
  /** What cannot be said otherwise. */
  readonly rules?: ReadonlyArray<JsonObject> | undefined
}

const key = (about: string, example: Json, schema: JsonObject): Key => ({ about, example, schema })
const word = { type: "string", pattern: "\\S" }
const text = { type: "string" }
const agentWord = { type: "string", pattern: "^agents\\." }
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
const field = { type: "string", pattern: "^\\s*(context\\.)?[\\p{L}_][\\p{L}\\p{N}_]*\\s*$" }
const fields = { type: "array", items: field }
const words = { anyOf: [word, { type: "array", items: word }] }
const place = { type: "string", pattern: "^\\s*[\\p{L}_][\\p{L}\\p{N}_]*(\\.[\\p{L}_][\\p{L}\\p{N}_]*)*\\s*$" }
/** Anything but nothing. */
const value = { not: { type: "null" } }
/** An expression, or a skill whose answer decides. */
const decision = {
  anyOf: [
    word,
    { type: "boolean" },
    {
      type: "object",
      required: ["skill"],
      properties: { skill: word, params: { type: "object" } },
      additionalProperties: false
    }
  ]
}
const change = {
  type: "object",
  required: ["target", "value"],
  properties: { target: word, value },
  additionalProperties: false
}
const list = (one: JsonObject): JsonObject => ({ anyOf: [{ type: "array", items: one }, one] })
const ops = ["set", "append", "merge"]
/** Changes of the context: a list of them, or by what they do. */
const changes = {
  if: { type: "array" },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: {
    items: {
      anyOf: ops.map((op) => ({
        type: "object",
        required: [op],
        properties: { [op]: { anyOf: [word, change] }, value },
        additionalProperties: false,
        if: { properties: { [op]: { type: "string" } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
        then: { required: ["value"] }
      }))
    }
  },
  else: {
    type: "object",
    properties: Object.fromEntries(ops.map((op) => [op, list(change)])),
    additionalProperties: false
  }
}
const invariants = { type: "array", maxItems: 50, items: expression }
const strategies = ["context_update", "overwrite", "keep_first", "no_merge", "error_on_conflict"]

export const document: Shape = {
  about: "A blueprint: a pipeline in text.",
  required: ["steps"],
  keys: {
    version: key("The version of the language.", "0.1", { enum: ["0.1", 0.1] }),
    name: key("What the pipeline is called in lists of runs.", "article_digest", word),
    description: key("What it is for, in words.", "Reads an article and writes a digest.", text),
    input_schema: key("JSON Schema of what the pipeline takes.", { type: "string" }, jsonSchema),
    output_schema: key("JSON Schema of what the pipeline answers.", { type: "object" }, jsonSchema),
    context: key(
      "The fields that steps share.",
      { type: "object", properties: { topic: { type: "string" } } },
      {
        type: "object",
        required: ["properties"],
        properties: {
          type: { enum: ["object"] },
          description: text,
          properties: { type: "object", additionalProperties: { type: "object" } }
        },
        additionalProperties: false
      }
    ),
    imports: key(
      "Other blueprints, each under a name that steps use.",
      { child: "./child.yaml" },
      { type: "object", additionalProperties: word }
    ),
    agents: key(
      "Models with a prompt, each under a name that steps use.",
      { writer: { model: "openai:gpt-4o", system_prompt: "Write." } },
      { type: "object", additionalProperties: ref("agent") }
    ),
    static_invariants: key("What must hold after each step.", ["context.total | default(0) <= 100"], invariants),
    steps: key("What is done, in order.", [{ name: "draft", uses: "agents.writer" }], ref("steps"))
  }
}

const modelName = { type: "string", pattern: "^[a-z][a-z0-9_-]*:." }

export const agent: Shape = {
  about: "A model with a prompt and a wanted output.",
  required: ["model", "system_prompt"],
  needs: { approve: ["tools"], max_turns: ["tools"], repair: ["output_schema"], max_corrections: ["output_schema"] },
  keys: {
    model: key("Provider and model.", "openai:gpt-4o", modelName),
    fallback_models: key(
      "Models that are asked where `model` fails, in this order.",
      ["anthropic:claude-sonnet-4-5", { model: "google:gemini-2.5-pro", on: ["TooLong"] }],
      {
        type: "array",
        maxItems: fallbacksMost,
        items: {
          anyOf: [
            modelName,
            {
              type: "object",
              required: ["model"],
              properties: {
                model: modelName,
                on: { type: "array", minItems: 1, items: { enum: [...ModelError.fields.reason.literals] } }
              },
              additionalProperties: false
            }
          ]
        }
      }
    ),
    system_prompt: key(
      "What the agent is to do; from a file, with what fills it in.",
      { from_file: "./prompts/writer.md", variables: { tone: "formal" } },
      {
        anyOf: [
          text,
          {
            type: "object",
            required: ["from_file"],
            properties: { from_file: word, variables: { type: "object" } },
            additionalProperties: false
          }
        ]
      }
    ),
    output_schema: key(
      "JSON Schema of what it answers; text where absent.",
      { type: "object", properties: { title: { type: "string" } }, required: ["title"] },
      jsonSchema
    ),
    model_settings: key("How the model is asked.", { temperature: 0.2 }, ref("model_settings")),
    cache: key("How long an answer to the same request is taken from the cache; `true` is an hour.", "1 day", {
      anyOf: [{ type: "boolean" }, duration]
    }),
    approve: key("Effects of tools whose calls a person allows, each of them.", ["write", "external"], {
      type: "array",
      items: { enum: ["read", "write", "external"] }
    }),
    redact: key(
      "What is kept from the model: it is sent placeholders, and what it answers has the values again.",
      ["emails", "secrets"],
      {
        anyOf: [
          { enum: ["all"] },
          { type: "array", items: { enum: ["secrets", "emails", "phones", "cards", "ibans", "ips"] } }
        ]
      }
    ),
    strip_reasoning: key("Whether what the model thought aloud before its answer is left out of it.", true, {
      type: "boolean"
    }),
    tools: key(
      "What it may call while it thinks: skills by their ids, and ask_user, which asks a person.",
      ["ask_user", { skill: "flujo.builtins.read_file", requires_approval: true }],
      {
        type: "array",
        items: {
          anyOf: [
            word,
            {
              type: "object",
              required: ["skill"],
              properties: { skill: word, name: word, requires_approval: { type: "boolean" } },
              additionalProperties: false
            }
          ]
        }
      }
    ),
    max_turns: key("Model calls at most, of an agent with tools; 10 where absent.", 20, whole(1, 200)),
    repair: key("What may be done to a reply that is not the wanted JSON; `syntax` where absent.", "types", {
      enum: [...repairs]
    }),
    max_corrections: key(
      "Model calls more in which a reply that does not fit is corrected; 0 where absent.",
      2,
      whole(0, 10)
    )
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
    }),
    stop: key("Texts before the first of which a reply ends.", ["END"], {
      anyOf: [
        { type: "string", minLength: 1 },
        { type: "array", items: { type: "string", minLength: 1 }, minItems: 1, maxItems: stopsMost }
      ]
    }),
    reasoning: key(
      "How much a model thinks before it answers.",
      { effort: "low" },
      {
        type: "object",
        properties: {
          effort: { enum: [...efforts] },
          max_tokens: whole(1, 10_000_000),
          summary: { enum: [...summaries] }
        },
        additionalProperties: false
      }
    ),
    verbosity: key("How much a model says.", "low", { enum: [...verbosities] })
  }
}

const tries: Keys = {
  retries: key("How often it is tried again, and when.", { times: 3, base: "1s", factor: 2 }, ref("retries")),
  max_retries: key("How often it is tried again.", 2, whole(0, 100)),
  timeout: key("How long one try may take.", "30s", duration),
  total_timeout: key("How long all tries together may take.", "5 minutes", duration),
  usage_limits: key(
    "What all tries together may spend.",
    { total_cost_usd_limit: 0.5 },
    {
      type: "object",
      properties: {
        total_cost_usd_limit: {
          anyOf: [
            { type: "number", minimum: 0 },
            { type: "string", pattern: "^[0-9]+(\\.[0-9]+)?$" }
          ]
        },
        total_tokens_limit: whole(0, Number.MAX_SAFE_INTEGER)
      },
      minProperties: 1,
      additionalProperties: false
    }
  )
}

export const config: Shape = {
  about: "How a step is tried, and how its model is asked.",
  oneOf: [{ names: ["retries", "max_retries"] }],
  keys: { ...tries, ...modelSettings.keys }
}

export const importConfig: Shape = {
  about: "How an imported blueprint is tried, and which fields it shares.",
  oneOf: [{ names: ["retries", "max_retries"] }],
  keys: {
    ...tries,
    input_to: key("Where its input goes.", "initial_prompt", { enum: ["initial_prompt"] }),
    propagate_hitl: key("A pause in it is one of the whole run.", true, { enum: [true] }),
    on_failure: key(
      "Where it fails: the run does too, or its input is passed on, or null is.",
      "continue_with_default",
      { enum: ["abort", "skip", "continue_with_default"] }
    ),
    inherit_context: key("Whether it begins with the fields of this pipeline.", true, { type: "boolean" }),
    outputs: key(
      "Which of its fields become fields of this pipeline.",
      { summary: "report" },
      {
        anyOf: [
          { type: "object", additionalProperties: field },
          {
            type: "array",
            items: {
              type: "object",
              properties: { from: field, to: field, child: field, parent: field },
              additionalProperties: false,
              allOf: [
                { anyOf: [{ required: ["from"] }, { required: ["child"] }] },
                { anyOf: [{ required: ["to"] }, { required: ["parent"] }] },
                { not: { required: ["from", "child"] } },
                { not: { required: ["to", "parent"] } }
              ]
            }
          }
        ]
      }
    )
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

export const validator: Shape = {
  about: "Something that an answer is held to.",
  oneOf: [{ names: ["contains", "regex", "schema", "expression", "skill"], required: true }],
  needs: { params: ["skill"], name: ["skill"] },
  keys: {
    contains: key("A text that must stand in it.", "Dear", word),
    regex: key("A pattern that a text must match.", "^Dear ", word),
    schema: key("JSON Schema that it must fit.", { type: "string", maxLength: 500 }, jsonSchema),
    expression: key("What must be true; previous_step is the answer.", "previous_step.score > 3", expression),
    skill: key("A skill that judges it: true, false, or is_valid and feedback.", "./skills/tone.ts#polite", word),
    params: key("What that skill is given by name.", { strict: true }, { type: "object" }),
    name: key("By which it is found; the last part of the skill's id where absent.", "tone", word),
    message: key("What is said where it does not hold.", "Begin with Dear.", word)
  }
}

/** Of every kind of step. */
export const common: Keys = {
  kind: key("What kind of step it is; step where absent.", "loop", text),
  name: key("By which it is read, resumed and found.", "draft", word),
  step: key("The same as name.", "draft", word),
  input: key("What the step is given, instead of what came before.", "Write about {{ initial_prompt }}", value),
  input_schema: key("JSON Schema of what the step takes.", { type: "string" }, jsonSchema),
  output_schema: key("JSON Schema of what the step answers.", { type: "object" }, jsonSchema),
  when: key("The step is skipped unless this is true.", "context.wanted", expression),
  since: key("The change that it came with: a run that came past it before does not have it.", "fraud_check", word),
  before: key("The change that it went with: only a run that came past it before has it.", "fraud_check", word),
  meta: key("Names and values of your own.", { owner: "docs" }, { type: "object" }),
  updates_context: key("The context fields that its answer writes, each under its own name.", ["topic"], {
    anyOf: [{ type: "boolean" }, fields]
  }),
  sink_to: key("The context field that keeps its answer.", "draft", field),
  description: key("What it is for, in words.", "The first version.", text),
  config: key("Retries, time-outs and settings of the model.", { max_retries: 2, timeout: "30s" }, { type: "object" }),
  validators: key(
    "What its answer is held to; a try that fails is told to the next one.",
    [{ contains: "Dear" }, { expression: "previous_step | length < 2000", message: "Be brief." }],
    { type: "array", maxItems: 50, items: ref("validator") }
  ),
  static_invariants: key("What must hold after the step.", ["previous_step.total <= 100"], invariants),
  compensate: key(
    "A step or a list of steps that takes this one back where the run fails or is cancelled later.",
    { name: "release", input: "{{ previous_step.output }}" },
    ref("body")
  ),
  fallback: key("The step that is done where this one fails.", { name: "cheap", uses: "agents.cheap" }, ref("step"))
}

/** An agent, or steps. */
const who = {
  anyOf: [
    word,
    {
      type: "object",
      required: ["id"],
      properties: { id: word, params: { type: "object" } },
      additionalProperties: false
    },
    ref("body")
  ]
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

const together: Keys = {
  concurrency: key("How many at once.", 4, whole(1, 1024)),
  merge_strategy: key("What happens where two branches write one field.", "overwrite", { enum: strategies }),
  on_branch_failure: key("Whether a failed branch fails the step.", "ignore", { enum: ["propagate", "ignore"] }),
  context_include_keys: key("The fields that branches see; all where absent.", ["topic"], fields),
  field_mapping: key(
    "Of what a branch writes, the fields that are kept.",
    { summary: ["text"] },
    {
      type: "object",
      additionalProperties: fields
    }
  ),
  reduce: key("What the answers of the branches make together.", "majority_vote", {
    enum: ["keys", "values", "union", "concat", "first", "last", "majority_vote", "code_consensus"]
  })
}

const expiry: Keys = {
  expires: key("When it is no longer waited.", "2 days", duration),
  on_expiry: key(
    "What happens then: fail, or an answer that is taken.",
    { answer: "no" },
    {
      anyOf: [
        { enum: ["fail"] },
        { type: "object", required: ["answer"], properties: { answer: value }, additionalProperties: false }
      ]
    }
  )
}

const stop = {
  anyOf: [
    { enum: ["sentinel", "reply"] },
    ...["flag", "tool", "expression"].map((name) => ({
      type: "object",
      required: [name],
      properties: { [name]: word },
      additionalProperties: false
    }))
  ]
}
const stops = { anyOf: [...stop.anyOf, { type: "array", minItems: 1, items: stop }] }

/** Keys by kind, beside the common ones. */
export const kinds: Readonly<Record<string, Shape>> = {
  step: {
    about: "An agent, a skill, or steps under one name. With none of these it passes on its input.",
    oneOf: [{ names: ["uses", "agent", "skill", "steps"] }],
    needs: { params: ["skill"] },
    rules: [
      {
        if: { required: ["use_history"] },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
        then: {
          anyOf: [
            { required: ["uses"], properties: { uses: agentWord } },
            {
              required: ["agent"],
              properties: { agent: { type: "object", required: ["id"], properties: { id: agentWord } } }
            }
          ]
        }
      }
    ],
    keys: {
      uses: key("An agent of this file, or an import.", "agents.writer", word),
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
      steps: key("Steps that are one step.", [{ name: "draft" }, { name: "polish" }], ref("body")),
      use_history: key("Whether its agent is told of the conversation of the loop; true where absent.", false, {
        type: "boolean"
      })
    }
  },
  granular: {
    about: "An agent that goes on, turn by turn, until it is done.",
    oneOf: [{ names: ["uses", "agent"], required: true }],
    keys: {
      uses: key("An agent of this file.", "agents.writer", agentWord),
      agent: key(
        "The same by its id.",
        { id: "agents.writer" },
        { type: "object", required: ["id"], properties: { id: word }, additionalProperties: false }
      ),
      max_turns: key("Model calls at most; 20 where absent.", 20, whole(1, 200)),
      history_max_tokens: key(
        "Of the turns before, the newest that have not more tokens are sent; all where absent.",
        8000,
        whole(256, 1_000_000)
      ),
      blob_threshold_bytes: key(
        "Of a longer result of a tool the model is sent the beginning and a digest; 20000 where absent.",
        20_000,
        whole(1024, 262_144)
      ),
      enforce_idempotency: key("Whether each tool must honour the idempotency key that it is given.", true, {
        type: "boolean"
      }),
      fingerprint: key("What must be as it was where a run goes on; strict where absent.", "compat", {
        enum: ["strict", "compat"]
      }),
      stop_when: key("When it is done; a list where one of several will do.", { flag: "is_complete" }, stops),
      no_progress_turns: key("So many equal turns in a row are no progress; 3 where absent.", 3, whole(2, 20)),
      on_no_progress: key("What happens then: it fails, or answers what it said last.", "stop", {
        enum: ["fail", "stop"]
      }),
      use_history: key("Whether its agent is told of the conversation of the loop; true where absent.", false, {
        type: "boolean"
      })
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
      condition_expression: key("The same as condition.", "previous_step.severity == 'high'", decision),
      branches: branches("Steps by the answer: true and false for a comparison."),
      default_branch: key("What is done for any other answer.", [{ name: "keep" }], ref("body"))
    }
  },
  parallel: {
    about: "All of several branches, side by side.",
    required: ["branches"],
    keys: {
      branches: branches("Steps by a name under which their answer stands."),
      ...together
    }
  },
  dynamic_router: {
    about: "Those of several branches that an agent names.",
    required: ["router"],
    keys: {
      router: key(
        "Who chooses, and from what.",
        { router_agent: "agents.router", branches: { billing: { name: "bill" }, support: { name: "help" } } },
        ref("router")
      ),
      ...together
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
  cache: {
    about: "Steps whose answer is taken from an earlier time, in whatever run, where they are given the same again.",
    required: ["wrapped_step"],
    keys: {
      wrapped_step: key(
        "A step or a list of steps that act on nothing.",
        { name: "summarize", uses: "agents.writer" },
        ref("body")
      ),
      ttl: key("How long an answer is taken; 1 hour where absent.", "1 day", duration)
    }
  },
  refine: {
    about: "A generator and a critic in turns, until the critic has nothing more to ask for.",
    required: ["refine"],
    keys: {
      refine: key(
        "Who drafts, who judges, and until when.",
        { generator: { name: "draft", uses: "agents.writer" }, critic: { name: "judge", uses: "agents.critic" } },
        ref("refine")
      )
    }
  },
  tree_search: {
    about: "Searches for the best candidate: one proposes what may follow, one scores it.",
    required: ["proposer", "evaluator"],
    keys: {
      proposer: key("Who lists candidates: an agent, or steps.", "agents.proposer", who),
      evaluator: key("Who scores a candidate from 0 to 1: an agent, or steps.", "agents.judge", who),
      branching_factor: key("Candidates of one proposal that are scored.", 3, whole(1, 16)),
      beam_width: key("Candidates that are kept to go on from.", 3, whole(1, 16)),
      max_depth: key("How far from the beginning.", 5, whole(1, 16)),
      max_iterations: key("Proposals at most; all where absent.", 10, whole(1, 100_000)),
      path_max_tokens: key("Of the way to a candidate, what a proposer is told.", 2000, whole(200, 100_000)),
      goal_score_threshold: key("The score that ends the search.", 0.9, { type: "number", minimum: 0, maximum: 1 }),
      require_goal: key("Whether it fails where no candidate has that score.", true, { type: "boolean" })
    }
  },
  StateMachine: {
    about: "Named states, and rules that say where to go from each.",
    required: ["start_state", "states", "end_states"],
    keys: {
      start_state: key("The state to begin with.", "draft", word),
      states: branches("Steps by the name of the state."),
      end_states: key("Names at which it ends.", ["done"], { anyOf: [word, { type: "array", items: word }] }),
      transitions: key("Where to go from each state.", [{ from: "draft", on: "success", to: "done" }], {
        type: "array",
        items: {
          type: "object",
          required: ["from", "on", "to"],
          properties: { from: word, on: { enum: ["success", "failure"] }, to: word, when: expression },
          additionalProperties: false
        }
      }),
      max_hops: key("States entered at most; ten times as many as there are where absent.", 20, whole(1, 100_000))
    }
  },
  wait: {
    about: "Waits for a while, or until a time; also when the machine is off.",
    oneOf: [{ names: ["for", "until"], required: true }],
    keys: {
      for: key("How long.", "2 hours", duration),
      until: key("Until when: a date, or a date with a time and its zone.", "2030-01-31T09:00:00Z", word)
    }
  },
  signal: {
    about: "Waits until it is told of something from outside.",
    needs: { on_expiry: ["expires"] },
    keys: {
      signal: key("What it is told of; the step's name where absent.", "paid", word),
      schema: key("JSON Schema of what is told.", { type: "object" }, jsonSchema),
      ...expiry
    }
  },
  hitl: {
    about: "A question to a person; the run waits for the answer.",
    oneOf: [{ names: ["on_reject", "input_schema"] }],
    needs: { on_expiry: ["expires"] },
    rules: [{ not: { required: ["on_reject", "on_expiry"], properties: { on_expiry: { type: "object" } } } }],
    keys: {
      ...expiry,
      message: key("What the person is told; what the step is given where absent.", "Publish this?", word),
      input_schema: key("JSON Schema of the answer.", { enum: ["yes", "no"] }, jsonSchema),
      on_reject: key("Makes it an approval: a no fails the run.", "fail", { enum: ["fail"] })
    }
  }
}

export const router: Shape = {
  about: "Who chooses, and from what.",
  required: ["router_agent", "branches"],
  keys: {
    router_agent: key("An agent that answers the names of the branches to run.", "agents.router", {
      anyOf: [
        word,
        {
          type: "object",
          required: ["id"],
          properties: { id: word, params: { type: "object" } },
          additionalProperties: false
        }
      ]
    }),
    branches: branches("Steps by the name that the agent says.")
  }
}

export const refine: Shape = {
  about: "Who drafts, who judges, and until when.",
  required: ["generator", "critic"],
  keys: {
    generator: key(
      "A step or a list of steps that makes a draft.",
      { name: "draft", uses: "agents.writer" },
      ref("body")
    ),
    critic: key("A step or a list of steps that judges it.", { name: "judge", uses: "agents.critic" }, ref("body")),
    done_when: key("Ends it once it is true.", "previous_step.verdict.is_complete", expression),
    max_refinements: key("How often at most.", 5, whole(1, 100_000)),
    on_max: key("What happens at the limit.", "continue", { enum: ["fail", "continue"] })
  }
}

export const loop: Shape = {
  about: "What is repeated, and until when.",
  required: ["body"],
  oneOf: [
    { names: ["exit_expression", "exit_condition", "stop_when"] },
    { names: ["propagation", "propagate", "iteration_input_mapper"] },
    { names: ["output", "loop_output_mapper"] }
  ],
  rules: [
    ...["history_management", "history_template", "ai_turn_source", "user_turn_sources", "named_steps"].map((name) => ({
      if: { required: [name] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { required: ["conversation"], properties: { conversation: { const: true } } }
    })),
    {
      if: { required: ["ai_turn_source"], properties: { ai_turn_source: { const: "named_steps" } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { required: ["named_steps"] },
      else: { not: { required: ["named_steps"] } }
    }
  ],
  keys: {
    body: key("A step or a list of steps.", { name: "polish", uses: "agents.writer" }, ref("body")),
    max_loops: key("How often at most.", 5, whole(1, 100_000)),
    exit_expression: key("Ends the loop once it is true.", "previous_step.grade == 'good'", decision),
    exit_condition: key("The same as exit_expression.", "previous_step.grade == 'good'", decision),
    stop_when: key("Ends the loop when the agent says that it has finished.", "agent_finished", {
      enum: ["agent_finished"]
    }),
    on_max: key("What happens at the limit: with an exit fail, without one continue.", "continue", {
      enum: ["fail", "continue"]
    }),
    init: key("Changes of the context before the first turn.", [{ set: "context.notes", value: [] }], changes),
    state: key(
      "Changes of the context between two turns.",
      [{ append: "context.notes", value: "{{ previous_step }}" }],
      changes
    ),
    propagation: key("What the next turn is given.", "context", ref("propagation")),
    propagate: key("The same as propagation.", "context", ref("propagation")),
    initial_input_mapper: key("What the first turn is given.", "{{ input }}", value),
    iteration_input_mapper: key("What each later turn is given.", "{{ previous_step }}", value),
    loop_output_mapper: key("The same as output.", "{{ context.notes }}", value),
    output: key("What the loop answers.", { notes: "{{ context.notes }}" }, value),
    conversation: key("Whether agents in it are told what was said in earlier turns.", true, { type: "boolean" }),
    history_management: key(
      "How much of what was said is told.",
      { strategy: "truncate_tokens", max_tokens: 4096 },
      ref("history")
    ),
    history_template: key(
      "How it is told: a text that sees history and left_out.",
      "{% for turn in history %}{{ turn.role }}: {{ turn.content }}\n{% endfor %}",
      word
    ),
    ai_turn_source: key("Whose answers are turns of the assistant; last where absent.", "all_agents", {
      enum: [...aiSources]
    }),
    user_turn_sources: key("Whose answers are turns of the user; hitl where absent.", ["hitl", "ask_user"], words),
    named_steps: key("The steps of ai_turn_source: named_steps.", ["draft"], words)
  }
}

export const history: Shape = {
  about: "How much of a conversation is told.",
  needs: { summarize_ratio: ["strategy"], summarizer: ["strategy"], max_turns: ["strategy"] },
  rules: [
    {
      if: { required: ["strategy"], properties: { strategy: { const: "summarize" } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { required: ["summarizer"] },
      else: { not: { anyOf: [{ required: ["summarizer"] }, { required: ["summarize_ratio"] }] } }
    },
    {
      if: { required: ["strategy"], properties: { strategy: { const: "truncate_turns" } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { not: { required: ["max_tokens"] } },
      else: { not: { required: ["max_turns"] } }
    }
  ],
  keys: {
    strategy: key("What is left out, or told in short; truncate_tokens where absent.", "truncate_turns", {
      enum: [...historyStrategies]
    }),
    max_tokens: key("Tokens of it at most, estimated.", 4096, whole(64, 1_000_000)),
    max_turns: key("Turns of it at most.", 20, whole(1, 1000)),
    summarize_ratio: key("The share of the turns that is told in short, the oldest.", 0.5, {
      type: "number",
      minimum: 0.01,
      maximum: 1
    }),
    summarizer: key("The agent that tells it.", "agents.writer", word)
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
    on_item_failure: key("What happens where an item fails.", "skip", { enum: ["fail", "skip", "collect"] }),
    merge_strategy: key("What happens where two items write one field.", "overwrite", { enum: strategies }),
    init: key("Changes of the context before the items.", [{ set: "context.count", value: 0 }], changes),
    finalize: key(
      "What is made of the list of answers.",
      { output: "{{ previous_step | join(', ') }}" },
      ref("finalize")
    )
  }
}

export const finalize: Shape = {
  about: "What is made of the list of answers.",
  oneOf: [{ names: ["output_template", "output"] }],
  keys: {
    output_template: key("A text with templates.", "{{ previous_step | join(', ') }}", value),
    output: key("Any value with templates.", { all: "{{ previous_step }}" }, value)
  }
}

/** `propagation` of a loop. */
export const propagation: JsonObject = {
  anyOf: [
    { enum: ["previous_output", "context", "auto"] },
    {
      type: "object",
      properties: {
        next_input: { enum: ["context"] },
        field: place,
        path: place,
        prefix: { type: "string", pattern: "^\\s*[\\p{L}_][\\p{L}\\p{N}_]*\\s*$" }
      },
      additionalProperties: false,
      anyOf: [{ required: ["next_input"] }, { required: ["field"] }, { required: ["path"] }],
      not: { required: ["field", "path"] },
      dependencies: { prefix: { anyOf: [{ required: ["field"] }, { required: ["path"] }] } }
    }
  ]
}
