import { quantile, table } from './measure.ts'

/** A form of statement, and what it took at each size. */
export interface Form {
  readonly text: string
  readonly at: {
    /** The most that the server read for one. */
    reads: number
    /** Milliseconds. */
    readonly times: number[]
  }[]
}

/** Below this a p50 is the way to the server and back, and a ratio of two of them noise. */
const floorMs = 0.3
/** So often a form must have run at a size to have a p99 that is not its slowest run. */
const enough = 200
const wanted = 1.5
const worst = 15

/**
 * What was measured, in words and tables.
 *
 * @param sizes ascending
 * @param listed how many forms there are in docs/statements.sql
 * @returns also the forms that read more at the largest size than at the one before it
 */
export function tablesOf(
  all: readonly Form[],
  sizes: readonly number[],
  listed: number,
): { readonly text: string; readonly grown: readonly string[] } {
  const forms = all.filter(({ at }) => at.every(({ times }) => times.length > 0))
  const names = sizes.map((size) => size.toLocaleString('en'))
  const [first, before, last] = [0, sizes.length - 2, sizes.length - 1]
  const readsOf = ({ at }: Form, index: number) => at[index]?.reads ?? 0
  const time = ({ at }: Form, index: number, part: number) => quantile(at[index]?.times ?? [], part)
  const ratio = (form: Form, part: number) => time(form, last, part) / time(form, first, part)
  const isMore = (one: number, other: number) => other > 1.5 * one + 20
  const grown = forms.filter((form) => isMore(readsOf(form, before), readsOf(form, last)))
  const bounded = forms.filter((form) => !grown.includes(form) && isMore(readsOf(form, first), readsOf(form, last)))
  const flat = forms.filter((form) => !grown.includes(form) && !bounded.includes(form))

  const part = (name: string, quantity: number, some: readonly Form[]) => {
    const above = some.filter((form) => time(form, last, quantity) >= floorMs)
    const within = above.filter((form) => ratio(form, quantity) <= wanted)
    const below = some.length - above.length
    return `${name}: ${some.length} forms; ${below} take less than ${floorMs} ms at ${names[last]}; of the other ${above.length}, ${within.length} are within ${wanted} times of ${names[first]}, ${above.length - within.length} are not.`
  }
  const often = flat.filter(({ at }) => at.every(({ times }) => times.length >= enough))
  const rowsOf = (quantity: number, some: readonly Form[]) =>
    some
      .filter((form) => time(form, last, quantity) >= floorMs)
      .toSorted((one, other) => ratio(other, quantity) - ratio(one, quantity))
      .slice(0, worst)
      .map((form) => [
        short(form.text),
        form.at.at(last)?.times.length ?? 0,
        ratio(form, quantity).toFixed(2),
        sizes.map((_, index) => time(form, index, quantity).toFixed(2)).join(', '),
        sizes.map((_, index) => readsOf(form, index)).join(', '),
      ])
  // What a form that reads and changes no table differs by is the machine's doing.
  const idle = flat.filter(({ text }) => !/vision_/i.test(text))
  const largest = (some: readonly Form[], quantity: number) =>
    Math.max(0, ...some.filter((form) => time(form, last, quantity) >= floorMs).map((form) => ratio(form, quantity)))
  const together = (quantity: number) =>
    sizes
      .map((_, index) =>
        quantile(
          flat.flatMap(({ at }) => at[index]?.times ?? []),
          quantity,
        ).toFixed(2),
      )
      .join(', ')
  const head = ['statement', 'runs', 'ratio', `ms at ${names.join(', ')}`, 'rows read']
  const p50 = 0.5
  const p99 = 0.99
  const pieces = [
    `${forms.length} of the ${listed} forms of \`docs/statements.sql\` ran at each size. ${flat.length} read as many rows at any; ${bounded.length} read more at ${names[last]} than at ${names[first]}, up to a bound of their own that is above ${names[first]}, and as many at ${names[before]} as at ${names[last]}; ${grown.length} read more at ${names[last]} than at ${names[before]}.`,
    [
      part('- p50', p50, flat),
      part(`- p99, where a form ran ${enough} times or more at each size`, p99, often),
      `- All runs of these forms together: p50 ${together(p50)} ms, p99 ${together(p99)} ms.`,
      `- Noise: of the ${idle.length} forms that touch no table (\`BEGIN\`, \`SELECT VERSION()\`) the largest ratio of p50 is ${largest(idle, p50).toFixed(2)}, of p99 ${largest(
        idle.filter((form) => often.includes(form)),
        p99,
      ).toFixed(2)}.`,
    ].join('\n'),
    `The ${worst} largest ratios of p50, ${names[last]} to ${names[first]}:`,
    table(head, rowsOf(p50, flat)),
    `The ${worst} largest ratios of p99:`,
    table(head, rowsOf(p99, often)),
  ]
  if (bounded.length > 0) {
    pieces.push('Those that read up to a bound:', table(head, rowsOf(0.5, bounded)))
  }
  const missing = all.length - forms.length
  if (missing > 0) pieces.push(`Not at each size, by chance: ${missing} forms.`)
  return {
    text: pieces.join('\n\n'),
    grown: grown.map((form) => `${sizes.map((_, index) => readsOf(form, index)).join(', ')}: ${form.text}`),
  }
}

/** A form in a cell of a table. */
function short(text: string): string {
  const most = 150
  return `\`${(text.length > most ? `${text.slice(0, most)}…` : text).replaceAll('`', '').replaceAll('|', '\\|')}\``
}
