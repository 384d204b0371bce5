import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg, totalmem } from 'node:os'

const file = new URL('../RESULTS.md', import.meta.url)

/** What a measurement found: printed as it comes, and at the end written to its place in RESULTS.md. */
export interface Report {
  /** @param text Markdown */
  add(text: string): void
  /** Writes what was added between the marks of RESULTS.md that name the measurement, unless it was a quick one. */
  write(): Promise<void>
}

/**
 * Opens a report, which notes the machine's load at this moment.
 *
 * @param name that of the measurement's marks
 */
export function openReport(name: string): Report {
  const load = loadavg()[0]?.toFixed(1)
  const added: string[] = []
  return {
    add: (text) => {
      console.log(`\n${text}`)
      added.push(text)
    },
    write: async () => {
      if (process.argv.includes('--quick')) return
      const before = await readFile(file, 'utf8')
      await writeFile(file, placed(before, name, `${machine()}, load ${load} at the start.\n\n${added.join('\n\n')}`))
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
