import type { Wanted } from '../../batches/results.ts'
import type { OutputFormat } from '../../pipeline/formats.ts'
import type { JobWithOutputs } from '../../queue/read/read.ts'
import type { ResultRow } from './schema.ts'

/** The media types of results. */
export const mediaTypes = {
  json: 'application/json',
  jsonl: 'application/jsonl; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
} as const

/** The columns that every job has, in their order. */
const columns = ['jobId', 'imageUrl', 'file', 'sku', 'status', 'errorCode', 'errorMessage', 'finishedAt'] as const

/** A job as a row: its own fields, and the fields of each text under names that identify the text. */
export function rowOf({ job, texts, outputs }: JobWithOutputs): ResultRow {
  const { file, sku } = job.metadata ?? {}
  const fields = texts.flatMap((text) => {
    const made = outputs.find((output) => output.kind === 'content' && output.text === text.text)
    const prefix = prefixOf({ ...text, brandId: text.brandId === job.brandId ? null : text.brandId })
    const body = Object.entries((made?.body ?? {}) as Record<string, unknown>)
    return body.map(([name, value]) => [`${prefix}.${name}`, flat(value)] as const)
  })
  return {
    jobId: job.id,
    imageUrl: job.imageUrl,
    file: named(file),
    sku: named(sku),
    status: job.status,
    errorCode: job.errorCode,
    errorMessage: job.errorMessage,
    finishedAt: job.finishedAt?.toISOString() ?? null,
    ...Object.fromEntries(fields),
  }
}

/** The column names of a CSV: the same on every page, whatever the state of its jobs. */
export async function headerOf(wanted: readonly Wanted[]): Promise<string[]> {
  const { formats } = await import('../../pipeline/formats.ts')
  const ofTexts = wanted.flatMap((text) => {
    const known = Object.hasOwn(formats, text.outputFormat) ? formats[text.outputFormat as OutputFormat] : undefined
    return Object.keys(known?.schema.shape ?? {}).map((field) => `${prefixOf(text)}.${field}`)
  })
  return [...columns, ...ofTexts]
}

/** JSON, one row a line. */
export function toJsonLines(rows: readonly ResultRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

/**
 * RFC 4180, with a byte order mark, without which spreadsheets do not recognise UTF-8. A cell that a spreadsheet would run
 * as a formula begins with an apostrophe. A list becomes one line for each entry.
 */
export async function toCsv(rows: readonly ResultRow[], header: readonly string[]): Promise<string> {
  const { stringify } = await import('csv-stringify/sync')
  const cell = (value: unknown) => (Array.isArray(value) ? value.join('\n') : value)
  return stringify(
    rows.map((row) => header.map((name) => cell(row[name]))),
    { header: true, columns: [...header], bom: true, escape_formulas: true, record_delimiter: 'windows' },
  )
}

/** The name of a text: `summary.de`; of a post for a network `social_post.de.x`, of a second variant `social_post.de.x.2`. */
function prefixOf({ outputFormat, language, platform, brandId, variant }: Wanted): string {
  return [
    outputFormat,
    language,
    ...(platform === null ? [] : [platform]),
    ...(brandId === null ? [] : [`brand-${brandId}`]),
    ...(variant === 1 ? [] : [variant]),
  ].join('.')
}

/** What the metadata calls something: text, or a number as text. */
const named = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : null)

/** Texts, numbers and lists of them are unchanged; nested values become JSON. */
function flat(value: unknown): ResultRow[string] {
  if (Array.isArray(value)) return value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one)))
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return value as ResultRow[string]
}
