/** What a key is for, a kind is and a name stands for, where the pointer rests on it. */
import * as Language from "../blueprint/Language.js"
import type { Json } from "../domain/Json.js"
import type { Span } from "../expression/Template.js"
import * as Cursor from "./Cursor.js"
import type { Document } from "./Document.js"
import * as Outline from "./Outline.js"

export const at = (document: Document, offset: number): Json => {
  const tree = document.tree
  const outline = Outline.of(tree)
  const show = (span: Span, ...lines: ReadonlyArray<string>): Json => ({
    contents: { kind: "markdown", value: lines.join("\n\n") },
    range: document.range(span)
  })
  const found = Cursor.keyAt(outline, offset)
  if (found !== undefined) {
    const { key, place } = found
    const known = Object.hasOwn(place.keys, key.text) ? place.keys[key.text] : undefined
    return known === undefined || known.about === "" ? null : show(key.span, ...aboutKey(key.text, known))
  }
  for (const { key, tree: value } of Cursor.slotsAt(outline, offset)) {
    const written = Outline.text(value)
    if (written === undefined) continue
    const kind =
      key === "kind" && Object.hasOwn(Language.kinds, written.text) ? Language.kinds[written.text] : undefined
    if (kind !== undefined) return show(written.span, `**kind: ${written.text}**`, kind.about)
    const [, group, name] = /^(agents|imports)\.(.+)$/.exec(written.text) ?? []
    if (group === undefined || name === undefined) continue
    const target = Outline.valueOf(Outline.valueOf(tree, group), name)
    const said = Outline.text(group === "agents" ? Outline.valueOf(target, "model") : target)
    if (said !== undefined) return show(written.span, `**${written.text}**`, inCode(said.text))
  }
  return null
}

/** In Markdown. The example is JSON, which is YAML too. */
export const aboutKey = (name: string, { about, example }: Language.Key): ReadonlyArray<string> => [
  `**${name}**`,
  about,
  ...(example === null ? [] : [`\`\`\`yaml\n${name}: ${JSON.stringify(example)}\n\`\`\``])
]

const inCode = (text: string): string => `\`${text.replaceAll("`", "'").slice(0, 200)}\``
