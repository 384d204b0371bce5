import type { Facts } from '../ui/facts.ts'

/** A row of a table of pictures. */
export interface CsvRow {
  /** Counted as an editor does: the header is line 1. */
  readonly line: number
  /** The name of a file that is dropped too, or the address of an image. */
  readonly source: { readonly file: string } | { readonly url: string }
  readonly sku: string
  readonly facts: Facts
}

export interface CsvTable {
  readonly rows: readonly CsvRow[]
  /** What cannot be used, and why. */
  readonly problems: readonly { readonly line: number; readonly why: string }[]
}

/** As many as a batch takes. */
const mostRows = 10_000
/** As large as the API takes one, in bytes. */
export const mostCsvBytes = 5_767_168
/** Of the facts of one image as JSON, in bytes, as the API counts. */
const mostFactBytes = 4_096

const fileColumns = ['file', 'filename', 'image']
const urlColumns = ['url', 'imageurl', 'link']

/**
 * Reads a table of pictures: a column `file` or `url`, `sku` if there is one, and any other column is a fact by its name.
 * Commas, semicolons or tabs separate the cells, as spreadsheets write them, or what a first line like `sep=;` says; an
 * empty cell says nothing.
 */
export async function readCsv(text: string): Promise<CsvTable> {
  const { default: papa } = await import('papaparse')
  const { delimiter, table } = withoutSeparatorLine(text.replace(/^\uFEFF/, ''))
  const { data } = papa.parse<readonly string[]>(table, { skipEmptyLines: false, ...(delimiter && { delimiter }) })
  const [header = [], ...lines] = data
  const headerLine = delimiter === undefined ? 1 : 2
  const names = header.map((name) => name.trim())
  const at = (wanted: readonly string[]) => names.findIndex((name) => wanted.includes(plain(name)))
  const columns = { file: at(fileColumns), url: at(urlColumns), sku: at(['sku']) }
  if (columns.file === -1 && columns.url === -1) {
    return { rows: [], problems: [{ line: headerLine, why: 'The header names no column “file” and no column “url”.' }] }
  }
  const rows: CsvRow[] = []
  const problems: { line: number; why: string }[] = []
  let line = headerLine + 1
  for (const cells of lines) {
    const here = line
    // A cell in quotes may have lines of its own.
    line += 1 + cells.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0)
    if (cells.every((cell) => cell.trim() === '')) continue
    if (rows.length === mostRows) {
      problems.push({
        line: here,
        why: `A batch takes ${mostRows.toLocaleString('en')} pictures: this row and those after it were left out.`,
      })
      break
    }
    const row = rowOf(cells, here)
    if (typeof row === 'string') problems.push({ line: here, why: row })
    else rows.push(row)
  }
  return { rows, problems }

  function rowOf(cells: readonly string[], here: number): CsvRow | string {
    const nameless = cells.findIndex((value, column) => !names[column] && value.trim() !== '')
    if (nameless !== -1) {
      const known = names.filter((name) => name !== '').map((name) => `“${name}”`)
      return `It has a value in column ${nameless + 1}, which has no name. The columns are ${known.join(', ').slice(0, 200)}.`
    }
    const cell = (column: number) => (column === -1 ? '' : (cells[column] ?? '').trim())
    const [file, url] = [cell(columns.file), cell(columns.url)]
    const link = url || (/^https?:\/\//i.test(file) ? file : '')
    if (link === '' && file === '') return 'It names neither a file nor a url.'
    if (link !== '' && !isLink(link)) return `“${link}” is no address of https or http.`
    const special = Object.values(columns)
    const facts = Object.fromEntries(
      names.flatMap((name, column) => {
        const value = special.includes(column) || name === '' ? '' : cell(column)
        return value === '' ? [] : [[name.replace(/^facts\./i, ''), value] as const]
      }),
    )
    if (new TextEncoder().encode(JSON.stringify(facts)).length > mostFactBytes) {
      return `Its facts are more than ${mostFactBytes.toLocaleString('en')} bytes.`
    }
    const source = link !== '' ? { url: link } : { file: fileName(file) }
    return { line: here, source, sku: cell(columns.sku).slice(0, 100), facts }
  }
}

/** The text of a file as spreadsheets write it: UTF-8, or what Windows wrote before. */
export function textOf(bytes: ArrayBuffer | Uint8Array<ArrayBuffer>): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** `photos\A 1.JPG` as `a 1.jpg`: by that a row finds its file. */
export function fileKey(name: string): string {
  return fileName(name).normalize('NFC').toLowerCase()
}

/** The line with which a CSV tells Excel its separator, taken off. */
function withoutSeparatorLine(text: string): { readonly delimiter: string | undefined; readonly table: string } {
  const [line, delimiter] = /^"?sep=([^"\r\n])"?(?:\r\n?|\n)/i.exec(text) ?? ['', undefined]
  return { delimiter, table: text.slice(line.length) }
}

function fileName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]/g, '')
}

function isLink(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
