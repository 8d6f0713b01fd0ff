/** The flags of every command. */
import * as Flag from "./Flag.js"

/** Stand before or behind any command. */
export const globals = {
  project: Flag.text({
    name: "project",
    value: "PATH",
    about:
      "The project's folder. Default: FLUJO_PROJECT_ROOT, else the nearest one upwards with a flujo.toml or pipeline.yaml"
  }),
  json: Flag.flag({
    name: "json",
    also: ["json-output"],
    about: "One JSON object on standard output, for programs"
  }),
  verbose: Flag.flag({ name: "verbose", alias: "v", about: "Show more: inputs, outputs, calls" }),
  trace: Flag.flag({ name: "trace", about: "Show stack traces of errors" }),
  noColor: Flag.flag({ name: "no-color", about: "No colours (also NO_COLOR)" }),
  logLevel: Flag.choice(
    { name: "log-level", value: "LEVEL", about: "Log messages on standard error from this level on. Default: warning" },
    ["all", "trace", "debug", "info", "warning", "error", "fatal", "none"]
  ),
  help: Flag.flag({ name: "help", alias: "h", about: "Show this help" }),
  version: Flag.flag({ name: "version", alias: "V", about: "Show the version" })
} as const satisfies Flag.Flags

const stateUri = Flag.text({
  name: "state-uri",
  value: "URI",
  about: "Where runs are kept: sqlite:///path/in/project.db, sqlite:////absolute.db or memory://"
})
const noInput = Flag.flag({ name: "no-input", about: "Ask nothing, and do not read standard input unless told to" })
const requireComplete = Flag.flag({ name: "require-complete", about: "Exit with 6 where the run pauses" })

const whole = { min: 1, max: 100_000 } as const

/** What is shown of a run that was driven. */
const shown = {
  summary: Flag.flag({ name: "summary", about: "Show only the result, the totals and the run's id" }),
  showSteps: Flag.flag({
    name: "show-steps",
    about: "Show the steps (default), also with --summary",
    not: ["no-steps"]
  }),
  noSteps: Flag.flag({ name: "no-steps", about: "Do not show the steps" }),
  showContext: Flag.flag({
    name: "show-context",
    about: "Show the context fields of a run that completes",
    not: ["no-context"]
  }),
  noContext: Flag.flag({ name: "no-context", about: "Do not show them (default, except with --debug)" }),
  onlySteps: Flag.text({
    name: "only-steps",
    value: "A,B",
    about: "Of the steps, show only these and what is below them"
  }),
  outputPreviewLen: Flag.whole(
    { name: "output-preview-len", value: "N", about: "Characters shown of a value in the list of steps. Default: 100" },
    { min: 1, max: 1_000_000 }
  ),
  finalOutputFormat: Flag.choice(
    {
      name: "final-output-format",
      value: "FORMAT",
      about: "How the result is written. Default: auto, a text as it is and anything else as JSON"
    },
    ["auto", "raw", "json", "yaml", "md"]
  ),
  pager: Flag.flag({ name: "pager", about: "Show the result in $PAGER, on a terminal" }),
  debug: Flag.flag({ name: "debug", about: "Show the whole trace and the context at the end" }),
  debugExport: Flag.maybe({
    name: "debug-export",
    also: ["debug-export-path"],
    value: "PATH",
    about: "Write all that is known of the run to a JSON file. Default: debug/TIME_RUN.json",
    isValue: (text) => text.endsWith(".json")
  })
} as const

/** Of every command that drives a run. */
const driving = {
  jsonStream: Flag.flag({
    name: "json-stream",
    about:
      "Each entry of the journal as it is written, and what models say meanwhile, a JSON object a line; then as --json"
  }),
  stateUri,
  noInput,
  requireComplete,
  ...shown
}

