/** JSON whose texts are templates. */
import type { Json } from "../domain/Json.js"
import * as Template from "../expression/Template.js"

export type Params =
  | { readonly _tag: "Text"; readonly template: Template.Template }
  | { readonly _tag: "List"; readonly items: ReadonlyArray<Params> }
  | { readonly _tag: "Map"; readonly fields: ReadonlyArray<readonly [string, Params]> }
  | { readonly _tag: "Value"; readonly value: Json }

/** As it is written: templates as their text. */
export const paramsJson = (params: Params): Json => {
  switch (params._tag) {
    case "Text":
      return params.template.source
    case "Value":
      return params.value
    case "List":
      return params.items.map(paramsJson)
    case "Map":
      return Object.fromEntries(params.fields.map(([name, value]) => [name, paramsJson(value)]))
  }
}

/** A text without a brace is that text and no template. */
export const fromJson = (json: Json): Params => {
  if (typeof json === "string") {
    return json.includes("{") ? { _tag: "Text", template: Template.parse(json) } : { _tag: "Value", value: json }
  }
  if (typeof json !== "object" || json === null) return { _tag: "Value", value: json }
  if (Array.isArray(json)) return { _tag: "List", items: json.map((item: Json) => fromJson(item)) }
  return { _tag: "Map", fields: Object.entries(json).map(([name, value]) => [name, fromJson(value)] as const) }
}
