/**
 * A text as it is compared: without regard to case, to composed and decomposed letters, to kinds of apostrophes, and to what
 * is not seen. By full case folding as far as it can be had from the language: ß is ss, the final sigma a sigma, and all four
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