export const run = {
  input: Flag.text({
    name: "input",
    alias: "i",
    also: ["input-data"],
    value: "TEXT",
    about: "The input; - reads it from standard input",
    not: ["input-file"]
  }),
  inputFile: Flag.text({ name: "input-file", value: "FILE", about: "The input is the text of a file" }),
  dryRun: Flag.flag({ name: "dry-run", about: "Check the pipeline and list its steps; run nothing" }),
  runId: Flag.text({
    name: "run-id",
    value: "ID",
    about: "A name of your own. If a run of the same pipeline and input has it, that run goes on"
  }),
  budget: Flag.text({
    name: "budget",
    value: "USD",
    about: "Spend at most so many dollars, such as 0.50; with a budget in flujo.toml the smaller counts"
  }),
  budgetMode: Flag.choice(
    {
      name: "budget-mode",
      value: "MODE",
      about: "strict (default): do not start what might cost more than its budget. reserve: start, and stop at the call"
    },
    ["strict", "reserve"]
  ),
  onBudget: Flag.choice(
    {
      name: "on-budget",
      value: "WHAT",
      about: "What a call does that a limit denies: fail (default), or pause, which asks a person to allow more"
    },
    ["fail", "pause"]
  ),
  label: Flag.texts({ name: "label", value: "NAME=VALUE", about: "A label of the run; as often as wanted" }),
  ...driving
} as const satisfies Flag.Flags

export const budgets = {
  label: Flag.texts({ name: "label", value: "NAME=VALUE", about: "As of a run with this label; as often as wanted" }),
  stateUri
} as const satisfies Flag.Flags

export const resume = {
  upgrade: Flag.text({
    name: "upgrade",
    value: "FILE",
    about: "Go on by this blueprint from now on, if it goes the same way so far; exit code 5 and no change if not"
  }),
  ...driving
} as const satisfies Flag.Flags

export const answer = {
  inputFile: Flag.text({ name: "input-file", value: "FILE", about: "The answer is the text of a file" }),
  ...driving
} as const satisfies Flag.Flags

export const approve = driving satisfies Flag.Flags

const reason = Flag.text({ name: "reason", value: "TEXT", about: "Why" })

export const reject = { reason, ...driving } as const satisfies Flag.Flags

export const signal = {
  id: Flag.text({
    name: "id",
    value: "ID",
    about: "Which happening it is: one that is told twice under the same id happened once"
  }),
  ...driving
} as const satisfies Flag.Flags

export const wake = {
  limit: Flag.whole(
    { name: "limit", value: "N", about: "At most so many runs, the oldest first. Default: 100" },
    whole
  ),
  stateUri
} as const satisfies Flag.Flags

export const cancel = { reason, stateUri } as const satisfies Flag.Flags

export const tasks = {
  limit: Flag.whole({ name: "limit", value: "N", about: "At most so many. Default: 50" }, whole),
  stateUri
} as const satisfies Flag.Flags

export const status = { stateUri } as const satisfies Flag.Flags

export const init = {
  force: Flag.flag({ name: "force", alias: "f", about: "Overwrite the files that init writes; no others" }),
  yes: Flag.flag({ name: "yes", alias: "y", about: "Do not ask before something is overwritten" })
} as const satisfies Flag.Flags

export const validate = {
  format: Flag.choice(
    {
      name: "format",
      also: ["output-format"],
      value: "FORMAT",
      about: "human (default); json: is_valid, errors, warnings, path; sarif, github and junit for CI"
    },
    ["human", "json", "sarif", "github", "junit"]
  ),
  maxCost: Flag.text({
    name: "max-cost",
    value: "USD",
    about: "Exit with 4 where a pipeline may cost more than so many dollars, or nobody can tell"
  }),
  plain: Flag.flag({ name: "plain", about: "Whole sentences and no frames, for screen readers and logs" }),
  strict: Flag.flag({ name: "strict", about: "Exit with 4 where there are errors (default)", not: ["no-strict"] }),
  noStrict: Flag.flag({ name: "no-strict", about: "Exit with 0 also where there are errors" }),
  failOnWarn: Flag.flag({ name: "fail-on-warn", about: "Exit with 4 also where there are warnings" }),
  rules: Flag.text({
    name: "rules",
    value: "FILE",
    about: "A TOML file whose [rules] say more than those of flujo.toml, and count before them"
  }),
  baseline: Flag.text({ name: "baseline", value: "FILE", about: "Show only findings that are not in this file" }),
  updateBaseline: Flag.flag({ name: "update-baseline", about: "Write all findings into the file of --baseline" }),
  fix: Flag.flag({ name: "fix", about: "Repair what can be repaired without a choice to make" }),
  dryRun: Flag.flag({ name: "dry-run", about: "With --fix: show what would change, and change nothing" })
} as const satisfies Flag.Flags

