import sharp from 'sharp'
import type { Case } from './cases.ts'

/** The image of a case, as a PNG: identical every time with the same fonts. */
export function draw(of: Case): Promise<Buffer> {
  return sharp(Buffer.from(svgOf(of)))
    .png()
    .toBuffer()
}

/** The image of a case, as SVG. */
function svgOf({ kind, width, height, colours, texts }: Case): string {
  const [ground, figure, accent] = colours
  const lines = texts.map((text, index) => {
    const size = Math.min(height / 8, (width * 1.4) / Math.max(8, text.length))
    const y = height * 0.3 + index * height * 0.13
    return `<text x="${width / 2}" y="${y}" font-size="${size}" font-weight="bold" text-anchor="middle" fill="${kind === 'product' ? accent : figure}">${escaped(text)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="${width}" height="${height}" fill="${ground}"/>
    ${shapes[kind](width, height, figure, accent)}
    <g font-family="DejaVu Sans, Noto Sans, sans-serif">${lines.join('')}</g>
  </svg>`
}

const shapes: Record<Case['kind'], (width: number, height: number, figure: string, accent: string) => string> = {
  poster: (width, height, figure, accent) =>
    `<rect y="${height * 0.75}" width="${width}" height="${height * 0.25}" fill="${accent}"/>
     <circle cx="${width / 2}" cy="${height * 0.6}" r="${width * 0.2}" fill="${figure}"/>`,
  product: (width, height, figure, accent) =>
    `<ellipse cx="${width / 2}" cy="${height * 0.85}" rx="${width * 0.35}" ry="${height * 0.05}" fill="${accent}"/>
     <rect x="${width * 0.3}" y="${height * 0.4}" width="${width * 0.4}" height="${height * 0.45}" rx="40" fill="${figure}"/>`,
  text: (width, height, figure, accent) =>
    `<rect x="${width * 0.05}" y="${height * 0.05}" width="${width * 0.9}" height="${height * 0.04}" fill="${accent}"/>
     <rect x="${width * 0.05}" y="${height * 0.88}" width="${width * 0.9}" height="${height * 0.06}" fill="${figure}"/>`,
  portrait: (width, height, figure, accent) =>
    `<ellipse cx="${width / 2}" cy="${height}" rx="${width * 0.42}" ry="${height * 0.35}" fill="${accent}"/>
     <ellipse cx="${width / 2}" cy="${height * 0.42}" rx="${width * 0.2}" ry="${width * 0.26}" fill="${figure}"/>`,
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
