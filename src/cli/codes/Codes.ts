/** Every code that can be shown, with what `flujo explain` says about it. */
import * as Blueprint from "../../blueprint/Rules.js"
import * as Check from "../../check/Rule.js"
import * as Plan from "../../plan/Finding.js"
import { exits } from "../Fault.js"
import * as Cli from "./Cli.js"
import * as Code from "./Code.js"
import * as Encryption from "./Encryption.js"
import * as Engine from "./Engine.js"
import { type Explained, explained } from "./Explained.js"
import * as Journal from "./Journal.js"
import * as Ledger from "./Ledger.js"
import * as Project from "./Project.js"
import * as Steps from "./Steps.js"

const ofRules = (
  rules: Readonly<Record<string, { readonly title: string; readonly explanation: string; readonly why?: string }>>
): ReadonlyArray<Explained> =>
  Object.entries(rules).map(([code, { explanation, title, why }]) =>
    explained(code, exits.invalid, title, why === undefined ? explanation : `${sentence(why)} ${explanation}`)
  )

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

export const all: ReadonlyArray<Explained> = [
  ...ofRules(Blueprint.rules),
  ...ofRules(Plan.rules),
  ...ofRules(Check.rules),
  ...[
    Engine.runErrors,
    { stepFailed: Engine.stepFailed },
    Steps.stepErrors,
    { budgetExceeded: Steps.budgetExceeded },
    Steps.agentErrors,
    Steps.skillErrors,
    Steps.modelErrors,
    Steps.templateErrors,
    Steps.registryErrors,
    Journal.journalErrors,
    Journal.letterRefusals,
    Ledger.ledgerErrors,
    Encryption.encryptionErrors,
    Project.projectErrors,
    { Clash: Code.codeErrors.Clash },
    Cli.cliErrors
  ].flatMap((table: Readonly<Record<string, Explained>>) => Object.values(table))
]

const byCode = new Map(all.map((one) => [one.code, one]))

/** However it is typed. */
export const find = (code: string): Explained | undefined => byCode.get(code.trim().toUpperCase())