export const visualize = {
  format: Flag.choice({ name: "format", value: "FORMAT", about: "tree (default), mermaid, dot, svg or json" }, [
    "tree",
    "mermaid",
    "dot",
    "svg",
    "json"
  ]),
  theme: Flag.choice(
    { name: "theme", value: "THEME", about: "Of an SVG: auto (default) follows the reader's system" },
    ["auto", "light", "dark"]
  )
} as const satisfies Flag.Flags

export const lensList = {
  status: Flag.choice({ name: "status", value: "STATUS", about: "Only runs that stand so" }, [
    "running",
    "suspended",
    "ready",
    "stuck",
    "completed",
    "failed",
    "cancelled",
    "erased"
  ]),
  pipeline: Flag.text({ name: "pipeline", value: "NAME", about: "Only runs of this pipeline" }),
  name: Flag.text({ name: "name", value: "TEXT", about: "Only runs of pipelines in whose name this stands" }),
  label: Flag.text({ name: "label", value: "NAME=VALUE", about: "Only runs with this label" }),
  since: Flag.text({
    name: "since",
    value: "TIME",
    about: "Only runs from this time on: 2026-01-31, an instant, or an age as 36h"
  }),
  until: Flag.text({ name: "until", value: "TIME", about: "Only runs that started before this time" }),
  before: Flag.text({
    name: "before",
    value: "RUN",
    about: "The page after this run, which was the last one of the page before"
  }),
  limit: Flag.whole({ name: "limit", value: "N", about: "At most so many, the newest first. Default: 20" }, whole),
  stateUri
} as const satisfies Flag.Flags

export const lens = { stateUri } as const satisfies Flag.Flags

export const lensCost = {
  by: Flag.choice(
    {
      name: "by",
      value: "WHAT",
      about: "How to group what was spent. Default: pipeline, or step for one run"
    },
    ["run", "pipeline", "step", "model", "day", "label"]
  ),
  pipeline: Flag.text({ name: "pipeline", value: "NAME", about: "Only runs of this pipeline" }),
  limit: Flag.whole(
    { name: "limit", value: "N", about: "At most so many runs, the newest first. Default: 100" },
    whole
  ),
  stateUri
} as const satisfies Flag.Flags

export const lensTrace = {
  outputPreviewLen: shown.outputPreviewLen,
  ...lens
} as const satisfies Flag.Flags

const decrypt = Flag.flag({
  name: "decrypt",
  about: "Write what is encrypted in the state into a file that is not"
})

export const lensReplay = {
  file: Flag.text({
    name: "file",
    value: "FILE",
    about: "Walk it by this blueprint, in place of the one that the run keeps"
  }),
  until: Flag.text({ name: "until", value: "PATH", about: "Only as far as the run came in this step" }),
  export: Flag.text({
    name: "export",
    value: "FILE",
    about: "Write the run into a file that anybody can replay; replay nothing",
    not: ["import", "file", "until"]
  }),
  import: Flag.text({
    name: "import",
    value: "FILE",
    about: "Replay the run in such a file, in place of one of the state"
  }),
  decrypt,
  ...lens
} as const satisfies Flag.Flags

export const test = {
  kept: Flag.flag({
    name: "kept",
    about: "Walk each by the blueprint that it keeps, also where the project has one of its name"
  })
} as const satisfies Flag.Flags

export const simulate = {
  seeds: Flag.whole(
    { name: "seeds", value: "N", about: "How many seeds, from --from on. Default: 100", not: ["seed"] },
    { min: 1, max: 10_000_000 }
  ),
  from: Flag.whole(
    { name: "from", value: "N", about: "The first seed. Default: 1", not: ["seed"] },
    { min: 0, max: 4_000_000_000 }
  ),
  seed: Flag.whole({ name: "seed", value: "N", about: "Only this seed" }, { min: 0, max: 4_010_000_000 }),
  faults: Flag.text({
    name: "faults",
    value: "LIST",
    about:
      "Which kinds may strike: all, none, or some of them (crash,model-error); or single ones as they are told (crash@3)"
  }),
  input: Flag.text({
    name: "input",
    alias: "i",
    value: "TEXT",
    about: "The input of every run. Default: another one each time, made up from the schema"
  }),
  invariant: Flag.texts({
    name: "invariant",
    value: "EXPR",
    about:
      "What must hold of every run: an expression over status, output, error, context, steps, input, spent; as often as wanted"
  })
} as const satisfies Flag.Flags

