/** docs/cli.md names every command, every flag, every exit code and every key of flujo.toml, and none that there is not. */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { commands } from "../../src/cli/Commands.js"
import { exits } from "../../src/cli/Fault.js"
import { globals } from "../../src/cli/Flags.js"
import { usage } from "../../src/cli/Help.js"
import { known } from "../../src/project/ProjectToml.js"

const docs = readFileSync(join(resolve(import.meta.dirname, "../.."), "docs/cli.md"), "utf8")
const flags = [globals, ...commands.map((command) => command.flags)].flatMap((all) => Object.values(all))
const names = new Set(flags.flatMap(({ also = [], name }) => [name, ...also]))
const sections = new Map(docs.split(/^#{2,3} /m).map((text) => [text.slice(0, text.indexOf("\n")), text]))
const driving = sections.get("Flags of commands that drive a run")!

describe("docs/cli.md", () => {
  it("has a section for each command, or names it as another word for one, and none for others", () => {
    for (const command of commands) {
      const shown = `\`${usage(command)}\``
      assert.isTrue(sections.has(shown) || docs.includes(`Also ${shown}`), shown)
    }
    const all = new Set(commands.map((command) => `\`${usage(command)}\``))
    for (const title of sections.keys()) if (title.startsWith("`flujo")) assert.isTrue(all.has(title), title)
  })

  it("names every flag of a command where it is told of, with its values, and no flag that there is not", () => {
    for (const command of commands) {
      const own = sections.get(`\`${usage(command)}\``)
      if (own === undefined) continue
      for (const { also = [], alias, choices = [], name } of Object.values(command.flags)) {
        const where = own.includes(`--${name}`) ? own : driving
        for (const word of [name, ...also]) assert.include(where, `\`--${word}`, command.path.join(" "))
        if (alias !== undefined) assert.include(where, `\`-${alias}\``)
        for (const choice of choices) assert.include(where, `\`${choice}\``)
      }
    }
    const everywhere = sections.get("Flags of every command")!
    for (const { alias, choices = [], name } of Object.values<(typeof flags)[number]>(globals)) {
      assert.include(everywhere, `\`--${name}`)
      if (alias !== undefined) assert.include(everywhere, `\`-${alias}\``)
      for (const choice of choices) assert.include(everywhere, `\`${choice}\``)
    }
    for (const [, word] of docs.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)) {
      if (word !== "flag" && word !== "jsn") assert.isTrue(names.has(word!), `--${word}`)
    }
  })

  it("tells of every exit code and of every key of flujo.toml", () => {
    const codes = sections.get("Exit codes")!
    for (const code of Object.values(exits)) assert.match(codes, new RegExp(`^\\| ${code} \\|`, "m"))
    const keys = [...sections.get("flujo.toml")!.matchAll(/^\| `([^`]+)` \|/gm)].map(([, key]) => key)
    assert.sameMembers(keys, [...known])
  })
})
