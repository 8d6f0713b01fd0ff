/** Every command there is, in the order of help. */
import * as Command from "./Command.js"
import * as Flags from "./Flags.js"

const file = {
  name: "FILE",
  about: "A blueprint, or file.ts#name; default: pipeline.yaml of the project",
  isOptional: true
} as const
const run = { name: "RUN", about: "An id, the beginning of one that no other run has, or `last`" } as const
const task = { name: "TASK", about: "A run that waits for one answer, or RUN:PATH as `flujo tasks` lists it" } as const

export const commands: ReadonlyArray<Command.Command> = [
  Command.make({
    path: ["init"],
    about: "Make a project: a pipeline, its settings, a README",
    args: [{ name: "DIR", about: "Where; default: here", isOptional: true }],
    flags: Flags.init,
    examples: [
      ["flujo init my-bot", "a project in a folder of its own"],
      ["flujo init --force --yes", "the templates again, over what init wrote before"]
    ],
    load: () => import("./commands/Init.js")
  }),
  Command.make({
    path: ["run"],
    about: "Run a pipeline",
    args: [file],
    flags: Flags.run,
    examples: [
      ['flujo run --input "Some text"', "the project's pipeline.yaml"],
      ["flujo run review.yaml --input-file change.diff", "another one, on the text of a file"],
      ["echo Hello | flujo run --json", "input from a pipe, the result for a program"],
      ["flujo run --dry-run", "check it and list its steps"]
    ],
    load: () => import("./commands/Run.js")
  }),
  Command.make({
    path: ["resume"],
    about: "Go on with a run that rests, was interrupted, or failed",
    args: [run],
    flags: Flags.resume,
    examples: [["flujo resume last", "the newest run"]],
    load: () => import("./commands/Resume.js")
  }),
  Command.make({
    path: ["tasks"],
    about: "What waits for a person",
    args: [],
    flags: Flags.tasks,
    examples: [["flujo tasks", "all of them, the oldest first"]],
    load: () => import("./commands/Tasks.js")
  }),
  Command.make({
    path: ["answer"],
    about: "Answer a question, and go on with the run",
    args: [
      task,
      { name: "VALUE", about: "Text or JSON, as the task wants it; - reads standard input", isOptional: true }
    ],
    flags: Flags.answer,
    examples: [
      ['flujo answer last "Use the blue one"', "a text"],
      [`flujo answer 01K9:pick '{"colour":"blue"}'`, "JSON that fits the task's schema"]
    ],
    load: () => import("./commands/Answer.js")
  }),
  Command.make({
    path: ["approve"],
    about: "Say yes, and go on with the run",
    args: [task],
    flags: Flags.approve,
    examples: [["flujo approve last", "what the newest run waits for"]],
    load: () => import("./commands/Approve.js")
  }),
  Command.make({
    path: ["reject"],
    about: "Say no, and go on with the run",
    args: [task],
    flags: Flags.reject,
    examples: [['flujo reject last --reason "Too long"', "with a reason, which the journal keeps"]],
    load: () => import("./commands/Reject.js")
  }),
  Command.make({
    path: ["signal"],
    about: "Tell a run that something happened outside, and go on with it",
    args: [
      run,
      { name: "NAME", about: "Of the signal, as the waiting step has it" },
      { name: "VALUE", about: "Text or JSON that comes with it; - reads standard input", isOptional: true }
    ],
    flags: Flags.signal,
    examples: [[`flujo signal last payment '{"amount":12}'`, "what a step of the newest run waits for"]],
    load: () => import("./commands/Signal.js")
  }),
  Command.make({
    path: ["wake"],
    about: "Go on with every run whose time or letter has come, or whose process is gone; then end",
    args: [],
    flags: Flags.wake,
    examples: [["* * * * * flujo wake --project /srv/app", "from cron, where no process lives in between"]],
    load: () => import("./commands/Wake.js")
  }),
  Command.make({
    path: ["cancel"],
    about: "End a run for good",
    args: [run],
    flags: Flags.cancel,
    examples: [['flujo cancel last --reason "Wrong file"', "also one that another process drives"]],
    load: () => import("./commands/Cancel.js")
  }),
  Command.make({
    path: ["status"],
    about: "Which project, which state, which keys; what runs and what waits",
    args: [],
    flags: Flags.status,
    examples: [["flujo status --json", "for a program"]],
    load: () => import("./commands/Status.js")
  }),
  ...[["validate"], ["dev", "validate"]].map((path) =>
    Command.make({
      path,
      about: "Check blueprints; run nothing",
      args: [
        {
          name: "FILE",
          about: "A blueprint, file.ts#name or a folder; default: all blueprints of the project",
          isOptional: true,
          isMany: true
        }
      ],
      flags: Flags.validate,
      examples: [
        ["flujo validate", "every blueprint of the project"],
        ["flujo validate a.yaml b.yaml --format sarif", "two of them, for CI"],
        ["flujo validate --fix --dry-run", "what could be repaired"]
      ],
      load: () => import("./commands/Validate.js")
    })
  ),
  ...[
    ["lens", "list"],
    ["runs", "list"]
  ].map((path) =>
    Command.make({
      path,
      about: "The runs, the newest first",
      args: [],
      flags: Flags.lensList,
      examples: [
        [`flujo ${path.join(" ")} --status failed --since 7d`, "only those that failed in the last week"],
        [`flujo ${path.join(" ")} --label team=blue`, "only those with this label"]
      ],
      load: () => import("./commands/LensList.js")
    })
  ),
  Command.make({
    path: ["lens", "show"],
    about: "One run at a glance; with -v also its input",
    args: [run],
    flags: Flags.lens,
    examples: [["flujo lens show last -v", "the newest run"]],
    load: () => import("./commands/LensShow.js")
  }),
  Command.make({
    path: ["lens", "why"],
    about: "Why a run stands as it does, and what to do, in ten lines at most",
    args: [run],
    flags: Flags.lens,
    examples: [["flujo lens why last", "of the newest run"]],
    load: () => import("./commands/LensWhy.js")
  }),
  Command.make({
    path: ["lens", "trace"],
    about: "One run step by step; with -v also inputs, outputs and calls",
    args: [run],
    flags: Flags.lensTrace,
    examples: [["flujo lens trace last -v", "all that happened in the newest run"]],
    load: () => import("./commands/LensTrace.js")
  }),
  Command.make({
    path: ["lens", "cost"],
    about: "What model calls cost, of one run or of the newest ones",
    args: [{ ...run, isOptional: true }],
    flags: Flags.lensCost,
    examples: [
      ["flujo lens cost last", "one run, step by step"],
      ["flujo lens cost --by model --limit 1000", "the newest runs by what they asked"]
    ],
    load: () => import("./commands/LensCost.js")
  }),
  Command.make({
    path: ["lens", "replay"],
    about: "Walk a run again with the outside shut: the same, or exit code 5",
    args: [{ ...run, isOptional: true }],
    flags: Flags.lensReplay,
    examples: [
      ["flujo lens replay last", "calls no model, runs no skill, writes nothing"],
      ["flujo lens replay last --export run.jsonl", "the run as a file, for a colleague"],
      ["flujo lens replay --import run.jsonl --until review", "what the colleague does with it"]
    ],
    load: () => import("./commands/LensReplay.js")
  }),
  Command.make({
    path: ["lens", "fork"],
    about: "A new run that begins as another one did, and goes on from a step by itself",
    args: [run],
    flags: Flags.lensFork,
    examples: [
      ["flujo lens fork last --from summarize", "the newest run again from there on"],
      ["flujo lens fork 01K9 --from review --set answer=approved", "what if it had been approved?"]
    ],
    load: () => import("./commands/LensFork.js")
  }),
  Command.make({
    path: ["lens", "diff"],
    about: "Two runs side by side: what one did and the other did not, and what came out otherwise",
    args: [
      { name: "RUN", about: run.about },
      { name: "OTHER", about: "Another run" }
    ],
    flags: Flags.lensTrace,
    examples: [["flujo lens diff 01K9A 01K9B", "two runs of one pipeline"]],
    load: () => import("./commands/LensDiff.js")
  }),
  Command.make({
    path: ["ledger", "verify"],
    about: "Whether a run, or every run, is as it was written; exit code 5 names the first entry that is not",
    args: [{ ...run, isOptional: true }],
    flags: Flags.ledgerVerify,
    examples: [
      ["flujo ledger verify", "every run of the state"],
      ["flujo ledger verify --file 01K9A.jsonl", "an exported one, without the state"]
    ],
    load: () => import("./commands/LedgerVerify.js")
  }),
  Command.make({
    path: ["ledger", "checkpoint"],
    about: "Sign a checkpoint over all runs, print it, and leave it at the anchors of flujo.toml",
    args: [],
    flags: Flags.ledgerCheckpoint,
    examples: [
      ["flujo ledger checkpoint > checkpoint.txt", "to be kept elsewhere; `ledger verify --checkpoint` holds to it"]
    ],
    load: () => import("./commands/LedgerCheckpoint.js")
  }),
  Command.make({
    path: ["ledger", "keys"],
    about: "The keys that checkpoints are signed with: show them, make the first, go on with another",
    args: [{ name: "WHAT", about: "show (default), init or rotate", isOptional: true }],
    flags: Flags.ledgerKeys,
    examples: [
      ["flujo ledger keys", "what to give to those who verify"],
      ["flujo ledger keys rotate", "a new key, which the old one vouches for"]
    ],
    load: () => import("./commands/LedgerKeys.js")
  }),
  Command.make({
    path: ["ledger", "export"],
    about: "A run as one file that anybody can verify",
    args: [run],
    flags: Flags.ledgerExport,
    examples: [["flujo ledger export last --out run.jsonl", "the newest run, with all that was said in it"]],
    load: () => import("./commands/LedgerExport.js")
  }),
  Command.make({
    path: ["ledger", "prove"],
    about: "A file that shows that one entry is in a run, and nothing else of it",
    args: [{ name: "RUN", about: `${run.about}; RUN:PATH is the last entry of a step, RUN alone that of the run` }],
    flags: Flags.ledgerProve,
    examples: [["flujo ledger prove last:review --no-payload", "that the step ended, and not how"]],
    load: () => import("./commands/LedgerProve.js")
  }),
  Command.make({
    path: ["ledger", "check-proof"],
    about: "Check such a file, without the state",
    args: [{ name: "FILE", about: "What `ledger prove` wrote" }],
    flags: Flags.ledgerCheckProof,
    examples: [["flujo ledger check-proof 01K9A-7.proof.json --root 12:5f0c…", "against a root from elsewhere"]],
    load: () => import("./commands/LedgerCheckProof.js")
  }),
  Command.make({
    path: ["test"],
    about: "Replay the recorded runs of a project with its blueprints as they are now",
    args: [
      {
        name: "FIXTURE",
        about: "A file of `lens replay --export`, or a folder of them; default: fixtures of the project",
        isOptional: true,
        isMany: true
      }
    ],
    flags: Flags.test,
    examples: [["flujo test", "exit code 5 if one of them goes another way"]],
    load: () => import("./commands/Test.js")
  }),
  Command.make({
    path: ["simulate"],
    about:
      "Run a pipeline under many seeds, in each of which other things go wrong, and find what breaks; nothing outside is called",
    args: [file],
    flags: Flags.simulate,
    examples: [
      ["flujo simulate review.yaml --seeds 1000", "exit code 1 at the first seed that breaks something"],
      [`flujo simulate --invariant "status != 'completed' or output.total >= 0"`, "what must hold of every run"],
      ["flujo simulate review.yaml --seed 17 --faults crash@3", "one of them again"]
    ],
    load: () => import("./commands/Simulate.js")
  }),
  Command.make({
    path: ["state", "info"],
    about: "What is kept where, in numbers",
    args: [],
    flags: Flags.status,
    examples: [["flujo state info --json", "for a dashboard"]],
    load: () => import("./commands/StateInfo.js")
  }),
  Command.make({
    path: ["state", "migrate"],
    about: "Bring the state of an older flujo up to date; any command that writes does so too",
    args: [],
    flags: Flags.status,
    examples: [["flujo state migrate", "before readers of a newer flujo come"]],
    load: () => import("./commands/StateMigrate.js")
  }),
  Command.make({
    path: ["state", "export"],
    about: "All runs, or those that are named, as one file that another state takes in",
    args: [{ name: "RUN", about: run.about, isOptional: true, isMany: true }],
    flags: Flags.stateExport,
    examples: [["flujo state export --out all.jsonl", "with the log of the ledger, its checkpoints and keys"]],
    load: () => import("./commands/StateExport.js")
  }),
  Command.make({
    path: ["state", "import"],
    about: "Take such a file in, or an exported run; it is verified first",
    args: [{ name: "FILE", about: "What `state export`, `ledger export` or `lens replay --export` wrote" }],
    flags: Flags.stateImport,
    examples: [["flujo state import all.jsonl --state-uri postgresql://me@db/flujo", "from a file to a server"]],
    load: () => import("./commands/StateImport.js")
  }),
  Command.make({
    path: ["state", "rebuild"],
    about: "Make the index of runs and tasks again from the journal, and tell what was wrong in it",
    args: [{ name: "RUN", about: "The whole id of one run; default: all runs", isOptional: true }],
    flags: Flags.stateRebuild,
    examples: [
      ["flujo state rebuild --dry-run", "what is wrong; exit code 5 where anything is"],
      ["flujo state rebuild", "mend it"]
    ],
    load: () => import("./commands/StateRebuild.js")
  }),
  Command.make({
    path: ["state", "prune"],
    about: "Drop runs that ended, by age, status and pipeline; never what a fork needs",
    args: [],
    flags: Flags.statePrune,
    examples: [
      ["flujo state prune --older-than 90d", "what would go, and how many bytes"],
      ["flujo state prune --older-than 90d --apply", "let it go"]
    ],
    load: () => import("./commands/StatePrune.js")
  }),
  Command.make({
    path: ["state", "vacuum"],
    about: "Give what was dropped back to the disk",
    args: [],
    flags: Flags.status,
    examples: [["flujo state vacuum", "after a prune"]],
    load: () => import("./commands/StateVacuum.js")
  }),
  Command.make({
    path: ["state", "erase"],
    about: "Remove what was said in runs for good, with their keys; what is left of them still verifies",
    args: [],
    flags: Flags.stateErase,
    examples: [
      ['flujo state erase --subject p-1077 --reason "asked to"', "which runs, forks and letters that would be"],
      ['flujo state erase --run 01K9A --reason "asked to" --apply', "that run, and its forks"]
    ],
    load: () => import("./commands/StateErase.js")
  }),
  Command.make({
    path: ["state", "rekey"],
    about: "Wrap the keys of all encrypted runs with the key that flujo.toml names now",
    args: [],
    flags: Flags.stateRekey,
    examples: [
      ["flujo state rekey", "which keys are in use, and for how many runs"],
      ["flujo state rekey --apply", "after a new key was made; the one of before stands in [encryption.old]"]
    ],
    load: () => import("./commands/StateRekey.js")
  }),
  Command.make({
    path: ["upgrade-check"],
    about: "Which runs would go the same way with a changed blueprint, and which get stuck where",
    args: [file],
    flags: Flags.upgradeCheck,
    examples: [
      ["flujo upgrade-check new.yaml", "the open runs and the newest ended ones; exit code 5 if any gets stuck"]
    ],
    load: () => import("./commands/UpgradeCheck.js")
  }),
  Command.make({
    path: ["prices", "show"],
    about: "What models cost, with where each price was published",
    args: [{ name: "MODEL", about: "Only this one: openai:gpt-4o-mini", isOptional: true }],
    flags: Flags.plain,
    examples: [["flujo prices show openai:gpt-4o", "one model"]],
    load: () => import("./commands/PricesShow.js")
  }),
  Command.make({
    path: ["prices", "check"],
    about: "The models that a pipeline asks, and whether the price of each is known",
    args: [file],
    flags: Flags.plain,
    examples: [["flujo prices check", "exit code 4 if one has no price"]],
    load: () => import("./commands/PricesCheck.js")
  }),
  Command.make({
    path: ["explain"],
    about: "What a code such as FLJ-PLAN-2 means; without one, all codes",
    args: [{ name: "CODE", about: "As a message shows it", isOptional: true }],
    flags: Flags.plain,
    examples: [["flujo explain FLJ-LLM-1", "why, and what to do"]],
    load: () => import("./commands/Explain.js")
  }),
  Command.make({
    path: ["dev", "visualize"],
    about: "Draw a pipeline",
    args: [file],
    flags: Flags.visualize,
    examples: [
      ["flujo dev visualize", "a tree, on the terminal"],
      ["flujo dev visualize review.yaml --format svg > review.svg", "a picture, dark and light"],
      ["flujo dev visualize --format mermaid", "for Markdown"]
    ],
    load: () => import("./commands/Visualize.js")
  }),
  Command.make({
    path: ["dev", "explain"],
    about: "Tell in plain words what a pipeline does",
    args: [file],
    flags: Flags.plain,
    examples: [["flujo dev explain review.yaml", "a line for each step"]],
    load: () => import("./commands/DevExplain.js")
  }),
  Command.make({
    path: ["dev", "print"],
    about: "Write a pipeline anew, each thing in its one form and without what is said anyway",
    args: [file],
    flags: Flags.plain,
    examples: [["flujo dev print review.yaml", "what flujo understood, as a blueprint"]],
    load: () => import("./commands/Print.js")
  }),
  Command.make({
    path: ["dev", "compile-yaml"],
    about: "Write a pipeline as a module of TypeScript that makes the same plan",
    args: [file],
    flags: Flags.plain,
    examples: [["flujo dev compile-yaml review.yaml > review.ts", "to go on with in code"]],
    load: () => import("./commands/CompileYaml.js")
  }),
  Command.make({
    path: ["dev", "schema"],
    about: "The language as a JSON Schema, for editors",
    args: [],
    flags: Flags.plain,
    examples: [["flujo dev schema > flujo.schema.json", "the file that pipeline.yaml names in its first line"]],
    load: () => import("./commands/Schema.js")
  }),
  Command.make({
    path: ["dev", "lsp"],
    about: "The language server, for editors: it speaks its protocol on standard input and output",
    args: [],
    flags: Flags.plain,
    examples: [["flujo dev lsp", "started by an editor; see docs/editors.md"]],
    load: () => import("./commands/Lsp.js")
  }),
  Command.make({
    path: ["dev", "doctor"],
    about: "Look at what is needed here, and say what is missing",
    args: [],
    flags: Flags.status,
    examples: [["flujo dev doctor", "when something does not work"]],
    load: () => import("./commands/Doctor.js")
  }),
  Command.make({
    path: ["dev", "budgets"],
    about:
      "What a pipeline may spend, where that is said, what it can cost at most, and what it shares with other runs",
    args: [
      { name: "show", about: "The word itself" },
      { name: "NAME", about: "The pipeline's name" }
    ],
    flags: Flags.budgets,
    examples: [
      ["flujo dev budgets show review", "of the pipeline called review"],
      ["flujo dev budgets show review --label team=a", "and of what its runs with this label share"]
    ],
    load: () => import("./commands/BudgetsShow.js")
  }),
  Command.make({
    path: ["dev", "show-config"],
    about: "Each setting, its value and where it was said",
    args: [],
    flags: Flags.status,
    examples: [],
    load: () => import("./commands/ShowConfig.js")
  }),
  ...[["dev", "version"], ["version"]].map((path) =>
    Command.make({
      path,
      about: "The version of flujo",
      args: [],
      flags: Flags.plain,
      examples: [],
      load: () => import("./commands/Version.js")
    })
  )
]
