/**
 * Where in the text each node of a pipeline was written, and each of its templates, so that what a planner finds in the
 * tree can be shown in the file.
 */
import type { Span } from "../expression/Template.js"
import type { Prompt } from "../pipeline/Agent.js"
import type { Node } from "../pipeline/Node.js"
import type { AnySkill } from "../pipeline/Skill.js"
import type { Reference } from "./Code.js"
import type { Source } from "./Source.js"

/** A template of a node, with the way from a piece of it to the file. */
export interface Text {
  readonly source: string
  readonly within: (span: Span) => Span
  /** Where it does not stand in the file of its node. */
  readonly file?: Source | undefined
}

export interface Origin {
  /** The file that it stands in. */
  readonly source: Source
  /** All that was written for it. */
  readonly whole: Span
  /** What to point at: its name, or else its kind or first key. */
  readonly head: Span
  readonly isNamed: boolean
  readonly texts: ReadonlyArray<Text>
  /** Keys of branches. */
  readonly branches: ReadonlyMap<string, Span>
}

export class Origins {
  private constructor(
    private readonly source: Source,
    private readonly byNode: WeakMap<Node, Origin>,
    private readonly faulty: WeakSet<Node>,
    /** Nodes that were not written themselves, each with the written one that they are made for. */
    private readonly enclosing: WeakMap<Node, Node>,
    /** Skills that are named by their files. */
    private readonly references: WeakMap<AnySkill, Reference>,
    /** Texts of prompts. */
    private readonly prompts: WeakMap<Prompt, ReadonlyArray<Text>>,
    /** Whether every field that a step writes could be read: else nothing is said of fields that are not there. */
    private readonly whole: { isContext: boolean }
  ) {}

  static of(source: Source): Origins {
    return new Origins(source, new WeakMap(), new WeakSet(), new WeakMap(), new WeakMap(), new WeakMap(), {
      isContext: true
    })
  }

  /** For the nodes of another file of the same whole. */
  within(source: Source): Origins {
    return new Origins(source, this.byNode, this.faulty, this.enclosing, this.references, this.prompts, this.whole)
  }

  put(node: Node, origin: Partial<Omit<Origin, "source">> & { readonly whole: Span }): void {
    const { source } = this
    this.byNode.set(node, { source, head: origin.whole, isNamed: true, texts: [], branches: new Map(), ...origin })
  }

  /** The text names this skill by its file. */
  refer(skill: AnySkill, reference: Reference): void {
    this.references.set(skill, reference)
  }

  referenceOf(skill: AnySkill): Reference | undefined {
    return this.references.get(skill)
  }

  putPrompt(prompt: Prompt, texts: ReadonlyArray<Text>): void {
    this.prompts.set(prompt, texts)
  }

  promptTexts(prompt: Prompt): ReadonlyArray<Text> {
    return this.prompts.get(prompt) ?? []
  }

  get isContextWhole(): boolean {
    return this.whole.isContext
  }

  /** A field that a step writes could not be read. */
  markContext(): void {
    this.whole.isContext = false
  }

  get(node: Node): Origin | undefined {
    return this.byNode.get(node)
  }

  /** `inner` was made for `written`, so that whatever is wrong with it is shown there. */
  enclose(inner: Node, written: Node): void {
    this.enclosing.set(inner, written)
  }

  /** Of the node, or of the one that it was made for. */
  nearest(node: Node): Origin | undefined {
    const own = this.get(node)
    if (own !== undefined) return own
    const written = this.enclosing.get(node)
    return written && this.get(written)
  }

  /** A changed copy of a node stands where the node did. */
  like<N extends Node>(node: Node, copy: N): N {
    const origin = this.get(node)
    if (origin !== undefined) this.byNode.set(copy, origin)
    return copy
  }

  /** What stands for something that could not be read: nothing that follows from it is worth saying. */
  markFaulty(node: Node): void {
    this.faulty.add(node)
  }

  isFaulty(node: Node): boolean {
    return this.faulty.has(node)
  }
}
