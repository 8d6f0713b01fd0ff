/** `flujo simulate`: what it holds a blueprint to, and that what it finds can be had again as it says. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ended, envelope, place, refused, root } from "./Flujo.js"

const refund = readFileSync(join(root, "blueprints/refund.yaml"), "utf8")
const files = { "flujo.toml": "", "pipeline.yaml": refund }

describe.concurrent("flujo simulate", () => {
  it("goes through its seeds without a key, and leaves no state behind", async () => {
    const here = place(files)
    const done = await here.flujo("simulate --seeds 40 --json")
    ended(done, 0)
    const { ends, faults, seeds } = envelope(done).data
    assert.strictEqual(seeds, 40)
    assert.isAbove(ends.Completed, 20)
    assert.isAbove(faults.crash, 0)
    refused(await here.flujo("lens show last"), 2)
  })

  it("finds what breaks an invariant, and again by the command that it tells", async () => {
    const here = place(files)
    const law = "status != 'completed' or output.amount <= 400"
    const found = await here.flujo(["simulate", "--seeds", "60", "--invariant", law, "--json"])
    ended(found, 1)
    const { error } = JSON.parse(found.stdout)
    assert.strictEqual(error.code, "FLJ-CLI-26")
    const { faults, repeats, seed } = error.details
    assert.deepStrictEqual([faults, repeats], [[], true])
    const again = await here.flujo(["simulate", "--seed", `${seed}`, "--faults", "none", "--invariant", law])
    refused(again, 1, `seed ${seed}`, "RunCompleted", `--seed ${seed} --faults none`)
    const own = refund.replace("<= 500", "<= 0").replace("context.amount | default(0)", "1")
    here.write("own.yaml", own)
    refused(await here.flujo("simulate own.yaml --seeds 20"), 1, "static_invariants does not hold")
  })

  it("refuses what it cannot do", async () => {
    const here = place(files)
    refused(await here.flujo("simulate --faults crush"), 2, 'there is no "crush"', "lost-answer")
    refused(await here.flujo("simulate --faults crash,outage@2"), 2, "not both")
    refused(await here.flujo(["simulate", "--invariant", "outptu > 1"]), 2, "there is no outptu")
    refused(await here.flujo(["simulate", "--invariant", "1 +"]), 2, "--invariant")
    refused(await here.flujo("simulate --seed 1 --seeds 2"), 2)
  })
})
