/** `kind: hitl`, `wait` and `signal`: steps that wait, for a person, a time or something outside. */
import * as Option from "effect/Option"
import * as Template from "../../expression/Template.js"
import * as Instant from "../../pipeline/Instant.js"
import type { Node } from "../../pipeline/Node.js"
import * as Shape from "../../pipeline/Shape.js"
import * as Step from "../../pipeline/Step.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import * as JsonSchema from "../JsonSchema.js"
import * as Texts from "../Texts.js"

export const hitlKeys = ["message", "input_schema", "on_reject", "expires", "on_expiry"]

/** Without a message, what the step was given is the text. */
const inputItself = "{{ previous_step }}"

export const hitl = (env: Env, draft: Draft): Node => {
  const { fields } = draft
  const message = fields.value("message")
  const text = message === undefined ? undefined : Decode.word(env.report, message, "`message`")
  const read = text === undefined ? undefined : Texts.text(env.report, text)
  const onReject = fields.value("on_reject")
  const approves = onReject !== undefined && Decode.choice(env.report, onReject, "`on_reject`", ["fail"]) !== undefined
  const schema = fields.value("input_schema")
  if (onReject !== undefined && schema !== undefined) {
    Decode.oneOf(env.report, fields, ["on_reject", "input_schema"])
    return hole(env, draft)
  }
  const answer = schema === undefined ? Shape.any : JsonSchema.read(env.report, schema, "`input_schema`")
  const node = placed(
    env,
    draft,
    {
      _tag: "Ask",
      // An approval would call itself after the code that it is; in text it is of its kind.
      name: approves ? draft.name : draft.given,
      mode: approves ? "approve" : "ask",
      message: read?.template ?? Template.parse(inputItself),
      answer: answer ?? Shape.any
    },
    { texts: read?.origins ?? [] }
  )
  return expiring(env, draft, node, answer ?? Shape.any)
}

/** `expires` and `on_expiry`: a deadline, and what is answered when it comes first. */
const expiring = (env: Env, draft: Draft, node: Node, shape: Shape.Shape): Node => {
  const { fields } = draft
  const expires = fields.value("expires")
  const onExpiry = fields.value("on_expiry")
  if (expires === undefined) {
    const key = fields.key("on_expiry")
    if (key !== undefined && !fields.meant.has("expires")) {
      env.report.add("FLJ-BLUEPRINT-16", key.span, "`on_expiry` says what to do, and nothing says when", {
        hint: "write `expires`, for instance 2 days"
      })
    }
    return node
  }
  const millis = Decode.duration(env.report, expires, "`expires`", 1)
  if (millis === undefined) return node
  const timed = placed(env, draft, { _tag: "Timeout", step: node, millis }, { head: expires.span })
  if (onExpiry === undefined) return timed
  if (onExpiry._tag !== "Map") {
    Decode.choice(env.report, onExpiry, "`on_expiry`", ["fail"])
    return timed
  }
  const known = ["answer"]
  const instead = Decode.fields(env.report, onExpiry, "`on_expiry`", { of: "`on_expiry`", known })
  const answer =
    instead &&
    Decode.required(env.report, instead, "answer", {
      at: Decode.headOf(onExpiry),
      of: "`on_expiry`",
      hint: "what is taken for the answer; or write on_expiry: fail"
    })
  const approves = fields.key("on_reject")
  if (approves !== undefined) {
    Decode.oneOf(env.report, fields, ["on_reject", "on_expiry"])
    return timed
  }
  const read = answer && Texts.made(env.report, answer, "`answer`")
  if (read === undefined) return timed
  const given = placed(
    env,
    draft,
    { _tag: "Input", step: Step.pass("expired").node, input: read.params },
    { texts: read.origins, head: answer!.span }
  )
  const that =
    shape === Shape.any ? given : placed(env, draft, { _tag: "Check", step: given, input: undefined, output: shape })
  return placed(env, draft, { _tag: "Fallback", step: timed, that })
}

export const waitKeys = ["for", "until"]

export const wait = (env: Env, draft: Draft): Node => {
  const { fields, name } = draft
  const by = Decode.oneOf(env.report, fields, ["for", "until"])
  if (by === undefined) {
    Decode.required(env.report, fields, "for", {
      at: draft.origin.head,
      of: "a wait",
      hint: 'for: 2 hours, or until: "2030-01-31T09:00:00Z"'
    })
    return hole(env, draft)
  }
  const tree = fields.value(by)!
  if (by === "for") {
    const millis = Decode.duration(env.report, tree, "`for`", 0)
    return millis === undefined ? hole(env, draft) : placed(env, draft, { _tag: "Sleep", name, millis })
  }
  const text = Decode.word(env.report, tree, "`until`")
  if (text === undefined) return hole(env, draft)
  const read = Texts.text(env.report, text)
  if (read.template.isLiteral && Option.isNone(Instant.fromText(text.value))) {
    env.report.add("FLJ-BLUEPRINT-19", text.span, "`until` is not a time that can be read", {
      hint: "a date (2030-01-31), or a date with a time and its zone (2030-01-31T09:00:00Z)"
    })
  }
  return placed(env, draft, { _tag: "Sleep", name, millis: 0, until: read.template }, { texts: read.origins })
}

export const signalKeys = ["signal", "schema", "expires", "on_expiry"]

export const signal = (env: Env, draft: Draft): Node => {
  const { fields, name } = draft
  const named = fields.value("signal")
  const text = named === undefined ? undefined : Decode.word(env.report, named, "`signal`")
  const schema = fields.value("schema")
  const data = (schema === undefined ? undefined : JsonSchema.read(env.report, schema, "`schema`")) ?? Shape.any
  return expiring(
    env,
    draft,
    placed(env, draft, { _tag: "Signal", name, signal: text?.value.trim() ?? name, data }),
    data
  )
}
