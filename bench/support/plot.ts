/** A value to draw. */
export interface Bar {
  readonly label: string
  readonly value: number
  /** Drawn in the colour of the product. */
  readonly ours?: boolean
}

const [left, width, height, barHeight] = [250, 760, 26, 16]

/** A chart of horizontal bars as SVG, readable on light and dark pages. @param unit of the values, for the title's end */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value), 1)
  const scale = (width - left - 90) / most
  const lines = bars.map(({ label, value, ours }, index) => {
    const y = 40 + index * height
    const length = Math.max(1, value * scale)
    return [
      `<text x="${left - 8}" y="${y + 12}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" fill="${ours ? '#0b7a5e' : '#8a8f98'}"/>`,
      `<text x="${(left + length + 6).toFixed(1)}" y="${y + 12}">${escaped(rounded(value))}</text>`,
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${50 + bars.length * height}" font-family="sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">
<rect width="100%" height="100%" fill="#fff"/>
<text x="8" y="20" font-weight="bold">${escaped(title)}, ${escaped(unit)}</text>
${lines.join('\n')}
</svg>
`
}

/** A line of a chart: `y` at each `x`. */
export interface Line {
  readonly label: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

const colours = ['#0b7a5e', '#b3541e', '#3b5bdb', '#8a2be2', '#868e96', '#c2255c', '#5c940d', '#1098ad']

/** A chart of lines as SVG; both axes are logarithmic, and all values above 0. */
export function lineChart(title: string, unit: string, lines: readonly Line[]): string {
  const points = lines.flatMap((line) => line.points)
  const [xs, ys] = [points.map(([x]) => Math.log10(x)), points.map(([, y]) => Math.log10(y))]
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.floor(Math.min(...ys)), Math.ceil(Math.max(...ys))]
  const right = width - left
  const at = ([x, y]: readonly [number, number]) => [
    60 + ((Math.log10(x) - x0) / (x1 - x0 || 1)) * (right - 80),
    280 - ((Math.log10(y) - y0) / (y1 - y0 || 1)) * 230,
  ]
  const drawn = lines.map(({ label, points }, index) => {
    const colour = colours[index % colours.length]
    const path = points
      .map((point) =>
        at(point)
          .map((value) => value.toFixed(1))
          .join(','),
      )
      .join(' ')
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      `<text x="${right}" y="${58 + index * 16}" fill="${colour}">${escaped(label)}</text>`,
    ].join('\n')
  })
  const decades = Array.from({ length: y1 - y0 + 1 }, (_, index) => 10 ** (y0 + index))
  const grid = decades.map((value) => {
    const [, y = 0] = at([10 ** x0, value])
    return `<line x1="60" x2="${right - 20}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="#ddd"/><text x="52" y="${(y + 4).toFixed(1)}" text-anchor="end">${escaped(rounded(value))}</text>`
  })
  const ticks = [...new Set(points.map(([x]) => x))].map((value) => {
    const [x = 0] = at([value, 10 ** y0])
    return `<text x="${x.toFixed(1)}" y="300" text-anchor="middle">${escaped(rounded(value))}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 312" font-family="sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">
<rect width="100%" height="100%" fill="#fff"/>
<text x="8" y="20" font-weight="bold">${escaped(title)}, ${escaped(unit)}</text>
${[...grid, ...ticks, ...drawn].join('\n')}
</svg>
`
}

function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
