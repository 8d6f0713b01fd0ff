/** The project folder and what is said about it. */
import type { ProjectError } from "../../project/ProjectError.js"
import { exits } from "../Fault.js"
import { type Explained, explained } from "./Explained.js"

const made = (n: number, title: string, explanation: string): Explained =>
  explained(`FLJ-PROJECT-${n}`, exits.usage, title, explanation)

export const projectErrors: Readonly<Record<ProjectError["reason"], Explained>> = {
  NoProject: made(
    1,
    "no project here",
    "A project is a folder with a flujo.toml or a pipeline.yaml, looked for from the working folder upwards. Make one with `flujo init`, or name one with --project PATH or FLUJO_PROJECT_ROOT."
  ),
  NotFound: made(2, "there is no such file", "The file or folder that is named is not there. Look at the path."),
  NotAFolder: made(3, "not a folder", "A file is named where a folder should be. Name the folder that it is in."),
  NotAFile: made(4, "not a file", "A folder, a device or a pipe is named where a file should be. Name a file."),
  Unreadable: made(5, "cannot be read", "The file is there and could not be read. Look at its permissions."),
  TooLarge: made(
    6,
    "too large",
    "The file is larger than what is read of its kind. The message says how large it may be."
  ),
  NotText: made(7, "not text", "The file is not UTF-8 text. Save it as UTF-8."),
  Syntax: made(
    8,
    "cannot be understood",
    "flujo.toml is TOML, an environment file has lines of NAME=VALUE. The message shows the line."
  ),
  UnknownKey: made(
    9,
    "an unknown key",
    "A key that nothing reads would be silently without effect, so it is refused. The message says what may be meant."
  ),
  MisplacedKey: made(
    10,
    "a key in the wrong place",
    "In TOML a key belongs to the [table] above it. The message says where this one belongs."
  ),
  BadValue: made(11, "a value that is not allowed", "The message says what is allowed, and where the value was said."),
  BadStateUri: made(
    12,
    "no place for the state",
    "State is kept in a file, sqlite:///path/in/project.db or sqlite:////absolute/path.db, or for the life of the process, memory://."
  ),
  Outside: made(13, "outside of the project", "The file must be inside the project folder, also where a link leads.")
}
