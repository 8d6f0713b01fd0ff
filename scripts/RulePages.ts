/** The pages of `docs/rules/`, made of the rules themselves and of their examples, with what is said of these. */
import * as Diagnostics from "../src/blueprint/Diagnostics.js"
import { examples } from "../src/check/Examples.js"
import * as Rule from "../src/check/Rule.js"
import { printable } from "../src/redaction/Printable.js"
import { unmark } from "../test/blueprint/Marked.js"
import { check } from "../test/check/Checked.js"

const shownUnits = 1_500

/** By file name. */
export const pages = (): ReadonlyMap<string, string> =>
  new Map([
    ["README.md", index()],
    ...Object.entries(Rule.all).map(([code, rule]) => [`${code}.md`, page(code, rule)] as const)
  ])

const entries = Object.entries(examples)

const page = (code: string, rule: Rule.Rule): string => {
  const example = entries.find(([one]) => one === code)?.[1]
  const old = Object.entries(Rule.aliases).flatMap(([id, now]) => (now === code ? [`\`${id}\``] : []))
  return lines([
    `# ${code}: ${rule.title}`,
    "",
    `${level(code, rule)}${old.length === 0 ? "" : ` Formerly also ${old.join(", ")}.`}`,
    "",
    `${sentence(rule.why)}`,
    "",
    rule.explanation,
    "",
    ...(example === undefined || example.bad === "" ? [onlyPrograms, ""] : shown(example.bad, example.good)),
    "<!-- Written by `npm run rules-docs` from src/check. -->"
  ])
}

const onlyPrograms =
  "Only a pipeline that is written in TypeScript can have this fault: in a blueprint it cannot be said, or is found earlier under another code."

const shown = (marked: string, good: string): ReadonlyArray<string> => {
  const { text } = unmark(marked)
  if (text.length > shownUnits || good.length > shownUnits) return []
  const { diagnostics } = check(text)
  return [
    "This has the fault:",
    "",
    ...fenced("yaml", printable(text)),
    "",
    ...fenced("text", Diagnostics.renderAll(diagnostics)),
    "",
    "This has not:",
    "",
    ...fenced("yaml", good),
    ""
  ]
}

const fenced = (language: string, text: string): ReadonlyArray<string> => [
  `\`\`\`${language}`,
  ...text
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd()),
  "```"
]

const level = (code: string, { severity }: Rule.Rule): string => {
  if (Rule.isFixed(code)) return "An error: a blueprint with it cannot run, so it cannot be switched off or ignored."
  return `${severity === "error" ? "An error" : "A warning"} by default. \`rules.${code} = "off"\` in \`flujo.toml\` switches it off, \`# flujo: ignore ${code}\` hides one.`
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

const index = (): string => {
  const rows = Object.entries(Rule.all)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { severity, title }]) => `| [${code}](${code}.md) | ${severity} | ${title} |`)
  const old = Object.entries(Rule.aliases).map(([id, now]) => `| \`${id}\` | [${now}](${now}.md) |`)
  return lines([
    "# Rules",
    "",
    "What `flujo validate` finds. `flujo explain CODE` says the same on a terminal. How severities, comments and",
    "baselines work is in [checking.md](../checking.md).",
    "",
    "| Code | By default | What is wrong |",
    "| :-- | :-- | :-- |",
    ...rows,
    "",
    "## Old ids",
    "",
    "They go on working in settings and comments.",
    "",
    "| Id | Today |",
    "| :-- | :-- |",
    ...old,
    "",
    "<!-- Written by `npm run rules-docs` from src/check. -->"
  ])
}

const lines = (all: ReadonlyArray<string>): string => `${all.join("\n")}\n`
