// Tables for a person at a terminal.

/** Parts separated by a blank line; empty ones are left out. */
export const sections = (...parts: readonly string[]) => parts.filter(Boolean).join('\n\n')
export const number = (value: number) => value.toLocaleString('en')

/** Columns as wide as their content, two blanks apart; numbers are right-aligned. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const all = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const isNumeric = heading.map((_, column) =>
    rows.every((row) => /^[\d,.]+( %| or more)?$|^-$/.test(row[column] ?? '')),
  )
  return all
    .map((row) =>
      row
        .map((cell, column) => cell[isNumeric[column] ? 'padStart' : 'padEnd'](widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** In the largest two units that are not zero. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} min ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days ${hours % 24} h`
}

/** US dollars, to the hundredth of a cent; a dash where it is not known. */
export function dollars(amount: number | null): string {
  return amount === null ? '-' : `$${amount.toFixed(4)}`
}
