import { signal } from '@preact/signals'
import { count } from '../ui/format.ts'
import { type CsvRow, type CsvTable, fileKey, mostCsvBytes, readCsv, textOf } from './csv.ts'
import { addLinks, pictures, setRow } from './pictures.ts'

/** A CSV that was dropped: what it says of files, whether they are here already or still to come. */
export interface Table extends CsvTable {
  readonly name: string
  /** By the name of the file. */
  readonly files: ReadonlyMap<string, CsvRow>
}

export const table = signal<Table | undefined>(undefined)

export function isCsv({ name, type }: File): boolean {
  return /\.(csv|tsv)$/i.test(name) || type === 'text/csv'
}

/** Takes a CSV in: its links become pictures, and its rows say what is known of files. */
export async function addCsv(file: File): Promise<void> {
  const read = await tableOf(file)
  const files = new Map<string, CsvRow>()
  const links: CsvRow[] = []
  for (const row of read.rows) {
    if ('url' in row.source) links.push(row)
    else files.set(fileKey(row.source.file), row)
  }
  table.value = { ...read, name: file.name, files }
  addLinks(links)
  applyTable()
}

async function tableOf(file: File): Promise<CsvTable> {
  if (file.size > mostCsvBytes) return { rows: [], problems: [{ line: 1, why: 'A CSV may have 5.5 MiB at most.' }] }
  return readCsv(textOf(await file.arrayBuffer()))
}

/** Gives each file what its row says of it; what was typed since stays. */
export function applyTable(): void {
  const rows = table.value?.files
  if (rows === undefined) return
  for (const { id, name, row } of pictures.value) {
    const found = rows.get(fileKey(name))
    if (found && row !== found) setRow(id, found)
  }
}

/** The files that the table names and nobody dropped. */
export function missingFiles(): readonly string[] {
  const here = new Set(pictures.value.map(({ name }) => fileKey(name)))
  return [...(table.value?.files ?? [])].flatMap(([key, { source }]) =>
    here.has(key) || 'url' in source ? [] : [source.file],
  )
}

export function aboutTable({ rows, problems }: CsvTable): string {
  const said = count(rows.length, 'row')
  return problems.length === 0 ? said : `${said}, and ${count(problems.length, 'row')} that cannot be used`
}
