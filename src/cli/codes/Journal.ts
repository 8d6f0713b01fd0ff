/** The state: where runs are kept. */
import type { JournalError, LetterRefused } from "../../journal/Journal.js"
import { exits } from "../Fault.js"
import { type Explained, explained } from "./Explained.js"

export const journalErrors: Readonly<Record<JournalError["reason"], Explained>> = {
  Conflict: explained(
    "FLJ-JOURNAL-1",
    exits.failed,
    "somebody else wrote first",
    "Another process took the run over, and this one stopped before it could do harm. Look who drives it with `flujo lens show RUN`."
  ),
  Corrupt: explained(
    "FLJ-JOURNAL-2",
    exits.integrity,
    "the state is damaged",
    "What is stored cannot be read. Where it is the index of runs or tasks, `flujo state rebuild` makes that again from the entries. Else the state was left as it is: keep it, and put a backup in its place."
  ),
  Foreign: explained(
    "FLJ-JOURNAL-3",
    exits.usage,
    "not a flujo state file",
    "The file that is named as state is something else: a text, or a database of another program. It was left as it is. Name another one with --state-uri, FLUJO_STATE_URI or state_uri in flujo.toml."
  ),
  Newer: explained(
    "FLJ-JOURNAL-4",
    exits.usage,
    "state of a newer flujo",
    "The file was written by a newer flujo, whose format this one does not know. It was left as it is. Update flujo."
  ),
  Locked: explained(
    "FLJ-JOURNAL-5",
    exits.failed,
    "the state is locked",
    "Another process holds the file locked. Nothing was written. Try again, or find out who holds it."
  ),
  ReadOnly: explained(
    "FLJ-JOURNAL-6",
    exits.usage,
    "the state cannot be written",
    "The file, or the folder that it is in, is read-only. Make both writable, or keep the state elsewhere."
  ),
  Full: explained(
    "FLJ-JOURNAL-7",
    exits.failed,
    "the disk is full",
    "There was no space to write. What was written before counts; make room and go on with `flujo resume RUN`."
  ),
  TooLarge: explained(
    "FLJ-JOURNAL-8",
    exits.failed,
    "a value is too large",
    "One value of a run may have 16 MiB. Hand on the name of a file instead of its content."
  ),
  Unavailable: explained(
    "FLJ-JOURNAL-9",
    exits.usage,
    "the state cannot be reached",
    "The state could not be opened; the message says why. `flujo status` shows which state is meant and where that was said."
  ),
  Key: explained(
    "FLJ-JOURNAL-14",
    exits.usage,
    "the key of the encryption",
    "What is stored is encrypted, or is to be, and its key is not here, or is another one. Nothing was changed. Say in [encryption] of flujo.toml where the key is (key_file, key_env or key_command), and list the keys of before under [encryption.old]. Lists and `flujo ledger verify` work without it. docs/encryption.md says what stays readable."
  ),
  Erased: explained(
    "FLJ-JOURNAL-15",
    exits.integrity,
    "the run was erased",
    "What was said in the run was removed on purpose; who did it, when and why is its last entry, which the message repeats. Nothing can read it, replay it or go on with it. What is left still verifies: `flujo ledger verify RUN`, and `flujo lens list` shows that it was."
  )
}

export const letterRefusals: Readonly<Record<LetterRefused["reason"], Explained>> = {
  Unknown: explained(
    "FLJ-JOURNAL-10",
    exits.usage,
    "there is no such run",
    "No run of this id is in the state that was looked at. `flujo lens list` shows the runs."
  ),
  Ended: explained(
    "FLJ-JOURNAL-11",
    exits.failed,
    "the run has ended",
    "A run that completed, failed or was cancelled takes no answers and cannot be cancelled. A failed one can be resumed first."
  ),
  NoTask: explained(
    "FLJ-JOURNAL-12",
    exits.usage,
    "there is no such open task",
    "The run does not wait for an answer there. `flujo tasks` shows what waits."
  ),
  Taken: explained(
    "FLJ-JOURNAL-13",
    exits.failed,
    "the task was answered before",
    "A task is answered once; the first answer counts, and nothing was changed. `flujo lens trace RUN` shows it."
  )
}
