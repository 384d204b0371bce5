import { open, writeFile } from 'node:fs/promises'
import { stringify } from 'csv-stringify/sync'
import type { ResultRow, Run } from '../index.ts'
import { UsageError } from './context.ts'

type Row = Record<string, unknown>

/** The rows of a run, each with the name of its file; images that became no job come last. */
export async function rowsOf(run: Run): Promise<readonly Row[]> {
  const names = new Map(run.jobs.map(({ jobId, image }) => [jobId, image.name]))
  const rows: Row[] = []
  for await (const row of run.results()) rows.push({ file: names.get(row.jobId) ?? '', ...withoutUploads(row) })
  for (const { image, error } of run.refused) {
    rows.push({
      file: image.name,
      sku: image.sku,
      status: 'refused',
      errorCode: error.code,
      errorMessage: error.message,
    })
  }
  return rows
}

/** The URL of an upload means nothing to a person. */
function withoutUploads({ imageUrl, ...row }: ResultRow): Row {
  return imageUrl.startsWith('upload:') || imageUrl.startsWith('data:') ? row : { imageUrl, ...row }
}

/**
 * Checked before anything is paid for that could then not be written.
 *
 * @throws UsageError
 */
export async function requireWritable(path: string): Promise<void> {
  const file = await open(path, 'a').catch((error: Error) => {
    throw new UsageError(`${path} cannot be written: ${error.message}`)
  })
  await file.close()
}

/** Writes a CSV as spreadsheets want it: UTF-8 with a byte order mark, and no cell that would be run as a formula. */
export async function writeCsv(path: string, rows: readonly Row[]): Promise<void> {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = rows.map((row) => columns.map((name) => cellOf(row[name])))
  await writeFile(
    path,
    stringify([columns, ...cells], { bom: true, escape_formulas: true, record_delimiter: 'windows' }),
  )
}

function cellOf(value: unknown): string {
  if (Array.isArray(value)) return value.join('\n')
  return value === null || value === undefined ? '' : String(value)
}
