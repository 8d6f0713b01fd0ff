/** All filters by name. */
import type { Filter } from "./Filter.js"
import * as FilterList from "./FilterList.js"
import * as FilterMap from "./FilterMap.js"
import * as FilterNumber from "./FilterNumber.js"
import * as FilterText from "./FilterText.js"
import type { Kind } from "./Kind.js"

const filters: Readonly<Record<string, Filter>> = {
  ...FilterList.filters,
  ...FilterMap.filters,
  ...FilterNumber.filters,
  ...FilterText.filters
}

/** Other names, as Jinja has them. */
const aliases: Readonly<Record<string, string>> = { count: "length", d: "default", e: "escape" }

/** The name under which a filter is known. */
export const named = (name: string): string => (Object.hasOwn(aliases, name) ? aliases[name]! : name)

/** By its own name. */
export const find = (name: string): Filter | undefined => (Object.hasOwn(filters, name) ? filters[name] : undefined)

export const answers = (name: string): Kind | undefined => find(name)?.answers

/** All names that may stand behind `|`. */
export const names: ReadonlyArray<string> = ["default", ...Object.keys(filters), ...Object.keys(aliases)].sort()
