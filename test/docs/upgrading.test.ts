/** What docs/upgrading.md shows happens as it says. */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ended, envelope, place } from "../cli/Flujo.js"

const page = readFileSync(join(resolve(import.meta.dirname, "../.."), "docs/upgrading.md"), "utf8")
const shown = (name: string): string => {
  const [, text] = new RegExp(`<!-- file: ${name} -->\n\`\`\`yaml\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page)!
  return text!
}

describe("docs/upgrading.md", () => {
  it("has an example that keeps the old way for a run that came past, and for no other", async () => {
    const here = place({
      "flujo.toml": "",
      "refund.yaml": shown("refund.yaml"),
      "refund_2.yaml": shown("refund_2.yaml")
    })
    ended(await here.flujo("validate"), 0)
    for (const id of ["early", "late"]) ended(await here.flujo(`run refund.yaml --run-id ${id} --no-input`), 0)
    ended(await here.flujo("answer late 12 --no-input"), 0)

    const checked = await here.flujo("upgrade-check refund_2.yaml")
    ended(checked, 0)
    assert.match(checked.stdout, /^✓ late {2}suspended {2}keeps the old way of reasons$/m)
    assert.match(checked.stdout, /^2 of 2 runs of refund go the same way with it\.$/m)

    for (const id of ["early", "late"]) ended(await here.flujo(`resume ${id} --upgrade refund_2.yaml --no-input`), 0)
    assert.deepInclude(envelope(await here.flujo("lens show late --json")).data, { keeps: ["reasons"], upgrades: 1 })
    assert.match((await here.flujo("lens show late")).stdout, /keeps +the old way of reasons/)
    assert.deepInclude(envelope(await here.flujo("lens show early --json")).data, { keeps: [], upgrades: 1 })
    const asked = async (id: string) =>
      envelope(await here.flujo("tasks --json")).data.filter(({ run }: { run: string }) => run === id)
    assert.deepInclude((await asked("late"))[0], { path: "approve_it", message: "Pay 12?" })
    ended(await here.flujo("answer late yes --no-input"), 0)
    ended(await here.flujo("answer early 12 --no-input"), 0)
    assert.deepInclude((await asked("early"))[0], { path: "reason" })
    ended(await here.flujo("answer early broken --no-input"), 0)
    assert.deepInclude((await asked("early"))[0], { message: "Pay 12 because of broken?" })
    ended(await here.flujo("answer early yes --no-input"), 0)
    for (const id of ["early", "late"]) ended(await here.flujo(`lens replay ${id}`), 0)
    const fork = envelope(await here.flujo("lens fork late --from approve_it --no-input --json")).data
    assert.deepInclude(fork, { keeps: ["reasons"], upgrades: 0 })

    // A recorded run of before is walked by the new version as it would be resumed.
    ended(await here.flujo("run refund.yaml --run-id old --no-input"), 0)
    ended(await here.flujo("answer old 1 --no-input"), 0)
    ended(await here.flujo("lens replay old --file refund_2.yaml"), 0)
  })

  it("and the new way for every new run, with words for it in pictures and in prints", async () => {
    const here = place({ "flujo.toml": "", "refund.yaml": shown("refund_2.yaml") })
    ended(await here.flujo("run refund.yaml --run-id n1 --no-input"), 0)
    ended(await here.flujo("answer n1 12 --no-input"), 0)
    assert.strictEqual(envelope(await here.flujo("tasks --json")).data[0].path, "reason")
    assert.include((await here.flujo("dev explain refund.yaml")).stdout, "since the change reasons")
    const printed = await here.flujo("dev print refund.yaml")
    assert.include(printed.stdout, "since: reasons")
    assert.include(printed.stdout, "before: reasons")
    const compiled = await here.flujo("dev compile-yaml refund.yaml")
    assert.include(compiled.stdout, 'Step.since("reasons")')
    const schema = JSON.parse((await here.flujo("dev schema")).stdout)
    assert.include(JSON.stringify(schema), '"since"')
  })
})
