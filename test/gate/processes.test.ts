import { afterAll, beforeAll } from "vitest"
import { processesSuite } from "./ProcessesSuite.js"
import * as Processes from "./processes.js"

beforeAll(Processes.bundle)
afterAll(Processes.discard)

processesSuite("SQLite", Processes.inFolder)
