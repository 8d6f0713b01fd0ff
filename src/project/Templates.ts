/**
 * What `flujo init` writes: five files as data, and a plan of what writing them would do. Nothing of the user's is lost
 * by it: without `force` an existing file is kept, with it only files of these names are overwritten, and `.gitignore`,
 * which is shared with others, is only ever added to. Planning over what an earlier plan wrote changes nothing.
 */

/** Texts by file name, relative to the project. */
export type Templates = Readonly<Record<string, string>>

/** The order is that in which they are shown and written. */
export const templates: Templates = {
  "flujo.toml": `# What flujo reads about this project. All keys are optional.

# Where runs are kept: a path relative to this folder (three slashes), or memory:// for nowhere.
# state_uri = "sqlite:///.flujo/state.db"

# Variables such as API keys, for example copied from .env.example. What is already set stays as it is.
env_file = ".env"

# "full" survives a power cut, "normal" a killed process. "normal" is faster.
state.durability = "full"

# State in memory unless a state URI is given.
settings.test_mode = false

# What \`flujo validate\` makes of a finding: "off", "warning" or "error". \`flujo explain\` lists the codes.
# rules.V-A5 = "off"

# Keys are written with a dot (settings.test_mode) rather than below a header ([settings]), so that a line that is added
# at the end of this file is still about the whole project.
`,
  "pipeline.yaml": `# yaml-language-server: $schema=flujo.schema.json
# Run it with: flujo run --input "some text", or flujo run --input-file FILE
version: "0.1"
name: "digest"

agents:
  summarizer:
    # A small text engine inside flujo: no key, no network. Try "openai:gpt-4o" with OPENAI_API_KEY set.
    model: "offline:text"
    system_prompt: "Summarize the text in three sentences."
    output_schema: { type: string }

steps:
  - kind: step
    name: summarize
    uses: agents.summarizer
    input: "{{ initial_prompt }}"

  - kind: step
    name: as_text
    agent: { id: "flujo.builtins.stringify" }
    input: "{{ previous_step }}"
`,
  ".env.example": `# Copy to .env and fill in. Never commit .env.
# OPENAI_API_KEY=
# OPENAI_BASE_URL=
`,
  "README.md": `# A flujo project

| File | What it is |
| :-- | :-- |
| \`pipeline.yaml\` | the workflow |
| \`flujo.toml\` | where runs are kept, and other settings |
| \`.env.example\` | the variables it may need; copy it to \`.env\` |
| \`flujo.schema.json\` | the language, for completion in editors; \`flujo dev schema\` writes it anew |
| \`.flujo/\` | the runs, written as they happen |

\`\`\`bash
flujo validate                     # is the workflow sound?
flujo run --input "Some text ..."  # run it
flujo lens list                    # what has run
flujo lens trace last              # what happened in it, step by step
\`\`\`
`,
  ".gitignore": `.flujo/
.env
`
}

export interface Action {
  readonly file: string
  /**
   * `create`: it is not there. `unchanged`: it is there as it would be written. `keep`: it is there and other, and stays
   * because `force` was not given. `overwrite`: as before, and it was given. `extend`: lines are added at its end.
   * `blocked`: something else than a text file is there, and stays.
   */
  readonly action: "create" | "unchanged" | "keep" | "overwrite" | "extend" | "blocked"
  /** What the file holds afterwards; absent where it stays what it is. */
  readonly content?: string
}

/**
 * What writing `templates`, and `more` behind them, would do. `existing` has, by name, the text of each file that is there, and `null` for
 * anything there that is no readable text file.
 */
export const plan = (
  existing: ReadonlyMap<string, string | null>,
  { force, more = {} }: { readonly force: boolean; readonly more?: Templates }
): ReadonlyArray<Action> =>
  Object.entries({ ...templates, ...more }).map(([file, content]): Action => {
    const there = existing.get(file)
    if (there === undefined) return { file, action: "create", content }
    if (there === null) return { file, action: "blocked" }
    if (there === content) return { file, action: "unchanged" }
    if (file === ".gitignore") return extension(file, there, content)
    return force ? { file, action: "overwrite", content } : { file, action: "keep" }
  })

const extension = (file: string, there: string, content: string): Action => {
  const present = new Set(there.split(/\r?\n/).map((line) => line.trim()))
  const missing = content.split("\n").filter((line) => line !== "" && !present.has(line))
  if (missing.length === 0) return { file, action: "unchanged" }
  const before = there === "" || there.endsWith("\n") ? there : `${there}\n`
  return { file, action: "extend", content: `${before}${missing.join("\n")}\n` }
}
