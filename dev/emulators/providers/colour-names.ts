/** The languages that the emulated texts are written in. */
export const languages = ['en', 'de', 'fr', 'es', 'ja'] as const
export type Language = (typeof languages)[number]

/** Common colours: an example of each as `#rrggbb`, and its name in every language. */
const table = [
  ['#000000', 'black', 'Schwarz', 'noir', 'negro', '黒'],
  ['#383838', 'charcoal', 'Anthrazit', 'anthracite', 'antracita', 'チャコール'],
  ['#808080', 'grey', 'Grau', 'gris', 'gris', 'グレー'],
  ['#c8c8c8', 'light grey', 'Hellgrau', 'gris clair', 'gris claro', 'ライトグレー'],
  ['#ffffff', 'white', 'Weiß', 'blanc', 'blanco', '白'],
  ['#fff3dc', 'cream', 'Creme', 'crème', 'crema', 'クリーム色'],
  ['#dcc8a8', 'beige', 'Beige', 'beige', 'beige', 'ベージュ'],
  ['#f8c0a8', 'peach', 'Pfirsich', 'pêche', 'melocotón', 'ピーチ'],
  ['#e01010', 'red', 'Rot', 'rouge', 'rojo', '赤'],
  ['#700a18', 'maroon', 'Weinrot', 'bordeaux', 'granate', 'えんじ色'],
  ['#ff7058', 'coral', 'Koralle', 'corail', 'coral', 'コーラル'],
  ['#ff8c00', 'orange', 'Orange', 'orange', 'naranja', 'オレンジ'],
  ['#ffd820', 'yellow', 'Gelb', 'jaune', 'amarillo', '黄色'],
  ['#7a4a20', 'brown', 'Braun', 'marron', 'marrón', '茶色'],
  ['#808020', 'olive', 'Oliv', 'olive', 'oliva', 'オリーブ'],
  ['#18a030', 'green', 'Grün', 'vert', 'verde', '緑'],
  ['#80b058', 'leaf green', 'Blattgrün', 'vert feuille', 'verde hoja', '若葉色'],
  ['#d8ecd4', 'pale green', 'Blassgrün', 'vert pâle', 'verde pálido', '淡い緑'],
  ['#30602c', 'forest green', 'Waldgrün', 'vert forêt', 'verde bosque', '深緑'],
  ['#0c4a5a', 'petrol', 'Petrol', 'bleu pétrole', 'azul petróleo', 'ペトロールブルー'],
  ['#108080', 'teal', 'Blaugrün', 'bleu canard', 'verde azulado', '青緑'],
  ['#30d0c8', 'turquoise', 'Türkis', 'turquoise', 'turquesa', 'ターコイズ'],
  ['#bce4e8', 'pale blue', 'Blassblau', 'bleu pâle', 'azul pálido', '淡い水色'],
  ['#80c8f0', 'sky blue', 'Himmelblau', 'bleu ciel', 'celeste', '水色'],
  ['#6090c8', 'steel blue', 'Stahlblau', 'bleu acier', 'azul acero', 'スチールブルー'],
  ['#1030f0', 'blue', 'Blau', 'bleu', 'azul', '青'],
  ['#101c58', 'navy', 'Marineblau', 'bleu marine', 'azul marino', '紺'],
  ['#7020a0', 'purple', 'Violett', 'violet', 'morado', '紫'],
  ['#c0a8f0', 'lavender', 'Lavendel', 'lavande', 'lavanda', 'ラベンダー'],
  ['#e020c0', 'magenta', 'Magenta', 'magenta', 'magenta', 'マゼンタ'],
  ['#ffb0c8', 'pink', 'Rosa', 'rose', 'rosa', 'ピンク'],
] as const

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number]

/** How different two colours look, 0 to about 765: https://www.compuphase.com/cmetric.htm */
export function distance([r1, g1, b1]: Colour, [r2, g2, b2]: Colour): number {
  const red = (r1 + r2) / 2
  return Math.sqrt((2 + red / 256) * (r1 - r2) ** 2 + 4 * (g1 - g2) ** 2 + (2 + (255 - red) / 256) * (b1 - b2) ** 2)
}

const examples = table.map(([hex, name]) => {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((from) => Number.parseInt(hex.slice(from, from + 2), 16))
  return { name, colour: [red, green, blue] as const }
})

/** The English name of the nearest common colour. */
export function colourName(colour: Colour): string {
  const apart = examples.map((example) => distance(example.colour, colour))
  return examples[apart.indexOf(Math.min(...apart))]?.name ?? ''
}

/** A colour's name in another language; one that is not in the table stays as it is. */
export function translateColour(english: string, language: Language): string {
  const row = table.find(([, name]) => name === english)
  return row?.[1 + languages.indexOf(language)] ?? english
}
