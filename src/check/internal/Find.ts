/** What a rule says what it found with. */
import type { Span, Template } from "../../expression/Template.js"
import type { Node } from "../../pipeline/Node.js"
import type { Code } from "../Rule.js"
import type { Seen } from "../Visit.js"

export type Find = (
  code: Code | "V-L1",
  seen: Seen,
  message: string,
  more?: {
    readonly hint?: string | undefined
    /** Where not the node that the walk is at. */
    readonly node?: Node | undefined
    readonly template?: { readonly of: Template; readonly span: Span } | undefined
    /** A piece of that template, and what is to stand in its place. */
    readonly repair?: { readonly span: Span; readonly text: string } | undefined
  }
) => void
