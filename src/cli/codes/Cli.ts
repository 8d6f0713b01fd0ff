/** What only the command line knows: how it was called, and what it was handed. */
import { exits } from "../Fault.js"
import { type Explained, explained } from "./Explained.js"

const usage = (n: number, title: string, explanation: string): Explained =>
  explained(`FLJ-CLI-${n}`, exits.usage, title, explanation)

export const cliErrors = {
  UnknownCommand: usage(1, "there is no such command", "`flujo --help` lists the commands."),
  UnknownFlag: usage(
    2,
    "there is no such flag",
    "`flujo COMMAND --help` lists the flags of a command. What begins with a dash and is no flag stands behind `--`."
  ),
  MissingValue: usage(
    3,
    "a flag without its value",
    "Write the value behind the flag, `--flag VALUE` or `--flag=VALUE`; the second form also takes values that begin with dashes."
  ),
  BadValue: usage(4, "a value that is not allowed", "The message says what is allowed."),
  Repeated: usage(5, "a flag given twice", "Only one of the two could count, and which one is not to be guessed."),
  Arguments: usage(
    6,
    "too many or too few arguments",
    "`flujo COMMAND --help` shows what a command takes. Text with spaces stands in quotes."
  ),
  Excluding: usage(
    7,
    "flags that exclude each other",
    "Each says something else about the same thing. Keep the one that is meant."
  ),
  Ambiguous: usage(8, "several runs begin so", "Write more of the id, until only one run begins with it."),
  NoRuns: usage(9, "no runs yet", "Nothing was run with this state. `flujo status` shows which state is looked at."),
  InMemory: usage(
    10,
    "nothing is kept",
    "The state is memory://, so every process begins with none, and no run outlives the command that started it. Use a file, sqlite:///.flujo/state.db, for runs that pause or are looked at later."
  ),
  Task: usage(
    11,
    "which task is meant",
    "Write RUN:PATH where a run waits for several answers. `flujo tasks` lists them as they are to be written."
  ),
  Answer: usage(
    12,
    "the answer does not fit",
    "A task says by a schema what it takes, and a step that waits for a signal says its name and what is told with it. Nothing was changed; answer again."
  ),
  Overwrite: usage(
    13,
    "something would be overwritten",
    "Without a terminal nobody can be asked. --yes says that it is meant."
  ),
  NoBlueprint: usage(
    14,
    "which pipeline is meant",
    "Name a file, or run the command in a project, whose pipeline.yaml is then meant."
  ),
  NoSources: usage(
    15,
    "started by a program",
    "The run was started from TypeScript, so its steps are code that the command line does not have. The program that started it resumes and replays it; answers and cancellations can be left for it from here."
  ),
  File: usage(
    16,
    "a file that cannot be used",
    "The file is not there, is a folder, cannot be read or cannot be written. The message says which and why."
  ),
  UnknownCode: usage(17, "there is no such code", "`flujo explain` without a code lists them all."),
  WorkingFolder: usage(
    18,
    "the working folder is gone",
    "The folder that the command was started in was deleted. Change to one that exists."
  ),
  Output: explained(
    "FLJ-CLI-19",
    exits.failed,
    "the result could not be written",
    "What standard output leads to did not take the result: the disk is full, for instance. The run itself is in the journal: `flujo lens show RUN`."
  ),
  Interrupted: explained(
    "FLJ-CLI-20",
    exits.failed,
    "interrupted",
    "A signal ended the command: exit code 130 for Ctrl-C, 143 for a termination. A run that was in progress can be resumed."
  ),
  Environment: usage(21, "a variable that is not allowed", "The message names the variable and what it may hold."),
  Internal: explained(
    "FLJ-CLI-22",
    exits.failed,
    "a fault of flujo",
    "This should not happen, and is not your fault. `--trace` shows where it did; please report it with that."
  ),
  Print: usage(
    24,
    "a pipeline that no text says",
    "A blueprint has no functions and no schedules, and names skills by their ids. The message names each step that has what text cannot say, and what to write instead."
  ),
  Protocol: explained(
    "FLJ-CLI-25",
    exits.failed,
    "not what a language client says",
    "`flujo dev lsp` was given something on standard input that is no message of the language server protocol, or one that is too large. An editor starts it; see docs/editors.md."
  ),
  Simulated: explained(
    "FLJ-CLI-26",
    exits.failed,
    "a simulation found what breaks",
    "Under the seed that is named, something did not hold: an invariant of the blueprint, one of --invariant, or one that holds of every run. The command that is shown repeats it exactly, with no more faults than it takes. What happened stands below, line by line."
  )
} as const satisfies Record<string, Explained>

export type CliError = keyof typeof cliErrors