export const lensFork = {
  from: Flag.text({
    name: "from",
    value: "PATH",
    about: "The step where the fork parts from its parent; what came before is copied. Default: the beginning"
  }),
  set: Flag.text({
    name: "set",
    value: "WHAT=VALUE",
    about: "There, another input, output or answer: output=VALUE. A value is JSON where it is JSON, else a text"
  }),
  ...driving
} as const satisfies Flag.Flags

export const upgradeCheck = {
  ended: Flag.whole(
    {
      name: "ended",
      value: "N",
      about: "Of the runs that completed, look at the newest N; the open ones all are. Default: 20"
    },
    { min: 0, max: 100_000 }
  ),
  ...lens
} as const satisfies Flag.Flags

const root = Flag.texts({
  name: "root",
  value: "SIZE:HASH",
  about: "A root that was kept elsewhere, as `ledger verify` shows it; as often as wanted"
})
const out = (standard: string) =>
  Flag.text({ name: "out", value: "FILE", about: `Where to; a file that is there is kept. Default: ${standard}` })

export const ledgerVerify = {
  file: Flag.text({
    name: "file",
    value: "FILE",
    about: "An exported run, in place of the state",
    not: ["checkpoint", "key"]
  }),
  root,
  checkpoint: Flag.text({
    name: "checkpoint",
    value: "FILE",
    about: "A checkpoint that was kept elsewhere, which the log must have"
  }),
  key: Flag.text({
    name: "key",
    value: "KEY",
    about: "A public key that was kept elsewhere, which the last checkpoint must be signed by"
  }),
  stateUri
} as const satisfies Flag.Flags

export const ledgerCheckpoint = { stateUri } as const satisfies Flag.Flags

export const ledgerKeys = {
  newOrigin: Flag.flag({
    name: "new-origin",
    about: "With init, where the key is lost: go on with one that no other vouches for"
  }),
  stateUri
} as const satisfies Flag.Flags

export const ledgerProve = {
  entry: Flag.whole({ name: "entry", value: "N", about: "The entry of this number" }, { min: 0, max: 1_000_000_000 }),
  noPayload: Flag.flag({ name: "no-payload", about: "Show only the commitment to the payload" }),
  decrypt,
  out: out("RUN-N.proof.json"),
  stateUri
} as const satisfies Flag.Flags

export const ledgerCheckProof = { root } as const satisfies Flag.Flags

export const ledgerExport = { out: out("RUN.jsonl"), decrypt, stateUri } as const satisfies Flag.Flags

export const stateExport = { out: out("state-DATE.jsonl"), decrypt, stateUri } as const satisfies Flag.Flags

export const stateImport = { stateUri } as const satisfies Flag.Flags

export const stateRebuild = {
  dryRun: Flag.flag({
    name: "dry-run",
    about: "Show what is wrong, and change nothing; exit code 5 where anything is"
  }),
  stateUri
} as const satisfies Flag.Flags

export const statePrune = {
  olderThan: Flag.text({ name: "older-than", value: "AGE", about: "Runs that ended so long ago: 12h, 30d, 8w" }),
  status: Flag.choice(
    { name: "status", value: "STATUS", about: "Only runs that ended so. Default: completed and cancelled ones" },
    ["completed", "failed", "cancelled", "erased"]
  ),
  pipeline: Flag.text({ name: "pipeline", value: "NAME", about: "Only runs of this pipeline" }),
  apply: Flag.flag({ name: "apply", about: "Do it. Without it, what would be dropped is shown, and nothing changed" }),
  stateUri
} as const satisfies Flag.Flags

export const stateErase = {
  run: Flag.texts({ name: "run", value: "RUN", about: "This run; as often as wanted" }),
  subject: Flag.texts({
    name: "subject",
    value: "WHO",
    about: "Every run that has the label subject=WHO; as often as wanted",
    not: ["run"]
  }),
  reason: Flag.text({ name: "reason", value: "TEXT", about: "Why: it stays in the ledger, readable for everybody" }),
  by: Flag.text({
    name: "by",
    value: "WHO",
    about: "Who erases, as the ledger is to say. Default: the user of the process"
  }),
  apply: Flag.flag({ name: "apply", about: "Do it. Without it, what would be erased is shown, and nothing changed" }),
  stateUri
} as const satisfies Flag.Flags

export const stateRekey = {
  apply: Flag.flag({ name: "apply", about: "Do it. Without it, what would be done is shown, and nothing changed" }),
  stateUri
} as const satisfies Flag.Flags

export const plain = {} as const satisfies Flag.Flags
