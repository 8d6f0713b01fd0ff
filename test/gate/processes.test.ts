import { afterAll, beforeAll } from "vitest"
import * as Processes from "./processes.js"
import { processesSuite } from "./ProcessesSuite.js"

beforeAll(Processes.bundle)
afterAll(Processes.discard)

processesSuite("SQLite", Processes.inFolder)
