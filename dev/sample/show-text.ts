const width = 96

/** A text of any format as readable lines: its fields in order, lists as bullet points, long ones wrapped. */
export function showText(result: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(result).flatMap(([name, value]) => {
    const title = `${name}: `
    if (typeof value === 'string') return broken(`${title}${value}`, '  ')
    if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) return []
    const isShort = value.join(', ').length <= width - title.length
    return isShort
      ? [`${title}${value.join(', ')}`]
      : [title.trimEnd(), ...value.flatMap((one) => broken(`- ${one}`, '  '))]
  })
}

/** Lines of a limited length, except for longer words; all but the first are indented. */
function broken(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line)
      line = `${indent}${word}`
    } else line = line ? `${line} ${word}` : word
  }
  return [...lines, line]
}
