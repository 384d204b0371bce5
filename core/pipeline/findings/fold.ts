/**
 * Normalises a text for comparison: regardless of case, composed and decomposed letters, kinds of apostrophes, and
 * invisible characters. Full case folding, as far as JavaScript provides it: ß is ss, the final sigma a sigma, and all four
 * letters i of Turkish are one.
 */
export function fold(text: string): string {
  return text
    .normalize('NFKC')
    .replaceAll(/\u00ad|[\u200b-\u200d]|\u2060|\ufe0f|\ufeff/g, '')
    .replaceAll(/[\u2018\u2019\u02bc]/g, "'")
    .toUpperCase()
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .replaceAll('i\u0307', 'i')
    .normalize('NFKC')
}
