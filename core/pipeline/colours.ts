/** A colour of an image, and its share. */
export interface Swatch {
  /** `#rrggbb` in lower case. */
  readonly hex: string
  /** A common name. */
  readonly name: string
  /** The part of the image's area, 0 to 1. */
  readonly share: number
}

/**
 * Normalises a colour to `#rrggbb` from any notation of CSS or of a person: three, four, six or eight hex digits, in any
 * case, with or without the sign, or `rgb()` with numbers or percentages. Transparency is dropped.
 */
export function mendHex(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim().toLowerCase()
  const digits =
    /^(?:#|0x)?([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})$/.exec(text)?.[1] ??
    /#([0-9a-f]{6}|[0-9a-f]{3})\b/.exec(text)?.[1]
  if (digits !== undefined) {
    const long = digits.length < 6 ? [...digits].map((digit) => digit + digit).join('') : digits
    return `#${long.slice(0, 6)}`
  }
  const channels = /^rgba?\(\s*([\d.]+%?)[\s,]+([\d.]+%?)[\s,]+([\d.]+%?)\s*(?:[,/].*)?\)$/.exec(text)?.slice(1, 4)
  if (channels === undefined) return undefined
  const bytes = channels.map((channel) => {
    const number = channel.endsWith('%') ? Number.parseFloat(channel) * 2.55 : Number.parseFloat(channel)
    return Math.round(Math.min(255, Math.max(0, number)))
  })
  if (bytes.some(Number.isNaN)) return undefined
  return `#${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** Parses a share, from a number or from texts like `0,35`, `35 %` and `about 35%`; a percentage if it is more than 1. */
export function mendShare(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const [, digits, sign] = /(\d+(?:[.,]\d+)?)\s*([%٪％])?/.exec(value) ?? []
  if (digits === undefined) return undefined
  const number = Number(digits.replace(',', '.'))
  return sign ? number / 100 : number
}

/**
 * Normalises a palette: the largest first, no duplicates, shares as parts of 1. If any is more than 1, all are percentages;
 * if their sum exceeds 1, they are scaled down.
 */
export function mendPalette<T extends Swatch>(palette: readonly T[]): T[] {
  const unit = palette.some(({ share }) => share > 1) ? 100 : 1
  const merged = new Map<string, T>()
  for (const swatch of palette) {
    const before = merged.get(swatch.hex)
    const share = swatch.share / unit + (before?.share ?? 0)
    merged.set(swatch.hex, { ...(before ?? swatch), share })
  }
  const total = [...merged.values()].reduce((sum, { share }) => sum + share, 0)
  const scale = Math.max(1, total)
  return [...merged.values()]
    .map((swatch) => ({ ...swatch, share: Math.floor((swatch.share / scale) * 1000 + 1e-6) / 1000 }))
    .toSorted((one, other) => other.share - one.share)
}

/** The contrast of two colours. */
export interface Contrast {
  readonly colours: string[]
  /** 1 to 21, to two decimals. */
  readonly ratio: number
  /** The text in one on the other that WCAG 2.2 allows: any (4.5), large only (3), or none. */
  readonly text: 'any' | 'large' | 'none'
}

/** The contrast of each pair of a palette's first colours, the strongest first. */
export function contrastsOf(hexes: readonly string[], most = 5): Contrast[] {
  const colours = [...new Set(hexes)].slice(0, most)
  return colours
    .flatMap((one, index) => colours.slice(index + 1).map((other) => [one, other] as const))
    .map(([one, other]): Contrast => {
      const exact = contrastRatio(one, other)
      // Rounded down: 4.499 is not enough for text.
      const ratio = Math.floor(exact * 100) / 100
      return { colours: [one, other], ratio, text: exact >= 4.5 ? 'any' : exact >= 3 ? 'large' : 'none' }
    })
    .toSorted((one, other) => other.ratio - one.ratio)
}

/** WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
export function contrastRatio(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

/** WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((from) => {
    const channel = Number.parseInt(hex.slice(from, from + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
