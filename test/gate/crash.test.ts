import { afterAll, beforeAll } from "vitest"
import { crashSuite } from "./CrashSuite.js"
import * as Processes from "./processes.js"

beforeAll(Processes.bundle)
afterAll(Processes.discard)

crashSuite({ name: "SQLite", places: Processes.inFolder, whens: ["before", "after"], oneIn: 1 })
