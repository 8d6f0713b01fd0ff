/**
 * Keys called `__proto__`. Effect's records (`Schema.Record`, 3.22) build their results by assignment, which loses such a
 * key, or takes its value for the prototype of the result. Values that go through a record are looked at before.
 */
import type * as AST from "effect/SchemaAST"
import * as Json from "../../domain/Json.js"

/** Whether values of the schema may go through a record. */
export const hasRecord = (ast: AST.AST, seen: Set<AST.AST> = new Set()): boolean => {
  if (seen.has(ast)) return false
  seen.add(ast)
  const has = (inner: AST.AST): boolean => hasRecord(inner, seen)
  switch (ast._tag) {
    case "TypeLiteral":
      return ast.indexSignatures.length > 0 || ast.propertySignatures.some(({ type }) => has(type))
    case "TupleType":
      return ast.elements.some(({ type }) => has(type)) || ast.rest.some(({ type }) => has(type))
    case "Union":
      return ast.types.some(has)
    case "Suspend":
      return has(ast.f())
    case "Refinement":
      return has(ast.from)
    case "Transformation":
      return has(ast.from) || has(ast.to)
    case "Declaration":
      return ast.typeParameters.some(has)
    default:
      return false
  }
}

/** Whether `value` has the key, as far down as values may be nested. */
export const hasProto = (value: unknown, depth = 0): boolean => {
  if (typeof value !== "object" || value === null || depth > Json.depthMax) return false
  if (Object.hasOwn(value, "__proto__")) return true
  return Object.values(value).some((inner) => hasProto(inner, depth + 1))
}
