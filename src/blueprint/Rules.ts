/** What can be wrong with a blueprint's text. A code never changes its meaning; the old rule ids keep theirs. */
export type Severity = "error" | "warning"

export interface Rule {
  readonly severity: Severity
  readonly title: string
  /** One sentence: why this is refused. */
  readonly why: string
  /** What `flujo explain CODE` adds: the rule in full, and what to do. */
  readonly explanation: string
}

export const rules = {
  "FLJ-BLUEPRINT-1": {
    severity: "error",
    title: "not UTF-8",
    why: "a blueprint is text in UTF-8, so that everybody reads the same characters",
    explanation:
      "The file holds bytes that are no character in UTF-8. Save it as UTF-8; a byte order mark at its start is accepted. UTF-16 and Latin-1 are not guessed at."
  },
  "FLJ-BLUEPRINT-2": {
    severity: "error",
    title: "a character that cannot be seen",
    why: "control characters hide what a text says, and YAML does not allow them",
    explanation:
      "NUL and the other control characters, save tab and line breaks, are refused anywhere in the file. In a double-quoted text they can be written as escapes, such as \\x1b."
  },
  "FLJ-BLUEPRINT-3": {
    severity: "error",
    title: "too large a file",
    why: "a file has a limit, so that nobody can make reading it slow",
    explanation: "A blueprint has at most 1 MiB and 50,000 lines. Long prompts and data belong in files of their own."
  },
  "FLJ-BLUEPRINT-4": {
    severity: "error",
    title: "nested too deep",
    why: "each level costs stack, and a few thousand brackets would end the process",
    explanation: "Lists and maps stand at most 64 deep in one another, counted with what aliases repeat."
  },
  "FLJ-BLUEPRINT-5": {
    severity: "error",
    title: "too many parts",
    why: "the parts of a document are limited, so that nobody can make reading it slow",
    explanation:
      "A document has at most 50,000 keys, values and items, counted with what aliases repeat, 200,000 marks and words, 1,000 anchors, tags and directives, and 100 aliases."
  },
  "FLJ-BLUEPRINT-6": {
    severity: "error",
    title: "an alias that leads nowhere",
    why: "an alias (*name) repeats a finished part of the document that stands before it",
    explanation:
      "The name after * must be that of an anchor (&name) further up, and not of the part that the alias itself stands in: that would have no end."
  },
  "FLJ-BLUEPRINT-7": {
    severity: "error",
    title: "more than one document",
    why: "a file holds one blueprint",
    explanation: "A line of three dashes starts another YAML document. Remove it, or make two files."
  },
  "FLJ-BLUEPRINT-8": {
    severity: "error",
    title: "a tag",
    why: "a tag asks the reader to build something, and blueprints are plain data",
    explanation:
      "Only YAML's own tags for plain data are known: !!str !!int !!float !!bool !!null !!map !!seq. Others, such as !!js/function or !include, are refused and never looked up."
  },
  "FLJ-BLUEPRINT-9": {
    severity: "error",
    title: "one key twice",
    why: "only one of the two could count, and which one is not to be guessed",
    explanation:
      'A key stands once in a map. Keys are compared as text: true and "true" are the same. Remove one, or name it otherwise.'
  },
  "FLJ-BLUEPRINT-10": {
    severity: "error",
    title: "a key that is refused",
    why: "in JavaScript these names reach behind the data",
    explanation: "The keys __proto__, constructor and prototype are refused at any depth. Use another name."
  },
  "FLJ-BLUEPRINT-11": {
    severity: "error",
    title: "a tab as indentation",
    why: "YAML does not say how wide a tab is, so it counts as no indentation",
    explanation: "Indent with spaces, two a level is usual. Editors can be told to."
  },
  "FLJ-BLUEPRINT-12": {
    severity: "error",
    title: "not YAML",
    why: "from here on the text could be read in more than one way",
    explanation:
      "The text does not follow YAML 1.2. Only the first such place is shown, since the rest depends on it. Text with ': ', ' #', or with one of {}[]&*!|>'\"%@` at its start must be in quotes."
  },
  "FLJ-BLUEPRINT-13": {
    severity: "error",
    title: "an empty file",
    why: "there is nothing to run",
    explanation: "A blueprint is a map with at least the key steps, whose value is a list of steps."
  },
  "FLJ-BLUEPRINT-14": {
    severity: "error",
    title: "a template without quotes",
    why: "YAML reads { as the start of a map, not as text",
    explanation: 'A text that begins with {{ or {% must be in quotes: input: "{{ previous_step }}".'
  },
  "FLJ-BLUEPRINT-15": {
    severity: "error",
    title: "an unknown key",
    why: "a key that nobody reads would be silently without effect",
    explanation: "Keys that the language does not know at this place are errors, so that a slip is found here."
  },
  "FLJ-BLUEPRINT-16": {
    severity: "error",
    title: "something is missing",
    why: "nothing can be done without it",
    explanation: "The key named has no default. Write it."
  },
  "FLJ-BLUEPRINT-17": {
    severity: "error",
    title: "another kind of value is wanted",
    why: "values are never turned into another kind by guessing",
    explanation:
      "Text, number, true or false, list and map are told apart. A number or true that is meant as text stands in quotes."
  },
  "FLJ-BLUEPRINT-18": {
    severity: "error",
    title: "an unknown kind of step",
    why: "what the step should do is not known",
    explanation:
      "The kinds are: step, conditional, parallel, dynamic_router, loop, map, refine, StateMachine, hitl, wait, signal. Where a step has no kind it is a step."
  },
  "FLJ-BLUEPRINT-19": {
    severity: "error",
    title: "a value that is not allowed",
    why: "the value is of the right kind, but means nothing here",
    explanation: "The message says what is allowed. Everything that can grow has a limit in a stated range."
  },
  "FLJ-BLUEPRINT-20": {
    severity: "error",
    title: "keys that exclude each other",
    why: "each says something else about the same thing",
    explanation: "Keep the one that is meant."
  },
  "FLJ-BLUEPRINT-21": {
    severity: "error",
    title: "a template that cannot be read",
    why: "what stands between {{ and }} is one expression of flujo's template language",
    explanation:
      "An expression is made of names and keys, literals, arithmetic, comparisons, and or not in, a if c else b, filters behind | and tests behind is. docs/expressions.md has them all. Braces that are text are written \\{{."
  },
  "FLJ-BLUEPRINT-22": {
    severity: "error",
    title: "a schema that is not safe to use",
    why: "a schema is used on what strangers and models write, and must not reach out or hang",
    explanation:
      "A $ref stays in its own schema (#/$defs/…), $id and the like are not used, and a schema has at most 2,000 parts. A pattern has at most 200 characters and 4 open repetitions, repeats no group that itself repeats or offers alternatives that begin alike, and refers back to nothing. It is tested on texts of at most 4,096 characters; longer ones do not fit it."
  },
  "FLJ-BLUEPRINT-23": {
    severity: "warning",
    title: "an agent that no step uses",
    why: "perhaps a step was meant to use it",
    explanation: "Use it with uses: agents.NAME, or remove it."
  },
  "FLJ-BLUEPRINT-24": {
    severity: "error",
    title: "parameters that the skill does not take",
    why: "the skill would refuse them when it runs",
    explanation: "A skill declares what it takes. The step's own input fills the parameter that the skill names for it."
  },
  "FLJ-BLUEPRINT-25": {
    severity: "error",
    title: "fields that are not known",
    why: "what is written into the context must be known before anything runs",
    explanation:
      "updates_context: true writes each field that the step's output is known to have, by the output_schema of the step or its agent, or by its skill. Where these name no properties, list the fields: updates_context: [topic]."
  },
  "FLJ-BLUEPRINT-26": {
    severity: "warning",
    title: "an import that no step uses",
    why: "perhaps a step was meant to use it",
    explanation: "Use it with uses: imports.NAME, or remove it."
  },
  "FLJ-BLUEPRINT-27": {
    severity: "warning",
    title: "a template in a key",
    why: "only texts that are values are filled; the key keeps its braces",
    explanation:
      "In `input` and `params`, {{ … }} is filled where it stands in a value. Write a key that is known, with the template as its value, or build the map in a skill."
  },
  "FLJ-CODE-1": {
    severity: "error",
    title: "code that may not be loaded",
    why: "code does whatever it wants, so only the project says which files are loaded",
    explanation:
      "Files directly in skills/ may be loaded, and those that [code] allow of flujo.toml names: paths from the project's folder on, with * and **. The file lies inside the project, also where a link leads, and ends in .ts, .mts, .js or .mjs. Where blueprints come from strangers no code is loaded at all."
  },
  "FLJ-CODE-2": {
    severity: "error",
    title: "code that cannot be loaded",
    why: "the step would have nothing to run",
    explanation:
      "The file is not there, is not TypeScript, imports something that is not installed, or throws when it is loaded. The message says where."
  },
  "FLJ-CODE-3": {
    severity: "error",
    title: "an export that is not what is wanted",
    why: "the step would have nothing to run",
    explanation:
      'The file exports nothing of this name, or something else than a skill. A skill is made with Skill.make of "flujo" and has an id of its own, which none of the built-in ones and no other skill has; flujo.… is kept for those that come with flujo.'
  },
  "FLJ-KIND-1": {
    severity: "error",
    title: "what a kind of the project does not take",
    why: "the kind says by a schema what stands below it",
    explanation:
      "Kinds of the project's own are declared under [kinds] of flujo.toml. The message says what the schema of this one wants; `flujo dev schema` prints it with the language."
  },
  "FLJ-KIND-2": {
    severity: "error",
    title: "a kind that makes no step of this",
    why: "the step would have nothing to run",
    explanation:
      "A kind of the project's own is a function from what stands below it to a pipeline. For this document the function throws, or answers something else."
  },
  "FLJ-PROMPT-1": {
    severity: "error",
    title: "a prompt file that cannot be read",
    why: "the agent would not know what it is to do",
    explanation:
      "A path under from_file is relative to the file that it stands in, has / between its names, and stays inside the project: no absolute path, no URL, no symbolic link that leads out of it. It leads to a text in UTF-8 of at most 1 MiB."
  },
  "V-I1": {
    severity: "error",
    title: "an import that cannot be followed",
    why: "what the file says would be missing",
    explanation:
      "A path under imports is relative to the file that it stands in, has / between its names, and stays inside the project: no absolute path, no URL, no symbolic link that leads out of it. It leads to a file that may be read. At most 100 files of together 16 MiB are imported."
  },
  "V-I2": {
    severity: "error",
    title: "an unknown import",
    why: "a name that is not found would turn the step into one that does nothing",
    explanation: "imports.NAME is a file under imports: of the same file."
  },
  "V-I3": {
    severity: "error",
    title: "imports in a circle",
    why: "a pipeline that holds itself has no end",
    explanation:
      "A file may be imported by several others, but not by one that it imports itself. The message shows the way round."
  },
  "V-A6": {
    severity: "error",
    title: "an unknown agent or skill",
    why: "a name that is not found would turn the step into one that does nothing",
    explanation:
      "agents.NAME is an agent under agents: of the same file. Any other id is that of a skill, built in (flujo.builtins.…) or exported by a file in skills/ of the project; ./file.ts#name is a skill by its file."
  },
  "V-S1": {
    severity: "error",
    title: "a malformed schema",
    why: "a schema that is not understood checks nothing",
    explanation: "Schemas are JSON Schema 2020-12. Unknown keywords are errors, since a misspelt one checks nothing."
  },
  "V-L1": {
    severity: "warning",
    title: "a loop that can only fail",
    why: "without an exit it always runs max_loops times, and on_max: fail says that this is a failure",
    explanation: "Give the loop an exit_expression, or leave on_max out: a loop without an exit then succeeds."
  },
  "V-SM1": {
    severity: "error",
    title: "an unknown state",
    why: "a machine that is sent to a state which is not there could not go on",
    explanation: "start_state, from and to name a state under states, to and start_state may also name an end state."
  },
  "V-T3": {
    severity: "error",
    title: "an unknown filter or test",
    why: "the language has no filter or test of this name",
    explanation: "docs/expressions.md lists all filters, which stand behind |, and tests, which stand behind is."
  },
  "TEMPLATE-001": {
    severity: "error",
    title: "a block that does not fit",
    why: "what the block is, or where it ends, is not known",
    explanation:
      "Blocks are {% if %}, {% elif %}, {% else %}, {% endif %}; {% for %}, {% else %}, {% endfor %}; {% set %}, {% endset %}; comments are {# … #}. Each stands in a text, never in a condition, and each is closed. Braces that are text are written \\{%."
  }
} as const satisfies Record<string, Rule>

export type Code = keyof typeof rules
