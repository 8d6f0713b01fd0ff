/** The settings that hold here, each with where it was said. Values that may be secret are not among them. */
import * as Option from "effect/Option"
import * as Setting from "../project/Setting.js"
import { printable } from "../redaction/Printable.js"
import * as Workspace from "./Workspace.js"
import * as WrappingKeys from "./WrappingKeys.js"

export interface Row {
  readonly name: string
  readonly value: string
  readonly said: string
}

const keys = [
  "OPENAI_API_KEY",
  "ANTHROPIC_API_KEY",
  "GOOGLE_API_KEY",
  "OPENROUTER_API_KEY",
  "OPENAI_BASE_URL",
  "OLLAMA_BASE_URL",
  "OTEL_EXPORTER_OTLP_ENDPOINT"
] as const

export const all = (workspace: Workspace.Workspace): ReadonlyArray<Row> => {
  const { config, environment, redaction } = workspace
  const row = (name: string, value: string, source: Setting.Source): Row => ({
    name,
    value: printable(redaction.text(value)),
    said: printable(Setting.describe(source))
  })
  return [
    Option.match(config.root, {
      onNone: () => ({ name: "project", value: "none", said: "no flujo.toml or pipeline.yaml from here upwards" }),
      onSome: ({ source, value }) => row("project", value, source)
    }),
    row("state_uri", Workspace.stateOf(workspace), config.stateUri.source),
    row("state.durability", config.durability.value, config.durability.source),
    row("ledger.checkpoints", String(config.ledger.checkpoints.value), config.ledger.checkpoints.source),
    ...(config.ledger.key === undefined ? [] : [row("ledger.key", config.ledger.key.value, config.ledger.key.source)]),
    ...config.ledger.anchors.map(({ source, value }) =>
      row("ledger.anchors", value._tag === "File" ? value.path : value.url, source)
    ),
    ...(config.encryption.current === undefined
      ? []
      : [config.encryption.current, ...config.encryption.old].map(({ id, where }, i) =>
          row(i === 0 ? `encryption (${id})` : `encryption.old.${id}`, WrappingKeys.show(where.value), where.source)
        )),
    row("phi", String(config.phi.value), config.phi.source),
    row("template.undefined_variables", config.undefinedVariables.value, config.undefinedVariables.source),
    row("settings.test_mode", String(config.testMode.value), config.testMode.source),
    row("code.allow", ["skills/*", ...config.codeAllow.value].join(", "), config.codeAllow.source),
    ...Option.match(config.envFile, {
      onNone: () => [],
      onSome: ({ source, value }) => [row("env_file", value.found ? value.file : `${value.file} (not there)`, source)]
    }),
    ...keys.map((name) => ({
      name,
      value: (environment.get(name) ?? "") === "" ? "not set" : "set",
      said: "environment"
    }))
  ]
}

export const table = (rows: ReadonlyArray<Row>): string => {
  const width = (of: (row: Row) => string) => Math.max(...rows.map((row) => of(row).length))
  const [first, second] = [width(({ name }) => name), width(({ value }) => value)]
  return rows.map(({ name, said, value }) => `${name.padEnd(first)}  ${value.padEnd(second)}  ${said}`).join("\n")
}
