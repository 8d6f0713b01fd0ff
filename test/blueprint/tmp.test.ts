import { it } from "@effect/vitest"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
import * as Plan from "../../src/plan/Plan.js"
import { options } from "./Skills.js"
import { rules } from "../../src/plan/Finding.js"
import { readFileSync } from "node:fs"
it("x", () => {
  for (const f of (process.env.F ?? "").split(",")) {
    const r = Blueprint.check({ path: f, bytes: readFileSync(f) }, options, { find: (p) => Plan.make(p).findings, rules })
    console.log(Diagnostics.renderAll(r.diagnostics))
    if (r.blueprint) console.log(JSON.stringify(Plan.make(r.blueprint.pipeline).json, null, 1))
  }
})
