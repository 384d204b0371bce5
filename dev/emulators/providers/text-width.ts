/** How long a text is: a sign of Japanese says as much as two letters, and some networks count it so. */
export function widthOf(text: string): number {
  return text.length + (text.match(/[\u3000-\u9fff\uff00-\uffef]/g)?.length ?? 0)
}

/** A text cut at a word to a width, as `widthOf` counts it. */
export function cutText(text: string, most: number): string {
  if (widthOf(text) <= most) return text
  let end = Math.min(text.length, most - 1)
  while (widthOf(text.slice(0, end)) >= most) end -= 1
  const whole = text.slice(0, end).replace(/[\uD800-\uDBFF]$/, '')
  const atWord = whole.replace(/\s+\S*$/, '')
  return `${atWord.length > whole.length / 2 ? atWord : whole}…`
}
