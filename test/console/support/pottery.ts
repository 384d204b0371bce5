import sharp from 'sharp'

// Pictures of a made-up workshop: drawn, so that none has to be kept, and each another one.

const walls = ['#d8d3c9', '#c9cdc6', '#cfc6bb', '#dcd6cc', '#b9bfb8']
const tables = ['#c8bfb1', '#b8b3a8', '#d6cdbf', '#a89f92', '#cbb9a3']
const glazes = ['#eae5da', '#2f4558', '#b9593a', '#7fa096', '#33302d', '#a9bcae', '#d9b36c', '#8c4a3c']

/** Shapes on a square of 400 by 400, standing on its lower edge. */
const vessels = [
  'M150 400Q90 330 100 250Q110 180 165 150L165 90Q160 70 140 62L260 62Q240 70 235 90L235 150Q290 180 300 250Q310 330 250 400Z',
  'M60 230L340 230Q335 350 250 385L250 400L150 400L150 385Q65 350 60 230Z',
  'M110 180L290 180L280 385Q280 400 260 400L140 400Q120 400 120 385Z',
  'M40 350L360 350Q350 395 260 400L140 400Q50 395 40 350Z',
  'M200 110Q320 110 325 240Q325 400 200 400Q75 400 75 240Q80 110 200 110Z',
  'M170 400Q150 250 180 180L175 80L225 80L220 180Q250 250 230 400Z',
]

/** A picture of a vessel, as JPEG; which one, the number decides. */
export function pottery(number: number, width = 640): Promise<Buffer> {
  const of = <T>(list: readonly T[], step = 1) => list[Math.floor(number / step) % list.length] as T
  const glaze = of(glazes)
  const second = of(glazes, 3)
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 1000">
<defs>
<linearGradient id="w" x2="1" y2="1"><stop stop-color="${of(walls)}"/><stop offset="1" stop-color="${of(walls, 2)}"/></linearGradient>
<linearGradient id="g" x2="1"><stop stop-color="#fff" stop-opacity=".35"/><stop offset=".35" stop-color="#fff" stop-opacity="0"/><stop offset="1" stop-color="#000" stop-opacity=".38"/></linearGradient>
<filter id="s"><feGaussianBlur stdDeviation="18"/></filter>
</defs>
<path fill="url(#w)" d="M0 0h800v1000H0z"/>
<path fill="${of(tables)}" d="M0 620Q400 600 800 620V1000H0z"/>
<ellipse cx="470" cy="815" rx="230" ry="34" fill="#000" opacity=".28" filter="url(#s)"/>
<g transform="translate(${150 + (number % 3) * 20} 300) scale(1.25)"><path id="v" fill="${glaze}" d="${of(vessels)}"/><path fill="url(#g)" d="${of(vessels)}"/></g>
${number % 4 === 3 ? `<g transform="translate(520 600) scale(.55)"><path fill="${second}" d="${of(vessels, 2)}"/><path fill="url(#g)" d="${of(vessels, 2)}"/></g>` : ''}
</svg>`
  return sharp(Buffer.from(svg)).resize({ width }).jpeg({ quality: 82 }).toBuffer()
}
