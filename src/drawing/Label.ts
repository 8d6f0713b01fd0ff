/** Words of a pipeline as they are shown: on one line, short, and without a character that hides or turns others. */
import { excerpt } from "../redaction/Printable.js"

export const labelMax = 48

export const label = (text: string, max = labelMax): string => excerpt(text, max)
