import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg, totalmem } from 'node:os'

const file = new URL('../RESULTS.md', import.meta.url)

/** What a measurement found on a server: printed as it comes, and at the end written to its place in RESULTS.md. */
export interface Report {
  /** @param text Markdown */
  add(text: string): void
  /** Writes what was added, with the server and the machine named, unless the measurement was a quick one. */
  write(): Promise<void>
}

/**
 * Opens a report, which notes the machine's load at this moment.
 *
 * @param name that of the measurement's marks
 * @param on the server, whose results have a place of their own
 * @throws before anything is measured, if RESULTS.md has no place for it
 */
export async function openReport(name: string, on: { readonly kind: string; readonly name: string }): Promise<Report> {
  const load = loadavg()[0]?.toFixed(1)
  const marks = `${name} on ${on.kind}`
  placed(await readFile(file, 'utf8'), marks, '')
  const added: string[] = []
  return {
    add: (text) => {
      console.log(`\n${text}`)
      added.push(text)
    },
    write: async () => {
      if (process.argv.includes('--quick')) return
      const text = [`### ${on.name}`, `${machine()}, load ${load} at the start.`, ...added].join('\n\n')
      await writeFile(file, placed(await readFile(file, 'utf8'), marks, text))
    },
  }
}

/** Writes a plot to `plots/`. @returns the Markdown that shows it */
export async function writePlot(name: string, title: string, svg: string): Promise<string> {
  if (process.argv.includes('--quick')) return ''
  const folder = new URL('../plots/', import.meta.url)
  await mkdir(folder, { recursive: true })
  await writeFile(new URL(`${name}.svg`, folder), svg)
  return `![${title}](plots/${name}.svg)`
}

/** @returns the document with another text between the marks. @throws if it has none of that name */
export function placed(document: string, name: string, text: string): string {
  const [start, end] = [`<!-- ${name}: written by its measurement -->`, `<!-- end of ${name} -->`]
  const [head, rest] = document.split(start)
  const tail = rest?.split(end)[1]
  if (head === undefined || tail === undefined) throw new Error(`RESULTS.md has no place for ${name}`)
  return `${head}${start}\n\n${text.trim()}\n\n${end}${tail}`
}

function machine(): string {
  const [cpu] = cpus()
  const gigabytes = Math.round(totalmem() / 1e9)
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpu?.model}), ${gigabytes} GB`
}
