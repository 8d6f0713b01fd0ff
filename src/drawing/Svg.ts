/** A pipeline as a picture: SVG that follows the reader's dark or light theme, and tells itself to screen readers. */
import { label } from "./Label.js"
import * as Layout from "./Layout.js"
import type { Piece } from "./Piece.js"

/** `auto`: as the reader's system is set. */
export type Theme = "auto" | "dark" | "light"

export const toText = (name: string, pieces: ReadonlyArray<Piece>, theme: Theme = "auto"): string => {
  const { boxes, height, lines, width } = Layout.of(pieces)
  const size = `width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}"`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(label(name))}</title>`,
    `<desc id="desc">${escaped(pieces.map((piece) => `${label(piece.name)} ${label(piece.does)}`).join("; "))}</desc>`,
    `<style>${style(theme)}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
    `<rect class="page" width="${round(width)}" height="${round(height)}"/>`,
    ...boxes.filter(({ isFrame }) => isFrame).map(box),
    ...lines.map(line),
    ...boxes.filter(({ isFrame }) => !isFrame).map(box),
    ...lines.flatMap(lineLabel),
    "</svg>"
  ].join("\n")
}

const light =
  ":root{--page:#ffffff;--ink:#1f2430;--dim:#5b6472;--line:#8a93a3;--plain:#f3f5f8;--frame:#fafbfc;--agent:#e5edff;--skill:#e4f6ea;--person:#fff0d9;--choice:#f3e8ff}"
const dark =
  ":root{--page:#14171d;--ink:#eceff5;--dim:#a4adbb;--line:#6d7788;--plain:#232831;--frame:#191d24;--agent:#1d2d52;--skill:#17392a;--person:#46330f;--choice:#38254f}"

const style = (theme: Theme): string =>
  [
    theme === "dark" ? dark : light,
    ...(theme === "auto" ? [`@media (prefers-color-scheme:dark){${dark}}`] : []),
    "text{font:12px ui-sans-serif,system-ui,'DejaVu Sans',sans-serif;fill:var(--dim)}",
    ".name{font-weight:600;fill:var(--ink)}.page{fill:var(--page)}.tip{fill:var(--line)}",
    ".box{fill:var(--plain);stroke:var(--line)}.frame{fill:var(--frame);stroke:var(--line);stroke-dasharray:5 4}",
    ".agent{fill:var(--agent)}.skill{fill:var(--skill)}.question,.approval{fill:var(--person)}.choice,.fallback{fill:var(--choice)}",
    ".line{fill:none;stroke:var(--line);stroke-width:1.5}.tag{fill:var(--page)}"
  ].join("")

const box = ({ height, isFrame, lines, piece, width, x, y }: Layout.Box): string => {
  const texts = lines.map((text, index) => {
    const at = y + 12 + Layout.lineHeight * (index + 0.75)
    const middle = isFrame ? x + 14 : x + width / 2
    const anchor = isFrame ? "start" : "middle"
    return `<text${index === 0 ? ' class="name"' : ""} x="${round(middle)}" y="${round(at)}" text-anchor="${anchor}">${escaped(text)}</text>`
  })
  const kind = isFrame ? "frame" : `box ${piece.kind}`
  return `<g><title>${escaped(label(piece.path, 200))}</title><rect class="${kind}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="8"/>${texts.join("")}</g>`
}

const line = ({ from, isArrow, to }: Layout.Line): string => {
  // It goes aside near the end that is shared, so that lines of one choice lie on each other and cross nothing.
  const turn = isArrow || to.y - from.y > 40 ? from.y + 14 : to.y - 14
  const bend = isArrow ? turn : to.y - 14
  const way = from.x === to.x ? `V${round(to.y)}` : `V${round(bend)}H${round(to.x)}V${round(to.y)}`
  return `<path class="line" d="M${round(from.x)} ${round(from.y)}${way}"${isArrow ? ' marker-end="url(#tip)"' : ""}/>`
}

const lineLabel = ({ label: text, to }: Layout.Line): ReadonlyArray<string> => {
  if (text === undefined) return []
  const shown = label(text, 24)
  const width = Layout.widthOf(shown) + 10
  const y = to.y - 20
  return [
    `<rect class="tag" x="${round(to.x - width / 2)}" y="${round(y - 12)}" width="${round(width)}" height="16" rx="4"/><text x="${round(to.x)}" y="${round(y)}" text-anchor="middle">${escaped(shown)}</text>`
  ]
}

const round = (value: number): string => String(Math.round(value * 10) / 10)

const names: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" }

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&${names[character]};`).replace(/[\ufffe\uffff]/g, "\ufffd")
