/** Times as a blueprint writes them. */

const units = [
  ["w", 604_800_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000]
] as const

/** The largest unit that says it exactly. */
export const duration = (millis: number): string => {
  const unit = millis === 0 ? undefined : units.find(([, scale]) => millis % scale === 0)
  return unit === undefined ? `${millis}ms` : `${millis / unit[1]}${unit[0]}`
}
