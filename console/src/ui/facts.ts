/** What is known of an image or true of a brand, by name. */
export type Facts = Readonly<Record<string, Fact>>
export type Fact = string | number | boolean | string[]

const listSign = ' | '

/** A line `name: value` for each fact. */
export function factLines(facts: Facts): string {
  return Object.entries(facts)
    .map(([name, fact]) => `${name}: ${factText(fact)}`)
    .join('\n')
}

/** @param before a fact that still says the same keeps its kind */
export function factsOf(text: string, before: Facts): Record<string, Fact> {
  const facts = linesOf(text).map((line): [string, Fact] => {
    const [name = '', ...rest] = line.split(':')
    const value = rest.join(':').trim()
    const old = Object.hasOwn(before, name.trim()) ? before[name.trim()] : undefined
    return [name.trim(), old !== undefined && factText(old).trim() === value ? old : factOf(value)]
  })
  return Object.fromEntries(facts)
}

/** A number, true, false, a list, or else a text. */
function factOf(value: string): Fact {
  if (value === 'true' || value === 'false') return value === 'true'
  if (value !== '' && String(Number(value)) === value) return Number(value)
  return value.includes(listSign) ? value.split(listSign).map((entry) => entry.trim()) : value
}

export function factText(fact: Fact): string {
  return Array.isArray(fact) ? fact.join(listSign) : String(fact)
}

/** The lines of a text that say something. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
