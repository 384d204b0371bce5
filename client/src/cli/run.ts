import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'
import { readImage, urlOf } from '../images.ts'
import {
  type Batch,
  isVisionError,
  type Refused,
  type Run,
  type RunImage,
  type RunProgress,
  type WantedText,
} from '../index.ts'
import { coloursOf, dollars, openClient, print, printable, type Terminal, UsageError, wholeNumber } from './context.ts'
import { brandOf, wantedText } from './outputs.ts'
import { requireWritable, rowsOf, writeCsv } from './report.ts'
import { imagesOf } from './sources.ts'

interface RunFlags {
  readonly purpose: string
  readonly output: readonly string[]
  readonly brand?: string
  readonly name?: string
  readonly csv?: string
  readonly imageColumn: string
  readonly skuColumn: string
  readonly facts?: string
  readonly uploads: number
  readonly dryRun?: true
  readonly json?: true
}

const collect = (value: string, before: readonly string[] = []) => [...before, value]

export function addRun(program: Command, terminal: Terminal): void {
  program
    .command('run')
    .description('make texts of images: files, folders, URLs, or a CSV with one row per image')
    .argument('<images...>', 'files, folders, https URLs or CSVs')
    .requiredOption('-p, --purpose <text>', 'what the texts are for')
    .option('-o, --output <format>', 'format[:language[:platform]]; repeat it for each text', collect)
    .option('-b, --brand <id or name>', 'the brand that the texts are written for')
    .option('-n, --name <name>', 'the name of the batch; a run of another name is another batch')
    .option('--csv <file>', 'write the results here')
    .option('--image-column <name>', 'CSV column with the path or URL of the image', 'image')
    .option('--sku-column <name>', 'CSV column that comes back as sku', 'sku')
    .option('--facts <names>', 'CSV columns that the writer uses as facts, separated by commas; all if left out')
    .option('--uploads <n>', 'files uploaded at once', wholeNumber, 4)
    .option('--dry-run', 'dry run: count the images, name bad files, estimate cost and time')
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      `
Running the same again continues where it stopped, and pays for nothing twice.

Examples:
  vision run photos/ -p "Sell it in our shop" -o product_description -o alt_text:de --csv texts.csv
  vision run products.csv --image-column url --facts name,price -p "Sell it" -o social_post:en:instagram --brand acme`,
    )
    .action((inputs: string[], flags: RunFlags) => run(terminal, inputs, flags))
}

async function run(terminal: Terminal, inputs: readonly string[], flags: RunFlags): Promise<void> {
  if (!flags.output) throw new UsageError('Say what to write: -o product_description, -o alt_text:de, …')
  const outputs = flags.output.map(wantedText)
  if (flags.csv !== undefined) await requireWritable(flags.csv)
  const facts = flags.facts?.split(',').map((name) => name.trim())
  const images = await imagesOf(inputs, { image: flags.imageColumn, sku: flags.skuColumn, facts })
  if (flags.dryRun) return look(terminal, images, outputs, flags)
  const vision = await openClient(terminal)
  const brand = flags.brand === undefined ? undefined : await brandOf(vision, flags.brand)
  const stop = new AbortController()
  const interrupt = () => stop.abort(new Interrupted())
  process.once('SIGINT', interrupt)
  const bar = progressBar(terminal, images.length)
  try {
    const made = await vision.run(images, {
      purpose: flags.purpose,
      outputs,
      brand,
      name: flags.name,
      uploadsAtOnce: flags.uploads,
      signal: stop.signal,
      onProgress: bar.uploading,
    })
    const batches = await made.wait({ signal: stop.signal, onChange: bar.working })
    bar.stop()
    await report(terminal, made, batches, flags)
  } finally {
    bar.stop()
    process.off('SIGINT', interrupt)
  }
}

