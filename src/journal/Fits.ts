/**
 * Whether a value is one that a schema decodes to itself, found without copying it: what is read from a store is checked so,
 * several times as fast as it is decoded. Only schemas without transformations can be asked; of a value that does not fit, the
 * schema itself tells what is wrong.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import * as Json from "../domain/Json.js"

export type Fits = (value: unknown) => boolean

/** More than a schema knows does not fit. */
export const exact = { onExcessProperty: "error" } as const

/** Undefined: ask the schema. */
export const of = (schema: Schema.Schema.AnyNoContext): Fits | undefined => compile(schema.ast)

const compile = (ast: AST.AST): Fits | undefined => {
  if (ast === Json.Json.ast) return (value) => Either.isRight(Json.fromUnknown(value))
  switch (ast._tag) {
    case "UnknownKeyword":
      return () => true
    case "UndefinedKeyword":
      return (value) => value === undefined
    case "StringKeyword":
      return (value) => typeof value === "string"
    case "NumberKeyword":
      return (value) => typeof value === "number"
    case "BooleanKeyword":
      return (value) => typeof value === "boolean"
    case "Literal":
      return (value) => value === ast.literal
    case "Refinement": {
      const from = compile(ast.from)
      return from && ((value) => from(value) && Option.isNone(ast.filter(value, exact, ast)))
    }
    case "Union": {
      const all = every(ast.types)
      return all && ((value) => all.some((fits) => fits(value)))
    }
    case "TupleType":
      return tuple(ast)
    case "TypeLiteral":
      return struct(ast)
    default:
      return undefined
  }
}

const every = (asts: ReadonlyArray<AST.AST>): ReadonlyArray<Fits> | undefined => {
  const all: Array<Fits> = []
  for (const ast of asts) {
    const fits = compile(ast)
    if (fits === undefined) return undefined
    all.push(fits)
  }
  return all
}

const tuple = ({ elements, rest }: AST.TupleType): Fits | undefined => {
  if (rest.length > 1 || elements.some(({ isOptional }) => isOptional)) return undefined
  const first = every(elements.map(({ type }) => type))
  const others = every(rest.map(({ type }) => type))
  if (first === undefined || others === undefined) return undefined
  const [other] = others
  return (value) => {
    if (!Array.isArray(value) || value.length < first.length) return false
    if (other === undefined && value.length > first.length) return false
    for (let i = 0; i < value.length; i++) if (!(first[i] ?? other!)(value[i])) return false
    return true
  }
}

const struct = ({ indexSignatures, propertySignatures }: AST.TypeLiteral): Fits | undefined => {
  if (indexSignatures.length > 0) return undefined
  // Such a schema lets through whatever is not nullish.
  if (propertySignatures.length === 0) return (value) => value !== null && value !== undefined
  const types = every(propertySignatures.map(({ type }) => type))
  if (types === undefined || propertySignatures.some(({ name }) => typeof name !== "string")) return undefined
  const names = propertySignatures.map(({ name }) => String(name))
  const isOptional = propertySignatures.map((signature) => signature.isOptional)
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false
    let known = 0
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      if (!Object.hasOwn(value, name)) {
        if (isOptional[i] !== true) return false
        continue
      }
      if (!types[i]!((value as { readonly [name: string]: unknown })[name])) return false
      known += 1
    }
    return Object.keys(value).length === known
  }
}
