import { signal } from '@preact/signals'
import { isVisionError, maxImageBytes, readImage } from 'vision-pipeline-client'
import type { Facts } from '../ui/facts.ts'
import { bytes } from '../ui/format.ts'
import type { CsvRow } from './csv.ts'
import { drawThumbnail } from './thumbnail.ts'

/** A file that was dropped, or the address of an image, and what was found out about it. */
export interface Picture {
  readonly id: number
  readonly source: File | string
  /** Of the file, or the last part of the address. */
  readonly name: string
  readonly sku: string
  /** What the writer is told beside the image. */
  readonly facts: Facts
  /** The row of a CSV that was applied to it. */
  readonly row?: CsvRow | undefined
  /** checking: it is being read · good: it can be sent · bad: it cannot, and `note` says why */
  readonly state: 'checking' | 'good' | 'bad'
  readonly note?: string | undefined
  readonly sha256?: string | undefined
  /** In pixels; undefined where this browser cannot show the format. */
  readonly size?: { readonly width: number; readonly height: number } | undefined
  /** A blob: URL. */
  readonly thumbnail?: string | undefined
}

/** As many as a batch takes. */
const most = 10_000
const checksAtOnce = 2
/** Below this, in pixels of the longer side, details are hardly seen. */
const smallSide = 800

/** What was dropped so far. It outlives the page, so that a look at another one costs nothing. */
export const pictures = signal<readonly Picture[]>([])

let nextId = 1
let checking = 0
const queue: number[] = []

/** @returns how many were left out, since a batch takes no more */
export function addFiles(files: readonly File[]): number {
  const wanted = files.filter(({ name }) => !/^(\.|Thumbs\.db$|desktop\.ini$)/i.test(name))
  const taken = wanted.slice(0, Math.max(0, most - pictures.value.length))
  const added = taken.map(
    (file): Picture => ({ id: nextId++, source: file, name: file.name, sku: '', facts: {}, state: 'checking' }),
  )
  pictures.value = [...pictures.value, ...added]
  queue.push(...added.map(({ id }) => id))
  while (checking < checksAtOnce && queue.length > 0) void work()
  return wanted.length - taken.length
}

/** Adds images by their addresses: the pipeline brings them, and looks at them then. */
export function addLinks(rows: readonly CsvRow[]): void {
  const known = new Set(pictures.value.map(({ source }) => source))
  const added = rows.flatMap((row): Picture[] => {
    const url = 'url' in row.source ? row.source.url : ''
    if (url === '' || known.has(url)) return []
    known.add(url)
    const { sku, facts } = row
    const note = 'By its address: checked when the pipeline brings it'
    return [{ id: nextId++, source: url, name: nameOf(url), sku, facts, row, state: 'good', note }]
  })
  pictures.value = [...pictures.value, ...added].slice(0, most)
}

function nameOf(url: string): string {
  const part = new URL(url).pathname.split('/').at(-1) || new URL(url).host
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Says what a CSV knows of a picture. */
export function setRow(id: number, row: CsvRow): void {
  change(id, { row, facts: row.facts, ...(row.sku !== '' && { sku: row.sku }) })
}

export function setFacts(id: number, facts: Facts): void {
  change(id, { facts })
}

export function removePicture(id: number): void {
  const gone = pictures.value.find((picture) => picture.id === id)
  if (gone?.thumbnail) URL.revokeObjectURL(gone.thumbnail)
  pictures.value = pictures.value.filter((picture) => picture.id !== id)
  markDuplicates()
}

/** @param keep thumbnails that are shown elsewhere */
export function clearPictures(keep: ReadonlySet<string> = new Set()): void {
  for (const { thumbnail } of pictures.value) if (thumbnail && !keep.has(thumbnail)) URL.revokeObjectURL(thumbnail)
  pictures.value = []
}

export function setSku(id: number, sku: string): void {
  change(id, { sku: sku.trim().slice(0, 100) })
}

async function work(): Promise<void> {
  checking++
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const picture = pictures.value.find((one) => one.id === id)
    if (picture?.source instanceof File) change(id, await check(picture.source))
  }
  checking--
  markDuplicates()
}

/** The API looks at all of it again. */
async function check(file: File): Promise<Partial<Picture>> {
  try {
    const { sha256, type } = await readImage(file)
    const shown = await drawThumbnail(file)
    if (shown && isTooLarge(shown.size)) {
      return { state: 'bad', ...shown, note: 'At most 16,384 pixels a side and 100 million in all are taken.' }
    }
    if (shown) return { state: 'good', sha256, ...shown, note: noteOf(shown.size) }
    // Most browsers cannot show these, and the pipeline can.
    if (/hei[cf]$/.test(type)) return { state: 'good', sha256, note: 'No preview in this browser' }
    return { state: 'bad', note: 'The file is damaged: it cannot be shown.' }
  } catch (error) {
    if (isVisionError(error, 'image.too_large')) {
      return { state: 'bad', note: `${bytes(file.size)}, and at most ${bytes(maxImageBytes)} are taken.` }
    }
    return { state: 'bad', note: isVisionError(error) ? error.message : 'The file cannot be read any more.' }
  }
}

/** As the API counts: core/images/detect.ts. */
function isTooLarge({ width, height }: { width: number; height: number }): boolean {
  return Math.max(width, height) > 16_384 || width * height > 100_000_000
}

function noteOf({ width, height }: { width: number; height: number }): string | undefined {
  return Math.max(width, height) < smallSide ? 'Small, may miss details' : undefined
}

function change(id: number, to: Partial<Picture>): void {
  pictures.value = pictures.value.map((picture) => (picture.id === id ? { ...picture, ...to } : picture))
}

/** Of pictures with the same bytes the first is sent. */
function markDuplicates(): void {
  const first = new Map<string, Picture>()
  pictures.value = pictures.value.map((picture) => {
    const { sha256 } = picture
    if (sha256 === undefined) return picture
    const twin = first.get(sha256)
    if (twin === undefined) {
      first.set(sha256, picture)
      return picture.state === 'bad'
        ? { ...picture, state: 'good', note: picture.size && noteOf(picture.size) }
        : picture
    }
    return { ...picture, state: 'bad', note: `Same picture as ${twin.name}` }
  })
}
