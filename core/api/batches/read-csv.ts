import { CsvError, parse } from 'csv-parse/sync'
import { maxJobs } from '../../batches/batches.ts'
import { InvalidInput } from '../../http/invalid-input.ts'

/** A row of a CSV as a job, with fields left to the batch's defaults. */
export interface CsvRow {
  /** The line where it begins, from 1. */
  readonly line: number
  readonly job: Readonly<Record<string, unknown>>
  /** The column that each field of the job came from. */
  readonly columnOf: Readonly<Record<string, string>>
}

/** One column, by its accepted names: lower case, letters alone. */
const fields: ReadonlyMap<string, string> = new Map(
  Object.entries({
    imageurl: 'imageUrl',
    image: 'imageUrl',
    url: 'imageUrl',
    analysispurpose: 'analysisPurpose',
    purpose: 'analysisPurpose',
    outputformat: 'outputFormat',
    format: 'outputFormat',
    language: 'language',
    platform: 'platform',
    brandid: 'brandId',
  }),
)
const targetFields = new Set(fields.values())
const maxRecordCharacters = 65_536
const maxQuotedCharacters = 100

/**
 * Parses a CSV (RFC 4180) with a header: the image's URL, `sku`, which goes into the metadata, the fields of a job, and any
 * others, which are facts. Separated by commas, semicolons or tabs, whichever the header has most of, or by what a first
 * line like `sep=;` says, which is Excel's.
 *
 * @throws InvalidInput with the line that cannot be parsed
 */
export function readCsv(text: string): readonly CsvRow[] {
  // One kind of line break: inside quotes the parser counts CRLF as two, and all later rows would have wrong numbers.
  const [header, ...records] = recordsOf(text.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n'))
  if (header === undefined) throw malformed('is empty: it must begin with a line of column names')
  const names = header.cells.map((name) => name.trim())
  const targets = names.map((name) => fields.get(name.toLowerCase().replaceAll(/[^a-z]/g, '')) ?? name)
  if (!targets.includes('imageUrl')) throw malformed(`has no column imageUrl, but ${quoted(names)}`)
  if (names.includes('__proto__')) throw malformed('has a column __proto__, which no field may be called')
  const twice = targets.find((target, index) => target !== '' && targets.indexOf(target) !== index)
  if (twice !== undefined) throw malformed(`has two columns ${twice}`)
  if (records.length === 0) throw malformed('has no rows')
  if (records.length > maxJobs) throw malformed(`has ${records.length} rows, and a batch takes ${maxJobs}`)
  const columnOf = Object.fromEntries(targets.map((target, index) => [target, names[index] ?? target]))
  return records.map(({ line, cells }) => {
    if (cells.length > names.length) throw malformed(`has ${cells.length} cells for ${names.length} columns`, line)
    const nameless = cells.findIndex((cell, index) => names[index] === '' && cell.trim() !== '')
    if (nameless !== -1) throw malformed(`has a value in column ${nameless + 1}, which has no name`, line)
    return { line, job: jobOf(targets, cells), columnOf }
  })
}

function jobOf(targets: readonly string[], cells: readonly string[]): Record<string, unknown> {
  const job: Record<string, unknown> = {}
  const facts: [string, string][] = []
  for (const [index, target] of targets.entries()) {
    const cell = (cells[index] ?? '').trim()
    if (cell === '' || target === '') continue
    if (target === 'brandId') job.brandId = /^\d{1,15}$/.test(cell) ? Number(cell) : cell
    else if (target.toLowerCase() === 'sku') job.metadata = { sku: cell }
    else if (targetFields.has(target)) job[target] = cell
    else facts.push([target, cell])
  }
  return facts.length > 0 ? { ...job, facts: Object.fromEntries(facts) } : job
}

function recordsOf(text: string): readonly { readonly line: number; readonly cells: string[] }[] {
  try {
    const [first, separator] = /^"?sep=([^"\n])"?\n/i.exec(text) ?? ['']
    const table = text.slice(first.length)
    const linesBefore = separator === undefined ? 0 : 1
    const records: { record: string[]; info: { lines: number } }[] = parse(table, {
      delimiter: separator ?? delimiterOf(table),
      info: true,
      max_record_size: maxRecordCharacters,
      relax_column_count: true,
      skip_empty_lines: true,
    }) as never
    // A record is numbered by the line that it ends in.
    return records.map(({ record, info }) => {
      const breaks = record.join('').match(/\n/g)?.length ?? 0
      return { line: info.lines - breaks + linesBefore, cells: record }
    })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw malformed(`cannot be read: ${error.message.slice(0, 200)}`)
  }
}

/** The names of columns for a message, as many as fit. */
function quoted(names: readonly string[]): string {
  const all = names.map((name) => `“${name}”`).join(', ')
  return all.length > maxQuotedCharacters ? `${all.slice(0, maxQuotedCharacters)}…` : all
}

function delimiterOf(text: string): string {
  const [first = ''] = text.split('\n', 1)
  const count = (delimiter: string) => first.split(delimiter).length
  return [';', '\t'].reduce((best, other) => (count(other) > count(best) ? other : best), ',')
}

function malformed(detail: string, line?: number): InvalidInput {
  return new InvalidInput([
    { pointer: '#/csv', code: 'field.malformed', detail: line === undefined ? detail : `line ${line} ${detail}` },
  ])
}
