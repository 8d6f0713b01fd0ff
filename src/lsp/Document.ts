/**
 * An open document: its text as the editor has it, and the way between the editor's positions (lines and UTF-16 units from
 * 0) and the places of the checker (offsets in the text without a byte order mark).
 */

import { fileURLToPath } from "node:url"
import * as Either from "effect/Either"
import { TextDocument } from "vscode-languageserver-textdocument"
import * as Bytes from "../blueprint/Bytes.js"
import * as Diagnostics from "../blueprint/Diagnostics.js"
import * as Read from "../blueprint/Read.js"
import type { Tree } from "../blueprint/Tree.js"
import { get, type Json, type JsonObject } from "../domain/Json.js"
import type { Span } from "../expression/Template.js"

export interface Position {
  readonly line: number
  readonly character: number
}

export class Document {
  /** The last tree that could be read, and whether it is that of the text as it is now. */
  private read: { readonly version: number; readonly tree: Tree | undefined } | undefined = undefined
  private last: Tree | undefined = undefined

  private constructor(private inner: TextDocument) {}

  static open(uri: string, version: number, text: string): Document {
    return new Document(TextDocument.create(uri, "yaml", version, text))
  }

  get uri(): string {
    return this.inner.uri
  }

  get version(): number {
    return this.inner.version
  }

  /** `undefined`: it is in no file, such as one that was never saved. */
  get file(): string | undefined {
    return fileOf(this.uri)
  }

  /** Without a byte order mark. */
  get text(): string {
    return this.inner.getText().slice(this.shift)
  }

  private get shift(): number {
    return this.inner.getText().startsWith("\ufeff") ? 1 : 0
  }

  /** False where the changes are not such as the protocol has. */
  change(changes: Json | undefined, version: number): boolean {
    if (!Array.isArray(changes)) return false
    const edits: Array<{ text: string } | { range: { start: Position; end: Position }; text: string }> = []
    for (const change of changes) {
      const text = get(change, "text")
      if (typeof text !== "string") return false
      const range = get(change, "range")
      if (range === undefined) {
        edits.push({ text })
        continue
      }
      const start = positionOf(get(range, "start"))
      const end = positionOf(get(range, "end"))
      if (start === undefined || end === undefined) return false
      edits.push({ range: { start, end }, text })
    }
    this.inner = TextDocument.update(this.inner, edits, version)
    return true
  }

  offsetAt(position: Position): number {
    return Math.max(0, this.inner.offsetAt(position) - this.shift)
  }

  /** Of a range as the protocol has it. */
  spanOf(range: Json | undefined): Span | undefined {
    const start = positionOf(get(range, "start"))
    const end = positionOf(get(range, "end"))
    return start === undefined || end === undefined
      ? undefined
      : { start: this.offsetAt(start), end: this.offsetAt(end) }
  }

  range({ end, start }: Span): JsonObject {
    return { start: this.position(start), end: this.position(end) }
  }

  private position(offset: number): JsonObject {
    const { character, line } = this.inner.positionAt(offset + this.shift)
    return { line, character }
  }

  /** Of the text as it is; `undefined` where it cannot be read. */
  get tree(): Tree | undefined {
    if (this.read?.version !== this.version) {
      const tree = treeOf(this.text)
      this.read = { version: this.version, tree }
      this.last = tree ?? this.last
    }
    return this.read.tree
  }

  /** Of the text as it is, or as it was when it could last be read. */
  get lastTree(): Tree | undefined {
    return this.tree ?? this.last
  }
}

export const treeOf = (text: string): Tree | undefined =>
  Either.match(Bytes.read({ path: "", text }), {
    onLeft: () => undefined,
    onRight: (source) => Read.read(new Diagnostics.Report(source))
  })

export const fileOf = (uri: string): string | undefined => {
  if (!uri.startsWith("file:")) return undefined
  try {
    return fileURLToPath(uri)
  } catch {
    return undefined
  }
}

export const positionOf = (json: Json | undefined): Position | undefined => {
  const line = get(json, "line")
  const character = get(json, "character")
  return isCount(line) && isCount(character) ? { line, character } : undefined
}

const isCount = (json: Json | undefined): json is number =>
  typeof json === "number" && Number.isSafeInteger(json) && json >= 0
