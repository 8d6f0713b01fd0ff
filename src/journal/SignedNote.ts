/**
 * Signed notes (C2SP `signed-note`) with Ed25519 keys, and the checkpoints of a log that are written as such
 * (C2SP `tlog-checkpoint`): text that people can read and keep, and that other tools verify.
 *
 * ```text
 * flujo-ledger/3f0a…      origin: names the log and its key
 * 42                      how many leaves
 * CsUYapGGPo4dkMgIAUqom…  root of the tree over them, base64
 *
 * — flujo-ledger/3f0a… Az3grlgtz…
 * ```
 */

import type { KeyObject } from "node:crypto"
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto"

/** A public key under its name: what whoever verifies must know. */
export interface Verifier {
  readonly name: string
  /** 32 bytes. */
  readonly key: Uint8Array
}

export interface Signer extends Verifier {
  readonly sign: (text: string) => Buffer
}

/** The text and what stands below it. */
export interface Note {
  /** Ends with a line feed. */
  readonly text: string
  readonly signatures: ReadonlyArray<{ readonly name: string; readonly id: string; readonly bytes: Buffer }>
}

const algorithm = 1

const idOf = ({ key, name }: Verifier): Buffer =>
  createHash("sha256").update(`${name}\n`).update(Buffer.of(algorithm)).update(key).digest().subarray(0, 4)

/** `name+id+key`, as `verifierOf` reads it. */
export const showVerifier = (verifier: Verifier): string =>
  `${verifier.name}+${idOf(verifier).toString("hex")}+${Buffer.concat([Buffer.of(algorithm), verifier.key]).toString("base64")}`

export const verifierOf = (text: string): Verifier | undefined => {
  const found = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text.trim())
  if (found === null) return undefined
  const bytes = Buffer.from(found[3]!, "base64")
  if (bytes.length !== 33 || bytes[0] !== algorithm) return undefined
  const verifier = { name: found[1]!, key: bytes.subarray(1) }
  return idOf(verifier).toString("hex") === found[2] ? verifier : undefined
}

/** What stands before the 32 bytes of an Ed25519 key in SubjectPublicKeyInfo (RFC 8410). */
const publicPrefix = Buffer.from("302a300506032b6570032100", "hex")

const publicBytes = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: "der", type: "spki" }).subarray(publicPrefix.length)

/** The name says which key it is, so another key is another name. */
const nameOf = (key: Uint8Array): string =>
  `flujo-ledger/${createHash("sha256").update(key).digest("hex").slice(0, 16)}`

/** PEM of a new private key. */
export const generate = (): string =>
  generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString()

/** Undefined: the text is no private Ed25519 key. */
export const signerOf = (pem: string): Signer | undefined => {
  try {
    const secret = createPrivateKey(pem)
    if (secret.asymmetricKeyType !== "ed25519") return undefined
    const key = publicBytes(secret)
    return { name: nameOf(key), key, sign: (text) => sign(null, Buffer.from(text), secret) }
  } catch {
    return undefined
  }
}

export const make = (text: string, signer: Signer): string => {
  const bytes = Buffer.concat([idOf(signer), signer.sign(text)])
  return `${text}\n— ${signer.name} ${bytes.toString("base64")}\n`
}

const signaturesMax = 64

/** Undefined: it is no signed note. */
export const parse = (note: string): Note | undefined => {
  const end = note.lastIndexOf("\n\n")
  if (end === -1 || !note.endsWith("\n")) return undefined
  const lines = note.slice(end + 2, -1).split("\n")
  if (lines.length > signaturesMax) return undefined
  const signatures: Array<Note["signatures"][number]> = []
  for (const line of lines) {
    const found = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line)
    const bytes = found === null ? undefined : Buffer.from(found[2]!, "base64")
    // One signature has one form.
    if (found === null || bytes === undefined || bytes.length < 5 || bytes.toString("base64") !== found[2]) {
      return undefined
    }
    signatures.push({ name: found[1]!, id: bytes.subarray(0, 4).toString("hex"), bytes: bytes.subarray(4) })
  }
  return { text: note.slice(0, end + 1), signatures }
}

/** Whether `verifier` signed it, whoever else did. */
export const isSignedBy = ({ signatures, text }: Note, verifier: Verifier): boolean => {
  const id = idOf(verifier).toString("hex")
  const own = signatures.filter((one) => one.name === verifier.name && one.id === id)
  if (own.length === 0) return false
  const key = createPublicKey({
    key: Buffer.concat([publicPrefix, verifier.key]),
    format: "der",
    type: "spki"
  })
  return own.every(({ bytes }) => verify(null, Buffer.from(text), key, bytes))
}

export interface Checkpoint {
  readonly origin: string
  readonly size: number
  /** 32 bytes. */
  readonly root: Buffer
}

export const checkpointText = ({ origin, root, size }: Checkpoint): string =>
  `${origin}\n${size}\n${root.toString("base64")}\n`

/** Of a note's text; lines after the third are others' and are let be. Undefined: it is no checkpoint. */
export const checkpointOf = (text: string): Checkpoint | undefined => {
  const [origin, size, root] = text.split("\n")
  if (origin === undefined || origin === "" || !/^(0|[1-9]\d{0,14})$/.test(size ?? "")) return undefined
  const bytes = Buffer.from(root ?? "", "base64")
  return bytes.length === 32 && bytes.toString("base64") === root
    ? { origin, size: Number(size), root: bytes }
    : undefined
}