/** Stopped by Ctrl-C. Jobs that were started continue, and the same run finds them again. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

async function report(
  terminal: Terminal,
  made: Run,
  batches: readonly Batch[],
  { csv, json }: RunFlags,
): Promise<void> {
  const pc = coloursOf(terminal)
  const rows = await rowsOf(made)
  const count = (status: string) => rows.filter((row) => row.status === status).length
  const failed = new Map<string, number>()
  for (const { status, errorCode } of rows) {
    if (status === 'failed') failed.set(String(errorCode), (failed.get(String(errorCode)) ?? 0) + 1)
  }
  const summary = {
    batchIds: made.batchIds,
    completed: count('completed'),
    failed: count('failed'),
    cancelled: count('cancelled'),
    refused: made.refused.length,
    duplicates: made.duplicates,
    // Of the batches, whose jobs of earlier runs are counted as well.
    costUsd: batches.reduce<number | null>((sum, { costUsd }) => sumOf(sum, costUsd), 0),
  }
  if (summary.failed + summary.cancelled + summary.refused > 0) terminal.exitCode = 3
  const others = batches.reduce((sum, { jobs }) => sum + jobs, 0) - made.jobs.length
  const cost = `${dollars(summary.costUsd)}${others > 0 ? ` with the other jobs of the batch` : ''}`
  print(terminal, { ...summary, rows }, json === true, () => [
    `${pc.green(String(summary.completed))} completed, ${summary.failed} failed, ${summary.refused} refused · ${cost}`,
    ...(made.duplicates > 0 ? [`  duplicates: ${made.duplicates}, each made once`] : []),
    ...[...failed].map(([code, n]) => `  ${pc.red(code)}: ${n}`),
    ...refusals(terminal, made.refused),
    ...(summary.failed > 0 ? [`Retry: vision retry --batch ${made.batchIds.join(' --batch ')}`] : []),
  ])
  if (csv === undefined) return
  await writeCsv(csv, rows)
  if (json !== true) terminal.stdout.write(`Written: ${csv}\n`)
}

function refusals(terminal: Terminal, refused: readonly Refused[]): readonly string[] {
  const pc = coloursOf(terminal)
  return refused.map(
    ({ image, error }) => `  ${pc.red(printable(image.name ?? 'an image'))}: ${printable(error.message)}`,
  )
}

/** Reads the files as a run would and asks what it would take; makes and sends nothing. */
async function look(
  terminal: Terminal,
  images: readonly RunImage[],
  outputs: readonly WantedText[],
  flags: RunFlags,
): Promise<void> {
  const refused: Refused[] = []
  const good: RunImage[] = []
  const hashes = new Set<string>()
  for (const image of images) {
    try {
      hashes.add(urlOf(image.image) ?? (await readImage(image.image)).sha256)
      good.push(image)
    } catch (error) {
      if (!isVisionError(error)) throw error
      refused.push({ image, error })
    }
  }
  if (refused.length > 0) terminal.exitCode = 3
  const estimate = await estimateOf(terminal, good, outputs, flags)
  const summary = { images: good.length, different: hashes.size, texts: good.length * textsOf(outputs), ...estimate }
  const bad = refused.map(({ image, error }) => ({ file: image.name, code: error.code }))
  print(terminal, { ...summary, refused: bad }, flags.json === true, () => [
    `${good.length} images (${hashes.size} different), ${summary.texts} texts, ${refused.length} bad files`,
    `cost about ${dollars(estimate.costUsd)}, time about ${minutes(estimate.seconds)}`,
    ...refusals(terminal, refused),
  ])
}

/** The most images of one call. */
const estimatedAtOnce = 1_000

/** What a run would cost and take, as far as the API knows; without an API that answers nothing is known. */
async function estimateOf(
  terminal: Terminal,
  images: readonly RunImage[],
  outputs: readonly WantedText[],
  { purpose, brand }: RunFlags,
) {
  const total = { costUsd: 0 as number | null, seconds: 0 as number | null }
  try {
    const vision = await openClient(terminal)
    const defaults = {
      analysisPurpose: purpose,
      outputs: [...outputs],
      ...(brand !== undefined && { brandId: await brandOf(vision, brand) }),
    }
    for (let at = 0; at < images.length; at += estimatedAtOnce) {
      const jobs = images.slice(at, at + estimatedAtOnce).map(({ image, facts }) => ({
        // Files were looked at above, and any address stands for theirs.
        imageUrl: urlOf(image) ?? 'https://example.com/file',
        ...(facts && { facts }),
      }))
      const { data } = await vision.api.POST('/v1/estimate', { body: { jobs, defaults } })
      total.costUsd = sumOf(total.costUsd, data?.costUsd)
      total.seconds = sumOf(total.seconds, data?.seconds)
    }
  } catch (error) {
    if (!isVisionError(error, 'client.unreachable')) throw error
    return { costUsd: null, seconds: null }
  }
  return total
}

const sumOf = (one: number | null, other: number | null | undefined) =>
  one === null || other === null || other === undefined ? null : one + other
const textsOf = (outputs: readonly WantedText[]) => outputs.reduce((sum, { variants = 1 }) => sum + variants, 0)
const minutes = (seconds: number | null) =>
  seconds === null ? 'unknown' : seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`

/** A bar on a terminal, a line now and then in a log. */
function progressBar({ stderr }: Terminal, images: number) {
  if (!stderr.isTTY) return { uploading: () => {}, working: () => {}, stop: () => {} }
  const format = '{what} {bar} {value}/{total} · {cost}{end}'
  const bar = new SingleBar({ format, stream: stderr, hideCursor: true, barsize: 30, clearOnComplete: true })
  bar.start(images, 0, { what: 'uploading', cost: '$0', end: '' })
  return {
    uploading: ({ jobs, refused }: RunProgress) => bar.update(jobs + refused),
    working: ({ jobs, byStatus, costUsd, estimatedEndAt }: Batch) => {
      bar.setTotal(jobs)
      const end = estimatedEndAt === null ? '' : ` · ends about ${new Date(estimatedEndAt).toLocaleTimeString()}`
      const ended = byStatus.completed + byStatus.failed + byStatus.cancelled
      bar.update(ended, { what: 'writing', cost: dollars(costUsd), end })
    },
    stop: () => bar.stop(),
  }
}
