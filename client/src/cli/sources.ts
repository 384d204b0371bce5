import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, extname, join, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import type { RunImage } from '../index.ts'
import { UsageError } from './context.ts'

export interface CsvColumns {
  readonly image: string
  readonly sku: string
  /** The columns that are facts for the writer; all others if left out. */
  readonly facts?: readonly string[] | undefined
}

const extensions = ['.png', '.jpg', '.jpeg', '.webp', '.heic', '.heif']

/**
 * The images that a command line names: files, URLs, folders with all that is in them, and CSVs with one row per image.
 *
 * @throws UsageError
 */
export async function imagesOf(inputs: readonly string[], columns: CsvColumns): Promise<readonly RunImage[]> {
  const images: RunImage[] = []
  for (const input of inputs) {
    if (/^https?:/i.test(input)) images.push({ image: input })
    else if (extname(input).toLowerCase() === '.csv') images.push(...(await fromCsv(input, columns)))
    else images.push(...(await fromDisk(input)))
  }
  if (images.length === 0) {
    throw new UsageError(`There are no images in ${inputs.join(', ')}: files that end with ${extensions.join(', ')}.`)
  }
  return images
}

async function fromDisk(path: string): Promise<RunImage[]> {
  const found = await stat(path).catch(() => {
    throw new UsageError(`There is no file or folder ${path}.`)
  })
  if (!found.isDirectory()) return [{ image: path, name: path }]
  const names = await readdir(path, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => isPicture(entry))
  return files
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((file) => ({ image: file, name: file }))
}

/** A name with a dot in front is a system's own: of each photo macOS leaves a `._photo.jpg` on other disks. */
function isPicture(entry: Dirent): boolean {
  return entry.isFile() && !entry.name.startsWith('.') && extensions.includes(extname(entry.name).toLowerCase())
}

async function fromCsv(path: string, { image, sku, facts }: CsvColumns): Promise<RunImage[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`There is no file ${path}.`)
  })
  const rows = rowsOf(path, text)
  const names = Object.keys(rows[0] ?? {})
  for (const wanted of [image, ...(facts ?? [])]) {
    if (names.includes(wanted)) continue
    throw new UsageError(`${path} has no column ${wanted}. It has: ${names.join(', ')}.`)
  }
  const told = facts ?? names.filter((name) => name !== image && name !== sku)
  return rows.flatMap((row) => {
    const source = row[image]
    if (!source) return []
    const known = told.flatMap((name) => (row[name] ? [[name, row[name]] as const] : []))
    return [
      {
        // A path is relative to the folder of the CSV.
        image: /^(https?|data|upload):/i.test(source) ? source : resolve(dirname(path), source),
        name: source.slice(0, 200),
        ...(row[sku] && { sku: row[sku] }),
        ...(known.length > 0 && { facts: Object.fromEntries(known) }),
      },
    ]
  })
}

function rowsOf(path: string, text: string): Record<string, string>[] {
  try {
    // Excel's line, which says what separates.
    const [first, separator] = /^\uFEFF?"?sep=([^"\r\n])"?(?:\r\n?|\n)/i.exec(text) ?? ['']
    const table = text.slice(first.length)
    const delimiter = separator ?? delimiterOf(table)
    return parse(table, { columns: true, bom: true, trim: true, skip_empty_lines: true, delimiter })
  } catch (error) {
    throw new UsageError(`${path} is not a CSV with a line of column names: ${(error as Error).message}`)
  }
}

/** Spreadsheets write commas, semicolons or tabs, depending on the country. */
function delimiterOf(text: string): string {
  const [head = ''] = text.split(/\r?\n/, 1)
  const counts = [',', ';', '\t'].map((one) => [head.split(one).length, one] as const)
  return counts.toSorted(([a], [b]) => b - a)[0]?.[1] ?? ','
}
